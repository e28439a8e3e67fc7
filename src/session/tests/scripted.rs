//! Sessions against a room that says what a test wants.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use tokio::{
    io::{AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf},
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_util::{codec::FramedRead, task::TaskTracker};

use super::net::{Owner, config, line};
use crate::{gauge::Gauge, room::tests::peer::key, session::*, wire::*};

/// Gives the streams that a test has laid out.
struct Streams(mpsc::Receiver<Result<DuplexStream, DialError>>);

#[async_trait]
impl Dial for Streams {
    type Stream = DuplexStream;

    async fn dial(&mut self) -> Result<Dialed<DuplexStream>, DialError> {
        let stream = self.0.recv().await.expect("the test lives")?;
        Ok(Dialed { stream, gauge: Gauge::new(), exporter: [0; 32], host: key(1), known: true })
    }
}

/// The room's end of one link.
pub(super) struct Fake {
    frames: FramedRead<ReadHalf<DuplexStream>, Codec<ToRoom>>,
    write: WriteHalf<DuplexStream>,
}

impl Fake {
    /// The room's end of a stream.
    pub(super) fn of(far: DuplexStream) -> Self {
        let (read, write) = tokio::io::split(far);
        Self { frames: FramedRead::new(read, Codec::new(MAX_FRAME_LEN)), write }
    }

    pub(super) async fn hear(&mut self) -> ToRoom {
        loop {
            match self.frames.next().await.expect("open").expect("good frames") {
                ToRoom::Ask(Request::Who { .. }) => {
                    self.say(FromRoom::Answer(Answer::Who { rows: Vec::new(), more: false })).await;
                }
                frame => return frame,
            }
        }
    }

    pub(super) async fn say(&mut self, frame: FromRoom) {
        let _ = self.write.write_all(&encode(&frame).unwrap()).await;
    }

    pub(super) async fn event(&mut self, seq: u64, event: Event) {
        self.say(FromRoom::Event { seq, event }).await;
    }
}

pub(super) struct Stage {
    pub(super) owner: Owner,
    streams: mpsc::Sender<Result<DuplexStream, DialError>>,
}

impl Stage {
    fn set() -> Self {
        Self::set_with(FEATURE_ASKABLE)
    }

    /// With a member of these abilities.
    fn set_with(features: u64) -> Self {
        let (streams, dialed) = mpsc::channel(1);
        let config = SessionConfig { features, ..config(2) };
        Self { owner: Owner::start(config, Streams(dialed), &TaskTracker::new()), streams }
    }

    /// The room's end of the next link, and the Hello that came.
    pub(super) async fn dialed(&self) -> (Fake, Hello) {
        let (near, far) = tokio::io::duplex(4096);
        self.streams.send(Ok(near)).await.unwrap();
        let mut fake = Fake::of(far);
        let ToRoom::Hello(hello) = fake.hear().await else { panic!("no hello") };
        (fake, hello)
    }

    /// The room's end of a link over which somebody knocks.
    async fn knocked(&self) -> Fake {
        let (mut fake, hello) = self.dialed().await;
        assert_eq!(hello.otherwise, Otherwise::Nothing);
        fake.say(FromRoom::Refused(Refusal::Stranger)).await;
        let (fake, hello) = self.dialed().await;
        assert_eq!(hello.otherwise, Otherwise::Knock);
        fake
    }

    /// A session that is in, at `seq` 10.
    pub(super) async fn entered() -> (Self, Fake) {
        Self::set().enter().await
    }

    /// The same, of one that wants to be told what was said before.
    pub(super) async fn entered_curious() -> (Self, Fake) {
        Self::set_with(FEATURE_BACKLOG).enter().await
    }

    async fn enter(self) -> (Self, Fake) {
        let mut stage = self;
        let (mut fake, hello) = stage.dialed().await;
        assert_eq!((hello.next, hello.resume), (1, None));
        fake.say(FromRoom::Welcome(welcome())).await;
        stage.owner.until(|event| matches!(event, SessionEvent::Entered { .. })).await;
        (stage, fake)
    }

    /// Hears one line of ann and loses its link. The room's end of the next one.
    pub(super) async fn heard_and_cut(&mut self, mut fake: Fake, n: u64) -> Fake {
        fake.say(ann()).await;
        fake.event(11, said(1, n, None)).await;
        self.owner.until(|event| matches!(event, SessionEvent::Message(_))).await;
        drop(fake);
        self.dialed().await.0
    }

    pub(super) async fn ending(&mut self) -> Ending {
        let SessionEvent::Ended(ending) = self.owner.until(|event| matches!(event, SessionEvent::Ended(_))).await
        else {
            unreachable!()
        };
        ending
    }
}

pub(super) fn welcome() -> Welcome {
    Welcome {
        features: 0,
        epoch: Epoch([1; 16]),
        number: 5,
        name: "mc".into(),
        accepted: 0,
        seq: 10,
        members: 1,
        host: "ann".into(),
        resumed: true,
    }
}

pub(super) fn ann() -> FromRoom {
    FromRoom::Member(Introduction { number: 1, key: key(1), instance: Instance([1; 16]), name: "ann".into() })
}

pub(super) fn said(from: u32, n: u64, to: Option<u32>) -> Event {
    Event::Said { from, n, prev: 0, to, kept: None, said: Said { command: "chat".into(), payload: "x".into() } }
}

/// What ann says to everyone after the one of that number.
pub(super) fn said_after(prev: u64, n: u64) -> Event {
    Event::Said { from: 1, n, prev, to: None, kept: None, said: Said { command: "chat".into(), payload: "x".into() } }
}

/// A page of members with ann alone.
fn page() -> FromRoom {
    let FromRoom::Member(member) = ann() else { unreachable!() };
    let row = WhoRow { member, address: None, since_secs: 0, rtt_micros: None, host: false, away: false, muted: false };
    FromRoom::Answer(Answer::Who { rows: vec![row], more: false })
}

#[tokio::test(start_paused = true)]
async fn whoever_took_a_name_is_not_called_otherwise_by_an_answer_from_before_it() {
    let (mut stage, mut fake) = Stage::entered().await;
    assert!(matches!(fake.frames.next().await, Some(Ok(ToRoom::Ask(Request::Who { .. })))));
    fake.say(ann()).await;
    fake.event(11, Event::Renamed { member: 1, name: "anna".into() }).await;
    fake.say(page()).await;
    fake.say(FromRoom::Slowed { rate: None }).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Slowed { .. })).await;
    let names: Vec<_> = stage.owner.handle.members().into_iter().map(|member| member.name).collect();
    assert_eq!(names, ["anna", "mc"]);
}

#[tokio::test(start_paused = true)]
async fn who_left_in_a_gap_is_not_brought_back_by_an_answer_from_before_it() {
    let (mut stage, mut fake) = Stage::entered().await;
    assert!(matches!(fake.frames.next().await, Some(Ok(ToRoom::Ask(Request::Who { .. })))));
    fake.say(FromRoom::Gap(Gap { missed: 5, accepted: 0, seq: 20, kept: Vec::new() })).await;
    fake.say(page()).await;
    // Asked again, since everything may have changed.
    assert!(matches!(fake.frames.next().await, Some(Ok(ToRoom::Ask(Request::Who { .. })))));
    fake.say(FromRoom::Answer(Answer::Who { rows: Vec::new(), more: false })).await;
    fake.say(FromRoom::Slowed { rate: None }).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Slowed { .. })).await;
    assert_eq!(stage.owner.handle.members().len(), 1, "oneself");
}

#[tokio::test(start_paused = true)]
async fn what_the_room_can_and_is_follows_its_last_welcome() {
    let mut stage = Stage::set();
    assert_eq!(stage.owner.handle.room_features(), 0);
    for features in [FEATURE_STREAMS, FEATURE_OPEN] {
        let (mut fake, _) = stage.dialed().await;
        fake.say(FromRoom::Welcome(Welcome { features, ..welcome() })).await;
        let entered =
            |event: &SessionEvent| matches!(event, SessionEvent::Entered { .. } | SessionEvent::Restored { .. });
        stage.owner.until(entered).await;
        assert_eq!(stage.owner.handle.room_features(), features);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_somebody_known_is_told_and_of_nobody_breaks_the_protocol() {
    let (mut stage, mut fake) = Stage::entered().await;
    fake.say(ann()).await;
    fake.event(11, Event::Stream { from: 1, token: Token([7; 32]) }).await;
    let told = stage.owner.until(|event| matches!(event, SessionEvent::Stream { .. })).await;
    let SessionEvent::Stream { from, token } = told else { unreachable!() };
    assert_eq!((from.name.as_str(), token), ("ann", Token([7; 32])));
    fake.event(12, Event::Stream { from: 99, token: Token([7; 32]) }).await;
    assert!(matches!(stage.ending().await, Ending::Failed(_)));
}

#[tokio::test(start_paused = true)]
async fn case_47_and_143_a_room_that_breaks_the_protocol_ends_the_session_in_plain_words() {
    let gap = |accepted, seq| FromRoom::Gap(Gap { missed: u64::MAX, accepted, seq, kept: Vec::new() });
    let event = |seq, event| FromRoom::Event { seq, event };
    for bad in [
        event(10, said(1, 1, None)),
        event(0, Event::Away { member: 1 }),
        event(11, said(99, 1, None)),
        event(11, said(1, 1, Some(77))),
        event(11, said(5, 1, None)),
        event(11, Event::Refused { n: 1, reason: String::new() }),
        event(11, Event::Left { member: 99, how: Departure::Quit }),
        event(11, Event::Moved { port: 0 }),
        gap(1, 10),
        gap(0, 9),
        FromRoom::Welcome(welcome()),
        FromRoom::Refused(Refusal::Full { limit: 1 }),
        FromRoom::Waiting { name: "x".into() },
    ] {
        let (mut stage, mut fake) = Stage::entered().await;
        fake.say(ann()).await;
        fake.say(bad.clone()).await;
        assert!(matches!(stage.ending().await, Ending::Failed(_)), "{bad:?}");
        assert!(matches!(
            stage.owner.handle.send(line(To::Everyone, "x", None), WhenFull::Wait).await,
            Err(SendError::Over)
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn case_143_a_room_that_sends_somebody_to_port_0_is_not_looked_for_there() {
    let mut stage = Stage::set();
    let (mut fake, _) = stage.dialed().await;
    fake.say(FromRoom::Refused(Refusal::Moved { port: 0 })).await;
    assert_eq!(stage.ending().await, Ending::Failed("the room breaks the protocol".into()));
}

#[tokio::test(start_paused = true)]
async fn case_143_gaps_without_end_overflow_nothing() {
    let (mut stage, mut fake) = Stage::entered().await;
    fake.say(ann()).await;
    for seq in [11, 12] {
        fake.say(FromRoom::Gap(Gap { missed: u64::MAX, accepted: 0, seq, kept: Vec::new() })).await;
    }
    fake.say(ann()).await;
    fake.event(13, said(1, 1, None)).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Message(_))).await;
}

#[tokio::test(start_paused = true)]
async fn case_10_a_room_that_never_answers_a_hello_is_given_up_in_plain_words() {
    let mut stage = Stage::set();
    let start = Instant::now();
    let (_fake, _) = stage.dialed().await;
    assert_eq!(stage.ending().await, Ending::Failed("the room does not answer".into()));
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn cases_124_and_125_a_way_that_passes_nothing_is_noticed_and_the_member_comes_back_from_wherever_it_is() {
    let (mut stage, mut fake) = Stage::entered().await;
    let start = Instant::now();
    let cut = stage.owner.until(|event| matches!(event, SessionEvent::Cut { .. })).await;
    assert!(matches!(cut, SessionEvent::Cut { reason, .. } if reason == "the room has fallen silent"));
    assert_eq!(start.elapsed().as_secs(), 45);
    let mut pings = 0;
    while let Some(Ok(frame)) = fake.frames.next().await {
        pings += usize::from(matches!(frame, ToRoom::Ping(_)));
    }
    assert_eq!(pings, 2, "one every 15 s");
    // A night later its seat is gone, and with it what was said.
    tokio::time::advance(Duration::from_secs(8 * 3600)).await;
    let (mut fake, hello) = stage.dialed().await;
    assert_eq!(hello.resume.map(|at| (at.epoch, at.seq)), Some((Epoch([1; 16]), 10)));
    fake.say(FromRoom::Welcome(Welcome { number: 9, seq: 700, resumed: false, ..welcome() })).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Restored { restarted: false, missed: true })).await;
    let quiet = timeout(Duration::from_secs(14), fake.hear()).await;
    assert!(quiet.is_err(), "no burst of anything that had waited: {quiet:?}");
}

#[tokio::test(start_paused = true)]
async fn case_145_words_of_yesterday_are_dropped_and_a_hole_is_stated() {
    let (mut stage, mut fake) = Stage::entered().await;
    fake.say(ann()).await;
    fake.event(11, said_after(6, 7)).await;
    fake.event(12, said_after(6, 7)).await;
    fake.event(13, said_after(2, 3)).await;
    fake.event(14, said_after(8, 9)).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Message(m) if m.n == 9)).await;
    let lost = stage.owner.heard.iter().filter(|event| matches!(event, SessionEvent::Lost { .. })).count();
    assert_eq!((stage.owner.texts().len(), lost), (2, 1), "case 142: a line that was left out shows");
}

#[tokio::test(start_paused = true)]
async fn what_others_have_up_stays_up_when_a_lost_seat_is_taken_again() {
    let kept = |from, number| {
        let said = Said { command: "chat".into(), payload: "x".into() };
        Event::Said { from, n: u64::from(number), prev: 0, to: None, kept: Some(Kept { number, tag: 1 }), said }
    };
    let (mut stage, mut fake) = Stage::entered().await;
    fake.say(ann()).await;
    fake.event(11, kept(1, 3)).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Message(message) if message.kept == Some(3))).await;
    drop(fake);

    let (mut fake, _) = stage.dialed().await;
    fake.say(FromRoom::Welcome(Welcome { resumed: false, seq: 20, number: 6, ..welcome() })).await;
    fake.say(ann()).await;
    // The room tells again what it keeps, which is a double here.
    fake.event(11, kept(1, 3)).await;
    fake.event(21, said(1, 9, None)).await;
    let mut gone = false;
    stage
        .owner
        .until(|event| {
            gone |= matches!(event, SessionEvent::Withdrawn { .. });
            matches!(event, SessionEvent::Message(message) if message.n == 9)
        })
        .await;
    assert!(!gone);
    assert_eq!(stage.owner.handle.kept(), [3]);
}

#[tokio::test(start_paused = true)]
async fn a_gap_that_acknowledges_empties_the_outbox() {
    let (mut stage, mut fake) = Stage::entered().await;
    for _ in 0..2 {
        stage.owner.handle.send(line(To::Everyone, "x", None), WhenFull::Fail).await.unwrap();
    }
    fake.hear().await;
    fake.say(FromRoom::Gap(Gap { missed: 3, accepted: 2, seq: 20, kept: Vec::new() })).await;
    stage.owner.handle.drained().await;
    stage.owner.until(|event| matches!(event, SessionEvent::Acknowledged { n: 2 })).await;
    drop(fake);
    let (_fake, hello) = stage.dialed().await;
    assert_eq!((hello.next, hello.resume.map(|at| (at.seq, at.count))), (3, Some((20, 3))));
}

#[tokio::test(start_paused = true)]
async fn a_room_that_has_accepted_what_was_never_sent_is_broken() {
    let mut stage = Stage::set();
    let (mut fake, _) = stage.dialed().await;
    fake.say(FromRoom::Welcome(Welcome { accepted: 1, ..welcome() })).await;
    assert!(matches!(stage.ending().await, Ending::Failed(_)));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_and_a_kick_end_the_session_and_nobody_dials_again() {
    let mut stage = Stage::set();
    let (mut fake, _) = stage.dialed().await;
    fake.say(FromRoom::Refused(Refusal::Declined)).await;
    assert_eq!(stage.ending().await, Ending::Refused(Refusal::Declined));
    let (mut stage, mut fake) = Stage::entered().await;
    fake.say(FromRoom::Ended(End::Kicked { by: "ann".into(), reason: String::new(), term: Term::Minutes })).await;
    assert_eq!(stage.ending().await, Ending::Kicked { by: "ann".into(), reason: String::new(), term: Term::Minutes });
    stage.streams.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_first_try_that_fails_ends_and_a_later_one_is_repeated_within_bounds_that_double() {
    let mut stage = Stage::set();
    stage.streams.send(Err(DialError::Temporary("no route".into()))).await.unwrap();
    assert_eq!(stage.ending().await, Ending::Failed("no route".into()));
    let (mut stage, fake) = Stage::entered().await;
    drop(fake);
    let broke = Instant::now();
    let mut longest = [Duration::ZERO; 2];
    for bound in [500, 1000, 2000].into_iter().chain(std::iter::repeat_n(4000, 1_000)) {
        let away = broke.elapsed();
        if away > Duration::from_secs(1_200) {
            break;
        }
        let cut = stage.owner.until(|event| matches!(event, SessionEvent::Cut { .. })).await;
        let SessionEvent::Cut { retry_in, .. } = cut else { unreachable!() };
        // A room that has been away for long is expected back at no moment in particular.
        let lately = broke.elapsed() < Duration::from_secs(600);
        let bound = if lately { bound } else { 10_000 };
        assert!(retry_in <= Duration::from_millis(bound), "{retry_in:?} of {bound} after {away:?}");
        longest[usize::from(!lately)] = longest[usize::from(!lately)].max(retry_in);
        stage.streams.send(Err(DialError::Temporary("no route".into()))).await.unwrap();
    }
    assert!(longest[0] > Duration::from_millis(3_500) && longest[1] > Duration::from_secs(9), "{longest:?}");
    stage.owner.handle.leave();
    assert_eq!(stage.ending().await, Ending::Left);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_nobody_has_closed_is_dialled_again_and_one_that_somebody_has_is_not() {
    let (mut stage, mut fake) = Stage::entered().await;
    stage.owner.handle.send(line(To::Everyone, "not lost", None), WhenFull::Fail).await.unwrap();
    fake.say(FromRoom::Ended(End::Closed { by: String::new() })).await;
    let cut = stage.owner.until(|event| matches!(event, SessionEvent::Cut { .. })).await;
    assert!(matches!(cut, SessionEvent::Cut { reason, .. } if reason.contains("may come back")));
    let (mut fake, hello) = stage.dialed().await;
    assert_eq!((hello.next, hello.resume.map(|at| at.epoch)), (1, Some(welcome().epoch)));
    fake.say(FromRoom::Welcome(Welcome { epoch: Epoch([9; 16]), resumed: false, ..welcome() })).await;
    let again = fake.hear().await;
    assert!(matches!(again, ToRoom::Envelope(Envelope { n: 1, .. })), "{again:?}");
    fake.say(FromRoom::Ended(End::Closed { by: "ann".into() })).await;
    assert_eq!(stage.ending().await, Ending::Closed { by: "ann".into() });
    stage.streams.closed().await;
}

#[tokio::test(start_paused = true)]
async fn leaving_while_dialling_or_at_the_door_ends_at_once() {
    let mut stage = Stage::set();
    let mut fake = stage.knocked().await;
    fake.say(FromRoom::Waiting { name: "mc".into() }).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Waiting { .. })).await;
    let start = Instant::now();
    stage.owner.handle.leave();
    assert_eq!((stage.ending().await, start.elapsed().as_millis()), (Ending::Left, 0));
    let (mut stage, fake) = Stage::entered().await;
    drop(fake);
    stage.owner.until(|event| matches!(event, SessionEvent::Cut { .. })).await;
    let start = Instant::now();
    stage.owner.handle.leave();
    assert_eq!((stage.ending().await, start.elapsed().as_millis()), (Ending::Left, 0));
}

#[tokio::test(start_paused = true)]
async fn leaving_a_room_that_reads_nothing_takes_no_longer_than_saying_goodbye() {
    let (mut stage, _fake) = Stage::entered().await;
    for _ in 0..20 {
        stage.owner.handle.send(line(To::Everyone, &"x".repeat(4000), None), WhenFull::Fail).await.unwrap();
    }
    let start = Instant::now();
    stage.owner.handle.leave();
    assert_eq!(stage.ending().await, Ending::Left);
    assert!(start.elapsed() <= Duration::from_millis(2100), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_question_while_the_link_is_cut_fails_and_one_under_way_too() {
    let (stage, mut fake) = Stage::entered().await;
    let handle = stage.owner.handle.clone();
    let asked = tokio::spawn(async move { handle.ask(Request::Place).await });
    assert_eq!(fake.hear().await, ToRoom::Ask(Request::Place));
    drop(fake);
    assert!(matches!(asked.await.unwrap(), Err(AskError::Cut)));
    assert!(matches!(stage.owner.handle.ask(Request::Place).await, Err(AskError::Cut)));
}

/// Takes what a session says and repeats it until it asks something. The number of the last line before that.
async fn lines_before_a_question(fake: &mut Fake) -> u64 {
    let mut last = 0;
    loop {
        match fake.hear().await {
            ToRoom::Envelope(Envelope { n, .. }) => {
                last = n;
                fake.event(10 + n, said(5, n, None)).await;
            }
            ToRoom::Ask(_) => return last,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_follows_the_lines_that_were_sent_before_it_over_whichever_link() {
    let (mut stage, mut fake) = Stage::entered().await;
    let handle = stage.owner.handle.clone();
    let say = async |bytes| handle.send(line(To::Everyone, &"x".repeat(bytes), None), WhenFull::Fail).await.unwrap();
    let ask = || {
        let handle = handle.clone();
        tokio::spawn(async move { handle.ask(Request::Place).await })
    };
    // More than is on its way at one time.
    for _ in 0..15 {
        say(4_000).await;
    }
    let asked = ask();
    assert_eq!(lines_before_a_question(&mut fake).await, 15);
    fake.say(FromRoom::Answer(Answer::Done)).await;
    assert!(matches!(asked.await.unwrap(), Ok(Answer::Done)));
    // A line and a question at one moment, which is a matter of luck.
    for n in 16..80 {
        say(1).await;
        let asked = ask();
        assert_eq!(lines_before_a_question(&mut fake).await, n);
        fake.say(FromRoom::Answer(Answer::Done)).await;
        asked.await.unwrap().unwrap();
    }
    for _ in 80..95 {
        say(4_000).await;
    }
    drop(fake);
    let (mut fake, hello) = stage.dialed().await;
    assert_eq!(hello.next, 80);
    fake.say(FromRoom::Welcome(Welcome { accepted: 79, ..welcome() })).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Restored { .. })).await;
    let _asked = ask();
    assert_eq!(lines_before_a_question(&mut fake).await, 94);
}

#[tokio::test(start_paused = true)]
async fn a_full_outbox_fails_or_waits_as_asked() {
    let (mut stage, fake) = Stage::entered().await;
    drop(fake);
    stage.owner.until(|event| matches!(event, SessionEvent::Cut { .. })).await;
    let handle = stage.owner.handle.clone();
    for _ in 0..256 {
        handle.send(line(To::Everyone, "x", None), WhenFull::Fail).await.unwrap();
    }
    let full = handle.send(line(To::Everyone, "x", None), WhenFull::Fail).await;
    assert!(matches!(full, Err(SendError::Full { waiting: 256 })));
    let waiting = tokio::spawn(async move { handle.send(line(To::Everyone, "late", None), WhenFull::Wait).await });
    let (mut fake, hello) = stage.dialed().await;
    assert_eq!(hello.next, 1);
    fake.say(FromRoom::Welcome(welcome())).await;
    assert!(matches!(fake.hear().await, ToRoom::Envelope(Envelope { n: 1, .. })));
    fake.event(11, said(5, 1, None)).await;
    let n = timeout(Duration::from_secs(3), waiting).await.expect("there is space").unwrap();
    assert_eq!(n.unwrap(), 257);
}
