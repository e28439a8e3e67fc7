use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    time::Duration,
};

use tokio::time::{Instant, timeout};

use super::peer::*;
use crate::{
    code::{
        Code,
        pake::{Ends, Joiner},
    },
    room::{Guests, RoomConfig},
    wire::*,
};

/// The code of the rooms under test, and one that is not.
pub(super) const RIGHT: &str = "zoo-abandon-lens";
pub(super) const WRONG: &str = "lens-abandon-zoo";

pub(super) fn code(words: &str) -> Arc<Code> {
    Arc::new(Code::typed(words).unwrap())
}

/// A private room with a code.
pub(super) fn coded() -> RoomConfig {
    RoomConfig { code: Some(code(RIGHT)), ..config() }
}

/// Somebody in the middle of proving that they know the code.
pub(super) struct Prover {
    pub(super) member: Member,
    /// Consumed by the confirmation.
    pub(super) joiner: Option<Joiner>,
    /// What the room answered to the Hello.
    pub(super) answer: FromRoom,
}

impl Prover {
    /// The confirmation that goes with the room's answer.
    pub(super) fn confirmation(&mut self) -> ToRoom {
        let FromRoom::Code(element) = &self.answer else { panic!("{:?}", self.answer) };
        let (_, confirmation) = self.joiner.take().unwrap().finish(element).unwrap();
        ToRoom::Confirm(confirmation)
    }
}

/// A caller's Hello with the element for `words`.
pub(super) fn with_code(who: Who, words: &Code) -> (Who, Joiner) {
    let ends = Ends { exporter: who.exporter, joiner: who.key, host: key(1) };
    let (joiner, element) = Joiner::start(words, &ends);
    (who.otherwise(Otherwise::Code(element)), joiner)
}

/// Says Hello with the element for `words`.
pub(super) async fn begin(house: &House, who: Who, words: &str) -> Prover {
    let (who, joiner) = with_code(who, &code(words));
    let (member, answer) = house.call(who).await;
    Prover { member, joiner: Some(joiner), answer }
}

/// Goes as far with `words` as the room lets it: the member, who may be in, and all that the room said.
pub(super) async fn prove(house: &House, who: Who, words: &str) -> (Member, Vec<FromRoom>) {
    let Prover { mut member, joiner, answer } = begin(house, who, words).await;
    let mut said = vec![answer.clone()];
    if let FromRoom::Code(element) = answer {
        let (doubting, confirmation) = joiner.unwrap().finish(&element).unwrap();
        member.say(ToRoom::Confirm(confirmation)).await;
        said.push(member.hear().await.expect("a verdict"));
        if let Some(FromRoom::Confirmed(confirmation)) = said.last() {
            assert!(doubting.believes(confirmation), "the room has to know the code, too");
            said.push(member.hear().await.expect("a verdict"));
        }
    }
    match said.last() {
        Some(FromRoom::Welcome(welcome)) => member.welcomed(FromRoom::Welcome(welcome.clone())),
        Some(FromRoom::Refused(_)) => assert_eq!(member.hear().await, None),
        other => panic!("{other:?}"),
    }
    (member, said)
}

/// What the room said to somebody with `words`, but for numbers that are random anyway, and how long it took.
async fn answered(house: &House, who: Who, words: &str) -> (Vec<(&'static str, usize)>, Option<Refusal>, Duration) {
    let start = Instant::now();
    let (_, said) = prove(house, who, words).await;
    let kind = |frame: &FromRoom| match frame {
        FromRoom::Code(_) => "code",
        FromRoom::Confirmed(_) => "confirmed",
        FromRoom::Welcome(_) => "welcome",
        FromRoom::Refused(_) => "refused",
        _ => "something else",
    };
    let kinds = said.iter().map(|frame| (kind(frame), encode(frame).unwrap().len())).collect();
    let refusal = if let Some(FromRoom::Refused(refusal)) = said.last() { Some(refusal.clone()) } else { None };
    (kinds, refusal, start.elapsed())
}

pub(super) async fn refused(house: &House, who: Who, words: &str) -> Option<Refusal> {
    answered(house, who, words).await.1
}

/// A list of guests whose first entry is saved when a test says so, or never.
struct Slow {
    book: Book,
    until: Mutex<Option<mpsc::Receiver<()>>>,
    saved: AtomicBool,
    full: bool,
}

impl Slow {
    fn new(until: Option<mpsc::Receiver<()>>, full: bool) -> Arc<Self> {
        Arc::new(Self { book: Book::default(), until: Mutex::new(until), saved: false.into(), full })
    }
}

impl Guests for Slow {
    fn name_of(&self, key: &PublicKey) -> anyhow::Result<Option<String>> {
        self.book.name_of(key)
    }

    fn key_of(&self, name: &str) -> anyhow::Result<Option<PublicKey>> {
        self.book.key_of(name)
    }

    fn let_in(&self, key: &PublicKey, name: &str) -> anyhow::Result<()> {
        anyhow::ensure!(!self.full, "no space left on {}", "the disk ".repeat(100));
        if let Some(until) = self.until.lock().unwrap_or_else(PoisonError::into_inner).take() {
            until.recv()?;
        }
        self.book.let_in(key, name)?;
        self.saved.store(true, Relaxed);
        Ok(())
    }

    fn put_out(&self, key: &PublicKey) -> anyhow::Result<()> {
        self.book.put_out(key)
    }

    fn ban(&self, key: &PublicKey, name: &str) -> anyhow::Result<()> {
        self.book.ban(key, name)
    }

    fn unban(&self, key: &PublicKey) -> anyhow::Result<()> {
        self.book.unban(key)
    }
}

fn is_invited(event: &Event) -> bool {
    matches!(event, Event::Invited { .. })
}

#[tokio::test(start_paused = true)]
async fn the_right_code_lets_in_and_from_then_on_the_key_does() {
    let config = coded();
    let guests = config.guests.clone();
    let (house, mut host) = House::private(config).await;
    let mut second = house.enter(who(1, "ann").instance(9)).await;
    let (kinds, refusal, _) = answered(&house, who(3, "carol"), RIGHT).await;
    assert_eq!(
        (kinds.iter().map(|kind| kind.0).collect::<Vec<_>>(), refusal),
        (vec!["code", "confirmed", "welcome"], None)
    );
    let (mut bob, _) = prove(&house, who(2, "bob"), RIGHT).await;
    for ruler in [&mut host, &mut second] {
        for name in ["carol", "bob"] {
            let joined = ruler.until(|event| matches!(event, Event::Joined(who) if who.name == name)).await;
            let Event::Joined(joined) = joined else { unreachable!() };
            let invited = ruler.until(is_invited).await;
            assert_eq!(invited, Event::Invited { member: joined, unlisted: None });
        }
    }
    assert_eq!(guests.name_of(&key(2)).unwrap().as_deref(), Some("bob"));
    assert!(!bob.events().await.iter().any(is_invited), "who may not admit is not told");
    bob.say(ToRoom::Leave).await;
    bob.rest().await;
    let mut bob = house.enter(who(2, "bob").instance(7).otherwise(Otherwise::Nothing)).await;
    assert!(!host.events().await.iter().any(is_invited));
    bob.text("by key").await;
    assert_eq!(second.texts().await, ["by key"]);
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_cannot_be_listed_is_in_all_the_same_and_the_host_hears_why() {
    let (house, mut host) = House::private(RoomConfig { guests: Slow::new(None, true), ..coded() }).await;
    let (mut bob, _) = prove(&house, who(2, "bob"), RIGHT).await;
    let Event::Invited { member, unlisted: Some(why) } = host.until(is_invited).await else { panic!("not told why") };
    assert_eq!((member.number, member.key), (bob.welcome.number, key(2)));
    assert!(why.starts_with("no space left") && why.len() <= MAX_REASON_LEN, "{why}");
    bob.text("hello").await;
    assert_eq!(host.texts().await, ["hello"]);
    // A link that breaks finds its seat; another instance needs the code again.
    house.enter(who(2, "bob").back(&bob).otherwise(Otherwise::Nothing)).await;
    let other = who(2, "bob").instance(7).otherwise(Otherwise::Nothing);
    assert_eq!(house.refused(other).await, Refusal::Stranger);
}

#[tokio::test]
async fn who_is_banned_while_the_list_is_being_saved_does_not_stay_on_it() {
    let (go, until) = mpsc::channel();
    let guests = Slow::new(Some(until), false);
    let (house, mut host) = House::private(RoomConfig { guests: guests.clone(), ..coded() }).await;
    let (mut bob, _) = prove(&house, who(2, "bob"), RIGHT).await;
    let ban = Request::Ban { whom: Whom::Member(bob.welcome.number), reason: String::new() };
    assert_eq!(host.ask(ban).await, Answer::Done);
    assert!(matches!(bob.ended().await, Some(End::Kicked { term: Term::Good, .. })));
    assert_eq!(guests.name_of(&key(2)).unwrap(), None);
    go.send(()).unwrap();
    let cleared = timeout(Duration::from_secs(30), async {
        // First it is put on the list, late as it is, and then taken off.
        while !guests.saved.load(Relaxed) || guests.name_of(&key(2)).unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    });
    assert!(cleared.await.is_ok(), "it stays on the list");
    assert!(!host.events().await.iter().any(is_invited));
}

#[tokio::test(start_paused = true)]
async fn case_29_a_wrong_a_withdrawn_a_replaced_and_no_code_have_one_answer() {
    let (with, mut host_with) = House::private(coded()).await;
    let (without, _host_without) = House::private(config()).await;
    let wrong = answered(&with, who(2, "bob"), WRONG).await;
    let none = answered(&without, who(2, "bob"), RIGHT).await;
    let Answer::Code(Some(new)) = host_with.ask(Request::Code(CodeChange::New)).await else { panic!("no new code") };
    let replaced = answered(&with, who(3, "bob"), RIGHT).await;
    assert_eq!(host_with.ask(Request::Code(CodeChange::Off)).await, Answer::Code(None));
    let withdrawn = answered(&with, who(4, "bob"), &new).await;
    assert_eq!(wrong.1, Some(Refusal::WrongCode));
    assert_eq!(wrong.0.iter().map(|kind| kind.0).collect::<Vec<_>>(), ["code", "refused"]);
    for other in [none, replaced, withdrawn] {
        assert_eq!(other, wrong);
    }
}

#[tokio::test(start_paused = true)]
async fn the_host_alone_sees_and_changes_the_code_and_a_new_one_lets_in() {
    let (house, mut host) = House::private(coded()).await;
    assert_eq!(host.ask(Request::Code(CodeChange::Keep)).await, Answer::Code(Some(RIGHT.into())));
    let Answer::Code(Some(new)) = host.ask(Request::Code(CodeChange::New)).await else { panic!("no new code") };
    assert_ne!(new, RIGHT);
    assert_eq!(host.ask(Request::Code(CodeChange::Keep)).await, Answer::Code(Some(new.clone())));
    assert_eq!(refused(&house, who(2, "bob"), RIGHT).await, Some(Refusal::WrongCode));
    assert_eq!(refused(&house, who(2, "bob"), &new).await, None);
    assert_eq!(host.ask(Request::Code(CodeChange::Off)).await, Answer::Code(None));
    assert_eq!(host.ask(Request::Code(CodeChange::Keep)).await, Answer::Code(None));
}

#[tokio::test(start_paused = true)]
async fn a_code_that_changes_between_element_and_confirmation_is_a_wrong_one() {
    for change in [CodeChange::New, CodeChange::Off] {
        let (house, mut host) = House::private(coded()).await;
        let mut bob = begin(&house, who(2, "bob"), RIGHT).await;
        host.ask(Request::Code(change)).await;
        let confirmation = bob.confirmation();
        bob.member.say(confirmation).await;
        assert_eq!(bob.member.rest().await, [FromRoom::Refused(Refusal::WrongCode)], "{change:?}");
        assert!(!host.events().await.iter().any(|event| matches!(event, Event::Joined(who) if who.key == key(2))));
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_brings_a_code_sees_whether_the_room_knows_it_even_where_it_is_not_needed() {
    let config = coded();
    config.guests.let_in(&key(2), "bob").unwrap();
    let (house, _host) = House::private(config).await;
    let (open, _host_of_open) = House::public(coded()).await;
    for (house, of) in [(&house, 1), (&house, 2), (&open, 3)] {
        let caller = who(of, "guest").instance(9);
        let (kinds, refusal, _) = answered(house, caller.clone(), RIGHT).await;
        assert_eq!(
            (kinds.iter().map(|kind| kind.0).collect::<Vec<_>>(), refusal),
            (vec!["code", "confirmed", "welcome"], None)
        );
        assert_eq!(refused(house, caller.instance(8), WRONG).await, Some(Refusal::WrongCode));
    }
    // Without one they come in as ever.
    house.enter(who(2, "bob").instance(7).otherwise(Otherwise::Nothing)).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_knocks_and_proves_the_code_at_once_has_one_seat() {
    let (house, mut host) = House::private(coded()).await;
    let (mut knocker, answer) = house.call(who(2, "bob")).await;
    assert!(matches!(answer, FromRoom::Waiting { .. }));
    let (bob, _) = prove(&house, who(2, "bob"), RIGHT).await;
    assert_eq!(knocker.rest().await, [FromRoom::Refused(Refusal::Declined)]);
    assert!(matches!(host.ask(Request::Admit { name: "bob".into() }).await, Answer::Denied(_)));
    let Answer::Who { rows, .. } = host.ask(Request::Who { after: 0 }).await else { panic!("no answer") };
    assert_eq!(rows.iter().map(|row| row.member.number).collect::<Vec<_>>(), [1, bob.welcome.number]);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_who_says_neither_hears_that_it_is_one() {
    let (house, mut host) = House::private(coded()).await;
    let bob = who(2, "bob").otherwise(Otherwise::Nothing);
    assert_eq!(house.refused(bob).await, Refusal::Stranger);
    assert_eq!(host.ask(Request::Knocks).await, Answer::Knocks(Vec::new()));
    assert_eq!(host.events().await, []);
}

#[tokio::test(start_paused = true)]
async fn case_139_who_cannot_get_in_anyhow_is_told_so_before_any_exchange() {
    let (house, mut host) = House::private(RoomConfig { max_members: 3, ..coded() }).await;
    let (bob, _) = prove(&house, who(2, "bob"), RIGHT).await;
    let answer = async |caller: Who| begin(&house, caller, RIGHT).await.answer;
    let reason = String::new();
    host.ask(Request::Ban { whom: Whom::Member(bob.welcome.number), reason }).await;
    let elsewhere = who(2, "robert").instance(5).from("10.0.9.9");
    assert_eq!(answer(elsewhere).await, FromRoom::Refused(Refusal::Banned { secs: None }));
    host.ask(Request::Lock { locked: true }).await;
    assert_eq!(answer(who(3, "carol")).await, FromRoom::Refused(Refusal::Locked));
    host.ask(Request::Lock { locked: false }).await;
    let _members = [prove(&house, who(3, "carol"), RIGHT).await, prove(&house, who(4, "dave"), RIGHT).await];
    assert_eq!(answer(who(5, "erin")).await, FromRoom::Refused(Refusal::Full { limit: 3 }));
}

#[tokio::test(start_paused = true)]
async fn what_changes_while_the_code_is_proved_counts_too() {
    let (house, mut host) = House::private(RoomConfig { max_members: 2, ..coded() }).await;
    let verdict = async |mut prover: Prover| {
        let confirmation = prover.confirmation();
        prover.member.say(confirmation).await;
        prover.member.rest().await.pop()
    };
    let bob = begin(&house, who(2, "bob"), RIGHT).await;
    host.ask(Request::Lock { locked: true }).await;
    assert_eq!(verdict(bob).await, Some(FromRoom::Refused(Refusal::Locked)));
    host.ask(Request::Lock { locked: false }).await;
    let carol = begin(&house, who(3, "carol"), RIGHT).await;
    let _bob = prove(&house, who(2, "bob"), RIGHT).await;
    assert_eq!(verdict(carol).await, Some(FromRoom::Refused(Refusal::Full { limit: 2 })));
}
