//! Sessions at the door of a room that does not let them in by their key.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use tokio::{io::DuplexStream, sync::mpsc};
use tokio_util::task::TaskTracker;

use super::{
    net::{Owner, config},
    scripted::{Fake, welcome},
};
use crate::{
    code::{
        Code,
        pake::{Asking, Ends, Host},
    },
    gauge::Gauge,
    room::tests::peer::key,
    session::*,
    wire::*,
};

/// The code that the person has.
const CODE: &str = "zoo-abandon-lens";

const EXPORTER: [u8; 32] = [7; 32];

fn code(words: &str) -> Code {
    Code::typed(words).unwrap()
}

fn knows(words: &str) -> Result<Wish, String> {
    Ok(Wish::Code(code(words)))
}

/// Gives the streams that a test has laid out, and what the person wants.
struct Person {
    streams: mpsc::Receiver<DuplexStream>,
    known: bool,
    wishes: VecDeque<Result<Wish, String>>,
    asked: Arc<Mutex<Vec<Refusal>>>,
    /// What they prove first to a room that they do not know.
    first: Option<Result<Code, String>>,
    /// Whether the room had proved the code, each time it let them in.
    entered: Arc<Mutex<Vec<bool>>>,
}

#[async_trait]
impl Dial for Person {
    type Stream = DuplexStream;

    async fn dial(&mut self) -> Result<Dialed<DuplexStream>, DialError> {
        let stream = self.streams.recv().await.ok_or(DialError::Temporary("no way there".into()))?;
        Ok(Dialed { stream, gauge: Gauge::new(), exporter: EXPORTER, host: key(1), known: self.known })
    }

    async fn wish(&mut self, refusal: &Refusal) -> Result<Wish, String> {
        self.asked.lock().unwrap().push(refusal.clone());
        self.wishes.pop_front().expect("asked no more often than that")
    }

    async fn code(&mut self) -> Result<Option<Code>, String> {
        self.first.take().transpose()
    }

    async fn entered(&mut self, proved: bool) -> Result<(), String> {
        self.entered.lock().unwrap().push(proved);
        Ok(())
    }
}

struct Stage {
    owner: Owner,
    streams: mpsc::Sender<DuplexStream>,
    asked: Arc<Mutex<Vec<Refusal>>>,
    entered: Arc<Mutex<Vec<bool>>>,
}

impl Stage {
    /// Somebody who wants one thing after the other, at a room whose key they knew before or not.
    fn set(known: bool, wishes: impl IntoIterator<Item = Result<Wish, String>>) -> Self {
        Self::with(known, None, wishes.into_iter().collect())
    }

    fn with(known: bool, first: Option<Result<Code, String>>, wishes: VecDeque<Result<Wish, String>>) -> Self {
        let (streams, dialed) = mpsc::channel(1);
        let (asked, entered) = <(Arc<Mutex<_>>, Arc<Mutex<_>>)>::default();
        let person = Person { streams: dialed, known, wishes, asked: asked.clone(), first, entered: entered.clone() };
        Self { owner: Owner::start(config(2), person, &TaskTracker::new()), streams, asked, entered }
    }

    /// The room's end of the next link, and what its Hello wants.
    async fn dialed(&self) -> (Fake, Otherwise) {
        let (near, far) = tokio::io::duplex(4096);
        self.streams.send(near).await.unwrap();
        let mut fake = Fake::of(far);
        let ToRoom::Hello(hello) = fake.hear().await else { panic!("no hello") };
        (fake, hello.otherwise)
    }

    /// The room's end of the next link, on which the room says that it does not know the key.
    async fn refused(&self, refusal: Refusal) -> Otherwise {
        let (mut fake, otherwise) = self.dialed().await;
        fake.say(FromRoom::Refused(refusal)).await;
        otherwise
    }

    /// The room's end of a link on which the person has begun to prove the code, and their element.
    async fn begun(&self) -> (Fake, Element) {
        assert_eq!(self.refused(Refusal::Stranger).await, Otherwise::Nothing);
        let (fake, Otherwise::Code(element)) = self.dialed().await else { panic!("no code") };
        (fake, element)
    }

    /// As [`begun`](Self::begun), with the confirmation of the person, as a room judges it that has this code.
    async fn shown(&self, words: &str) -> (Fake, Option<Confirmation>) {
        let (mut fake, element) = self.begun().await;
        let (asking, own) = host(words, &element);
        fake.say(FromRoom::Code(own)).await;
        let ToRoom::Confirm(confirmation) = fake.hear().await else { panic!("no confirmation") };
        (fake, asking.judge(&confirmation))
    }

    async fn ending(&mut self) -> Ending {
        let ended = self.owner.until(|event| matches!(event, SessionEvent::Ended(_))).await;
        let SessionEvent::Ended(ending) = ended else { unreachable!() };
        ending
    }

    async fn failed(&mut self) -> String {
        match self.ending().await {
            Ending::Failed(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    fn entered(&self) -> Vec<bool> {
        self.entered.lock().unwrap().clone()
    }

    fn heard(&self, wanted: impl Fn(&SessionEvent) -> bool) -> bool {
        self.owner.heard.iter().any(wanted)
    }
}

fn host(words: &str, theirs: &Element) -> (Asking, Element) {
    let ends = Ends { exporter: EXPORTER, joiner: key(2), host: key(1) };
    let (hosting, own) = Host::start(Some(&code(words)), &ends);
    (hosting.finish(theirs).unwrap(), own)
}

fn is_entered(event: &SessionEvent) -> bool {
    matches!(event, SessionEvent::Entered { .. })
}

fn is_proved(event: &SessionEvent) -> bool {
    matches!(event, SessionEvent::Proved)
}

const BREAKS: &str = "the room breaks the protocol";

#[tokio::test(start_paused = true)]
async fn a_room_that_proves_the_code_is_believed_and_later_the_key_does() {
    let mut stage = Stage::set(false, [knows(CODE)]);
    let (mut fake, own) = stage.shown(CODE).await;
    fake.say(FromRoom::Confirmed(own.expect("it is right"))).await;
    fake.say(FromRoom::Welcome(welcome())).await;
    stage.owner.until(is_entered).await;
    assert!(stage.heard(is_proved));
    assert_eq!((&stage.asked.lock().unwrap()[..], stage.entered()), (&[Refusal::Stranger][..], vec![true]));
    drop(fake);
    let (_fake, otherwise) = stage.dialed().await;
    assert_eq!(otherwise, Otherwise::Nothing);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_welcomes_without_proving_the_code_is_not_believed_even_if_its_key_was_known() {
    for known in [false, true] {
        for confirmed in [false, true] {
            let mut stage = Stage::set(known, [knows(CODE)]);
            let mut fake = match confirmed {
                false => stage.begun().await.0,
                // A room with another code lets everybody in all the same.
                true => stage.shown("lens-abandon-zoo").await.0,
            };
            fake.say(FromRoom::Welcome(welcome())).await;
            let reason = stage.failed().await;
            assert!(reason.starts_with("whoever answers there does not know the code"), "{reason}");
            assert_eq!(stage.entered(), [false; 0]);
            assert!(!stage.heard(is_entered));
            assert!(!stage.heard(is_proved));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_22_a_confirmation_that_is_wrong_or_our_own_is_not_believed_whoever_says_it() {
    for known in [false, true] {
        for echo in [false, true] {
            let mut stage = Stage::set(known, [knows(CODE)]);
            let (mut fake, element) = stage.begun().await;
            let (_, own) = host("lens-abandon-zoo", &element);
            fake.say(FromRoom::Code(own)).await;
            let ToRoom::Confirm(theirs) = fake.hear().await else { panic!("no confirmation") };
            fake.say(FromRoom::Confirmed(if echo { theirs } else { Confirmation([9; 32]) })).await;
            fake.say(FromRoom::Welcome(welcome())).await;
            let reason = stage.failed().await;
            assert!(reason.starts_with("whoever answers there does not know the code"), "{reason}");
            assert_eq!(stage.entered(), [false; 0]);
            assert!(!stage.heard(is_entered) && !stage.heard(is_proved));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_25_what_is_out_of_turn_in_the_proof_breaks_the_protocol() {
    let confirmed = || FromRoom::Confirmed(Confirmation([9; 32]));
    let element = || host(CODE, &host_element()).1;
    // Unasked, whatever was wanted.
    for frame in [confirmed(), FromRoom::Code(element()), FromRoom::Waiting { name: "mc".into() }] {
        let mut stage = Stage::set(false, []);
        let (mut fake, otherwise) = stage.dialed().await;
        assert_eq!(otherwise, Otherwise::Nothing);
        fake.say(frame.clone()).await;
        assert_eq!(stage.failed().await, BREAKS, "{frame:?}");
    }
    for frame in [confirmed(), FromRoom::Code(element())] {
        let mut stage = Stage::set(false, [Ok(Wish::Knock)]);
        stage.refused(Refusal::Stranger).await;
        let (mut fake, otherwise) = stage.dialed().await;
        assert_eq!(otherwise, Otherwise::Knock);
        fake.say(FromRoom::Waiting { name: "mc".into() }).await;
        fake.say(frame.clone()).await;
        assert_eq!(stage.failed().await, BREAKS, "{frame:?}");
    }
    // Before the room's element.
    let mut stage = Stage::set(false, [knows(CODE)]);
    stage.begun().await.0.say(confirmed()).await;
    assert_eq!(stage.failed().await, BREAKS);
    // A second time.
    for second in [confirmed(), FromRoom::Code(element()), FromRoom::Waiting { name: "mc".into() }] {
        let mut stage = Stage::set(false, [knows(CODE)]);
        let (mut fake, own) = stage.shown(CODE).await;
        fake.say(FromRoom::Confirmed(own.expect("it is right"))).await;
        fake.say(second.clone()).await;
        fake.say(FromRoom::Welcome(welcome())).await;
        assert_eq!(stage.failed().await, BREAKS, "{second:?}");
        assert!(!stage.heard(is_entered));
    }
    let mut stage = Stage::set(false, [knows(CODE)]);
    let (mut fake, _) = stage.shown(CODE).await;
    fake.say(FromRoom::Code(element())).await;
    assert_eq!(stage.failed().await, BREAKS);
}

/// The element of a joiner, so that a host has something to go by.
fn host_element() -> Element {
    let ends = Ends { exporter: EXPORTER, joiner: key(2), host: key(1) };
    crate::code::pake::Joiner::start(&code(CODE), &ends).1
}

#[tokio::test(start_paused = true)]
async fn cases_20_and_21_an_element_of_ours_or_of_no_use_breaks_the_protocol() {
    let mut identity = [0; 32];
    identity[0] = 1;
    for element in [None, Some(Element(identity)), Some(Element([0; 32])), Some(Element([0xff; 32]))] {
        let mut stage = Stage::set(false, [knows(CODE)]);
        let (mut fake, ours) = stage.begun().await;
        fake.say(FromRoom::Code(element.unwrap_or(ours))).await;
        assert_eq!(stage.failed().await, BREAKS, "{element:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_wrong_code_the_person_is_asked_again_and_each_try_is_a_connection() {
    let mut stage = Stage::set(false, [knows("lens-abandon-zoo"), knows("zoo-zoo-zoo"), knows(CODE)]);
    let (mut fake, own) = stage.shown(CODE).await;
    assert!(own.is_none());
    fake.say(FromRoom::Refused(Refusal::WrongCode)).await;
    // Too many: nothing is compared.
    let otherwise = stage.refused(Refusal::Guesses { secs: 21 }).await;
    assert!(matches!(otherwise, Otherwise::Code(_)), "{otherwise:?}");
    let (mut fake, Otherwise::Code(element)) = stage.dialed().await else { panic!("no code") };
    let (asking, own) = host(CODE, &element);
    fake.say(FromRoom::Code(own)).await;
    let ToRoom::Confirm(confirmation) = fake.hear().await else { panic!("no confirmation") };
    fake.say(FromRoom::Confirmed(asking.judge(&confirmation).expect("it is right"))).await;
    fake.say(FromRoom::Welcome(welcome())).await;
    stage.owner.until(is_entered).await;
    let asked = [Refusal::Stranger, Refusal::WrongCode, Refusal::Guesses { secs: 21 }];
    assert_eq!(stage.asked.lock().unwrap()[..], asked);
}

#[tokio::test(start_paused = true)]
async fn who_would_rather_knock_after_a_wrong_code_does() {
    let mut stage = Stage::set(false, [knows("lens-abandon-zoo"), Ok(Wish::Knock)]);
    let (mut fake, _) = stage.shown(CODE).await;
    fake.say(FromRoom::Refused(Refusal::WrongCode)).await;
    let (mut fake, otherwise) = stage.dialed().await;
    assert_eq!(otherwise, Otherwise::Knock);
    fake.say(FromRoom::Waiting { name: "mc".into() }).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Waiting { .. })).await;
    // The host says yes: there is no code to prove.
    fake.say(FromRoom::Welcome(welcome())).await;
    stage.owner.until(is_entered).await;
    drop(fake);
    // A room that restarted may have to ask its host again.
    let (_fake, otherwise) = stage.dialed().await;
    assert_eq!(otherwise, Otherwise::Knock);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_knows_nobody_although_it_is_asked_to_ask_breaks_the_protocol() {
    for refusal in [Refusal::Stranger, Refusal::WrongCode, Refusal::Guesses { secs: 9 }] {
        let mut stage = Stage::set(false, [Ok(Wish::Knock)]);
        stage.refused(Refusal::Stranger).await;
        assert_eq!(stage.refused(refusal.clone()).await, Otherwise::Knock);
        assert_eq!(stage.failed().await, BREAKS, "{refusal:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_wants_nothing_leaves_and_who_has_nothing_to_say_says_why() {
    let mut stage = Stage::set(false, [Ok(Wish::Leave)]);
    stage.refused(Refusal::Stranger).await;
    assert_eq!(stage.ending().await, Ending::Left);
    let mut stage = Stage::set(false, [Err("no code".to_owned())]);
    stage.refused(Refusal::Stranger).await;
    assert_eq!(stage.failed().await, "no code");
    assert_eq!(stage.entered(), [false; 0]);
}

#[tokio::test(start_paused = true)]
async fn whoever_was_in_and_is_a_stranger_now_is_told_so_and_not_asked_again() {
    let mut stage = Stage::set(false, [knows(CODE)]);
    let (mut fake, own) = stage.shown(CODE).await;
    fake.say(FromRoom::Confirmed(own.expect("it is right"))).await;
    fake.say(FromRoom::Welcome(welcome())).await;
    stage.owner.until(is_entered).await;
    drop(fake);
    assert_eq!(stage.refused(Refusal::Stranger).await, Otherwise::Nothing);
    assert_eq!(stage.ending().await, Ending::Refused(Refusal::Stranger));
    assert_eq!(stage.asked.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_proves_the_code_and_then_refuses_is_heard() {
    let mut stage = Stage::set(false, [knows(CODE)]);
    let (mut fake, own) = stage.shown(CODE).await;
    fake.say(FromRoom::Confirmed(own.expect("it is right"))).await;
    fake.say(FromRoom::Refused(Refusal::Locked)).await;
    assert_eq!(stage.ending().await, Ending::Refused(Refusal::Locked));
    assert_eq!(stage.entered(), [false; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_is_not_known_has_to_prove_a_code_that_is_at_hand_before_it_can_say_welcome() {
    let mut stage = Stage::with(false, Some(Ok(code(CODE))), VecDeque::new());
    let (mut fake, Otherwise::Code(_)) = stage.dialed().await else { panic!("no code") };
    fake.say(FromRoom::Welcome(welcome())).await;
    assert!(stage.failed().await.starts_with("whoever answers there does not know the code"));
    assert_eq!(stage.entered(), [false; 0]);

    let mut stage = Stage::with(false, Some(Ok(code(CODE))), VecDeque::new());
    let (mut fake, Otherwise::Code(element)) = stage.dialed().await else { panic!("no code") };
    let (asking, own) = host(CODE, &element);
    fake.say(FromRoom::Code(own)).await;
    let ToRoom::Confirm(confirmation) = fake.hear().await else { panic!("no confirmation") };
    fake.say(FromRoom::Confirmed(asking.judge(&confirmation).expect("it is right"))).await;
    fake.say(FromRoom::Welcome(welcome())).await;
    stage.owner.until(is_entered).await;
    assert_eq!(stage.entered(), [true]);

    // A room whose key is known has proved enough, and one that knows ours wants no code.
    let mut stage = Stage::with(true, Some(Ok(code(CODE))), VecDeque::new());
    let (mut fake, Otherwise::Nothing) = stage.dialed().await else { panic!("a code") };
    fake.say(FromRoom::Welcome(welcome())).await;
    stage.owner.until(is_entered).await;
    assert_eq!(stage.entered(), [false]);

    let mut stage = Stage::with(false, Some(Err("a slip".to_owned())), VecDeque::new());
    let (near, _far) = tokio::io::duplex(4096);
    stage.streams.send(near).await.unwrap();
    assert_eq!(stage.failed().await, "a slip");
}
