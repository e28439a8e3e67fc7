//! Sessions on machines that sleep, whose clocks are set, or that move to another network, against a room that says what a
//! test wants.

use std::{cell::Cell, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::{
    io::{AsyncWriteExt, DuplexStream},
    sync::{Notify, mpsc},
    time::{Instant, sleep, timeout},
};
use tokio_util::task::TaskTracker;

use super::{
    net::{Owner, config},
    scripted::{Fake, welcome},
};
use crate::{gauge::Gauged, room::tests::peer::key, session::*, wire::*};

const HOUR: i64 = 3_600_000;
const YEAR: i64 = 365 * 24 * HOUR;
const SEC: Duration = Duration::from_secs(1);

thread_local! {
    /// What the wall's clock and the one that goes on in sleep are ahead of the timers.
    static AHEAD: Cell<(i64, i64)> = const { Cell::new((0, 0)) };
}

fn clocks() -> Reading {
    let Reading { wall: timers, .. } = Reading::now();
    let (wall, boot) = AHEAD.get();
    Reading { wall: wall + timers, boot: Some(boot + timers) }
}

/// The machine has slept.
fn wake_up() {
    let (wall, boot) = AHEAD.get();
    AHEAD.set((wall + 8 * HOUR, boot + 8 * HOUR));
}

/// Somebody sets the clock on the wall.
fn set_clock(by: i64) {
    let (wall, boot) = AHEAD.get();
    AHEAD.set((wall + by, boot));
}

/// Gives the streams that a test has laid out, or what they fail of.
struct Way {
    streams: mpsc::Receiver<Result<DuplexStream, DialError>>,
    dials: mpsc::UnboundedSender<Instant>,
    moved: Arc<Notify>,
}

#[async_trait]
impl Dial for Way {
    type Stream = Gauged<DuplexStream>;

    async fn dial(&mut self) -> Result<Dialed<Self::Stream>, DialError> {
        let _ = self.dials.send(Instant::now());
        let stream = Gauged::new(self.streams.recv().await.expect("the test lives")?);
        let gauge = stream.gauge();
        Ok(Dialed { stream, gauge, exporter: [0; 32], host: key(1), known: true })
    }

    async fn uprooted(&mut self) {
        self.moved.notified().await;
    }
}

struct Stage {
    owner: Owner,
    streams: mpsc::Sender<Result<DuplexStream, DialError>>,
    dials: mpsc::UnboundedReceiver<Instant>,
    moved: Arc<Notify>,
}

impl Stage {
    fn set() -> Self {
        let (streams, dialed) = mpsc::channel(1);
        let (dialing, dials) = mpsc::unbounded_channel();
        let moved = Arc::new(Notify::new());
        let timing = Timing { clocks, ..Timing::default() };
        let way = Way { streams: dialed, dials: dialing, moved: moved.clone() };
        let owner = Owner::start(SessionConfig { timing, ..config(2) }, way, &TaskTracker::new());
        Self { owner, streams, dials, moved }
    }

    /// The room's end of a link of a member that is in.
    async fn entered() -> (Self, Fake) {
        let mut stage = Self::set();
        let fake = stage.link().await;
        stage.owner.until(|event| matches!(event, SessionEvent::Entered { .. })).await;
        (stage, fake)
    }

    /// The room's end of the next link.
    async fn link(&mut self) -> Fake {
        self.dials.recv().await.expect("it dials");
        let (near, far) = tokio::io::duplex(4096);
        self.streams.send(Ok(near)).await.unwrap();
        let mut fake = Fake::of(far);
        let ToRoom::Hello(_) = fake.hear().await else { panic!("no hello") };
        fake.say(FromRoom::Welcome(welcome())).await;
        fake
    }

    /// How long it takes until it dials again, if it does.
    async fn dials_within(&mut self, span: Duration) -> Option<Duration> {
        let began = Instant::now();
        Some(timeout(span, self.dials.recv()).await.ok()??.duration_since(began))
    }
}

/// The next question of a link, if there is one within the time.
async fn asked_within(fake: &mut Fake, span: Duration) -> Option<u64> {
    match timeout(span, fake.hear()).await.ok()? {
        ToRoom::Ping(number) => Some(number),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn case_125_a_member_that_slept_dials_again_at_once_when_its_link_is_dead() {
    let (mut stage, mut fake) = Stage::entered().await;
    sleep(SEC).await;
    let began = Instant::now();
    wake_up();
    assert!(asked_within(&mut fake, 2 * SEC).await.is_some());
    // Nothing comes back.
    stage.dials_within(5 * SEC).await.expect("it dials");
    assert!(began.elapsed() <= 4 * SEC, "{:?}", began.elapsed());
    let cut = stage.owner.until(|event| matches!(event, SessionEvent::Cut { .. })).await;
    let SessionEvent::Cut { reason, retry_in: Duration::ZERO } = cut else { panic!("{cut:?}") };
    assert!(reason.contains("standstill"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn case_125_a_member_that_slept_asks_once_and_stays_where_its_link_lives() {
    let (mut stage, mut fake) = Stage::entered().await;
    wake_up();
    let number = asked_within(&mut fake, 2 * SEC).await.expect("it asks");
    fake.say(FromRoom::Pong(number)).await;
    // No burst: the next one is due after 15 s of silence, as ever.
    assert_eq!(asked_within(&mut fake, 12 * SEC).await, None);
    let number = asked_within(&mut fake, 6 * SEC).await.expect("it asks");
    fake.say(FromRoom::Pong(number)).await;
    assert_eq!(stage.dials_within(SEC).await, None);
    assert!(!stage.owner.heard.iter().any(|event| matches!(event, SessionEvent::Cut { .. })));
}

#[tokio::test(start_paused = true)]
async fn case_126_a_clock_that_is_set_costs_one_question_and_changes_nothing_else() {
    let (mut stage, mut fake) = Stage::entered().await;
    for by in [YEAR, -YEAR, -55 * YEAR, 3_000, -HOUR] {
        set_clock(by);
        let number = asked_within(&mut fake, 2 * SEC).await.expect("it asks");
        fake.say(FromRoom::Pong(number)).await;
        // One sign of life in between is that of every quiet link.
        for _ in 0..5 {
            fake.say(FromRoom::Pong(0)).await;
            assert_eq!(asked_within(&mut fake, 12 * SEC).await, None, "{by}");
        }
    }
    // A leap second costs nothing at all.
    for by in [1_000, -1_000] {
        set_clock(by);
        fake.say(FromRoom::Pong(0)).await;
        assert_eq!(asked_within(&mut fake, 12 * SEC).await, None, "{by}");
    }
    assert_eq!(stage.dials_within(SEC).await, None);
    fake.event(11, Event::Moved { port: 7 }).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Moved { port: 7 })).await;
}

#[tokio::test(start_paused = true)]
async fn case_123_a_link_on_which_bytes_drip_is_alive_however_long_a_frame_takes() {
    let mut stage = Stage::set();
    stage.dials.recv().await.expect("it dials");
    let (near, mut far) = tokio::io::duplex(1 << 20);
    stage.streams.send(Ok(near)).await.unwrap();
    far.write_all(&encode(&FromRoom::Welcome(welcome())).unwrap()).await.unwrap();
    stage.owner.until(|event| matches!(event, SessionEvent::Entered { .. })).await;
    wake_up();
    let said = Said { command: "chat".into(), payload: vec![b'x'; 60].into() };
    let frame = encode(&FromRoom::Event { seq: 11, event: Event::Refused { n: 1, reason: "x".repeat(60) } }).unwrap();
    assert!(frame.len() > 40 && !said.payload.is_empty());
    for byte in &frame[..40] {
        far.write_all(&[*byte]).await.unwrap();
        sleep(Duration::from_millis(400)).await;
    }
    assert_eq!(stage.dials_within(Duration::from_millis(100)).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_link_with_long_round_trips_is_given_the_time_that_it_takes() {
    let (mut stage, mut fake) = Stage::entered().await;
    // The first question, after 15 s, tells how long a round trip is.
    for wakes in [false, true] {
        if wakes {
            sleep(SEC / 2).await;
            wake_up();
        }
        let number = asked_within(&mut fake, 16 * SEC).await.expect("it asks");
        sleep(3 * SEC).await;
        fake.say(FromRoom::Pong(number)).await;
    }
    assert_eq!(stage.dials_within(10 * SEC).await, None);
}

#[tokio::test(start_paused = true)]
async fn case_124_a_member_whose_address_is_gone_asks_at_once_and_dials_again() {
    let (mut stage, mut fake) = Stage::entered().await;
    let began = Instant::now();
    stage.moved.notify_one();
    assert!(asked_within(&mut fake, SEC).await.is_some());
    stage.dials_within(5 * SEC).await.expect("it dials");
    assert!(began.elapsed() <= 3 * SEC, "{:?}", began.elapsed());
    let SessionEvent::Cut { reason, .. } = stage.owner.until(|event| matches!(event, SessionEvent::Cut { .. })).await
    else {
        unreachable!()
    };
    assert!(reason.contains("another address"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn who_wakes_up_between_two_tries_does_not_wait_for_the_next_one() {
    let (mut stage, fake) = Stage::entered().await;
    drop(fake);
    let failed = || Err(DialError::Temporary("no way".into()));
    for _ in 0..6 {
        stage.dials.recv().await.unwrap();
        stage.streams.send(failed()).await.unwrap();
    }
    // One that is set is no reason to hurry; whichever pause this is, some are longer.
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        set_clock(YEAR / 10);
        longest = longest.max(stage.dials_within(11 * SEC).await.expect("it dials"));
        stage.streams.send(failed()).await.unwrap();
    }
    assert!(longest > 2 * SEC, "{longest:?}");
    for _ in 0..20 {
        wake_up();
        let took = stage.dials_within(11 * SEC).await.expect("it dials");
        assert!(took <= SEC, "{took:?}");
        stage.streams.send(failed()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_try_that_was_under_way_when_the_machine_slept_is_begun_anew() {
    let (mut stage, fake) = Stage::entered().await;
    drop(fake);
    stage.dials.recv().await.unwrap();
    sleep(SEC / 2).await;
    wake_up();
    stage.dials_within(2 * SEC).await.expect("it dials anew");
    // Nor does it wait for the answer to a Hello from before.
    let (near, far) = tokio::io::duplex(4096);
    stage.streams.send(Ok(near)).await.unwrap();
    assert!(matches!(Fake::of(far).hear().await, ToRoom::Hello(_)));
    wake_up();
    stage.dials_within(2 * SEC).await.expect("it dials anew");
}

#[tokio::test(start_paused = true)]
async fn somebody_at_the_door_does_not_knock_again_after_a_sleep() {
    let mut stage = Stage::set();
    stage.dials.recv().await.unwrap();
    let (near, far) = tokio::io::duplex(4096);
    stage.streams.send(Ok(near)).await.unwrap();
    let mut fake = Fake::of(far);
    assert!(matches!(fake.hear().await, ToRoom::Hello(_)));
    sleep(SEC).await;
    wake_up();
    assert_eq!(stage.dials_within(3 * SEC).await, None);
    fake.say(FromRoom::Welcome(welcome())).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Entered { .. })).await;
}

#[tokio::test(start_paused = true)]
async fn an_older_connection_that_reaches_the_room_late_costs_a_redial_and_no_more() {
    let (mut stage, mut fake) = Stage::entered().await;
    for round in 0..20 {
        // For a while it goes well.
        if round % 4 == 0 {
            for _ in 0..5 {
                fake.say(FromRoom::Pong(0)).await;
                sleep(10 * SEC).await;
            }
        }
        fake.say(FromRoom::Ended(End::Superseded)).await;
        fake = stage.link().await;
        stage.owner.until(|event| matches!(event, SessionEvent::Restored { .. })).await;
    }
    // Another program with the same secrets would do so again and again.
    fake.say(FromRoom::Ended(End::Superseded)).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Ended(Ending::Failed(_)))).await;
}
