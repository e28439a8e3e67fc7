//! Notices from the clocks of this machine that it has slept, or that this program stood still.
//!
//! Whoever sleeps does not hear that its connection breaks. Timers do not tell either: the clock that they run by
//! stands still on a machine that sleeps. So it is held against clocks that go on.

use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

use super::Dial;

/// Time between two looks: a member is to be back 5 s after it woke up, and 2 s of them are for an answer.
const LOOK: Duration = Duration::from_secs(1);

/// A clock on the wall that jumps all the time tells nothing: it is heeded so often.
const HEEDED: Duration = Duration::from_secs(60);

/// What clocks may differ by from one look to the next: more than a leap second, or a clock that is being set right
/// bit by bit.
const SLACK: i64 = 2_000;

/// What the clocks beside the one of the timers show, in milliseconds since some moment of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The clock on the wall, which people and networks set as they like.
    pub wall: i64,
    /// One that nobody sets and that goes on while the machine sleeps, if there is one.
    pub boot: Option<i64>,
}

impl Reading {
    /// What the clocks of this machine show. In tests they agree with the timers, which tests let jump.
    #[cfg(test)]
    pub fn now() -> Self {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        let (start, now) = (*START.get_or_init(Instant::now), Instant::now());
        let millis = |span: Duration| span.as_millis() as i64;
        let now = now.checked_duration_since(start).map_or_else(|| -millis(start - now), millis);
        Self { wall: now, boot: Some(now) }
    }

    /// What the clocks of this machine show.
    #[cfg(not(test))]
    pub fn now() -> Self {
        Self::of_machine()
    }

    fn of_machine() -> Self {
        let millis = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let wall = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => millis(since),
            Err(before) => -millis(before.duration()),
        };
        Self { wall, boot: boot() }
    }
}

/// Milliseconds since the machine was started, its sleep among them.
fn boot() -> Option<i64> {
    use rustix::time::{ClockId, clock_gettime};
    // On macOS, std measures by the clock of the same name that stands still in sleep.
    #[cfg(not(target_os = "linux"))]
    let now = clock_gettime(ClockId::Monotonic);
    #[cfg(target_os = "linux")]
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec.checked_mul(1_000)?.checked_add(now.tv_nsec as i64 / 1_000_000)
}

/// Why the present connection is doubted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// The machine slept, or this program stood still.
    Stood,
    /// The clock on the wall was set, or whatever runs this machine slept.
    Clock,
    /// This machine has lost the address that the connection was made from.
    Uprooted,
}

impl Doubt {
    /// What a person reads if the room does not answer.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Stood => "the connection did not outlive a standstill of this machine",
            Self::Clock => "the room does not answer",
            Self::Uprooted => "this machine has another address now",
        }
    }
}

/// What gives reason to doubt a link: the clocks, and the way on which it was made.
pub(super) struct Doubts<'a, D> {
    pub(super) watch: &'a mut Watch,
    pub(super) dial: &'a mut D,
}

impl<D: Dial> Doubts<'_, D> {
    /// Waits until there is a reason.
    pub(super) async fn next(&mut self) -> Doubt {
        tokio::select! {
            doubt = self.watch.doubt() => doubt,
            () = self.dial.uprooted() => Doubt::Uprooted,
        }
    }
}

/// Looks at the clocks.
pub(super) struct Watch {
    clocks: fn() -> Reading,
    start: Instant,
    /// What the clocks are ahead of the one of the timers.
    ahead: Reading,
    /// When the clock on the wall was heeded last.
    heeded: Option<Instant>,
}

impl Watch {
    pub(super) fn new(clocks: fn() -> Reading) -> Self {
        let start = Instant::now();
        Self { clocks, start, ahead: clocks(), heeded: None }
    }

    /// Waits until the clocks tell of a standstill, or disagree. Nothing is missed between two calls.
    pub(super) async fn doubt(&mut self) -> Doubt {
        loop {
            let before = Instant::now();
            sleep(LOOK).await;
            if let Some(doubt) = self.look(before.elapsed().saturating_sub(LOOK)) {
                return doubt;
            }
        }
    }

    /// As [`doubt`](Self::doubt), but waits for a standstill alone.
    pub(super) async fn standstill(&mut self) {
        while self.doubt().await != Doubt::Stood {}
    }

    /// What the clocks tell after a look that came so much too late.
    fn look(&mut self, late: Duration) -> Option<Doubt> {
        let timers = i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX);
        let Reading { wall, boot } = (self.clocks)();
        let ahead = Reading { wall: wall.saturating_sub(timers), boot: boot.map(|boot| boot.saturating_sub(timers)) };
        let before = std::mem::replace(&mut self.ahead, ahead);
        let jumped = |before: i64, now: i64| now.abs_diff(before) > SLACK as u64;
        let slept = before.boot.zip(ahead.boot).is_some_and(|(before, now)| jumped(before, now));
        if slept || late.as_millis() > SLACK as u128 {
            return Some(Doubt::Stood);
        }
        if !jumped(before.wall, ahead.wall) || self.heeded.is_some_and(|heeded| heeded.elapsed() < HEEDED) {
            return None;
        }
        self.heeded = Some(Instant::now());
        Some(Doubt::Clock)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::{advance, timeout};

    use super::*;

    const HOUR: i64 = 3_600_000;
    const YEAR: i64 = 365 * 24 * HOUR;

    thread_local! {
        /// What wall and boot clock are ahead of the timers.
        static AHEAD: Cell<(i64, Option<i64>)> = const { Cell::new((0, Some(0))) };
    }

    fn clocks() -> Reading {
        let Reading { wall: timers, .. } = Reading::now();
        let (wall, boot) = AHEAD.get();
        Reading { wall: wall.saturating_add(timers), boot: boot.map(|boot| boot + timers) }
    }

    async fn doubt_within(watch: &mut Watch, span: Duration) -> Option<Doubt> {
        timeout(span, watch.doubt()).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn case_126_clocks_that_go_on_tell_of_sleep_and_one_that_is_set_only_that() {
        const DAY: Duration = Duration::from_secs(86_400);
        let mut watch = Watch::new(clocks);
        assert_eq!(doubt_within(&mut watch, DAY).await, None);
        AHEAD.set((8 * HOUR, Some(8 * HOUR)));
        assert_eq!(doubt_within(&mut watch, Duration::from_millis(1_500)).await, Some(Doubt::Stood));
        assert_eq!(doubt_within(&mut watch, DAY).await, None);
        // A year on, a year back, to 1970, before it, and as far as it goes.
        for wall in [8 * HOUR + YEAR, 8 * HOUR - YEAR, -56 * YEAR, i64::MIN, i64::MAX] {
            AHEAD.set((wall, Some(8 * HOUR)));
            assert_eq!(doubt_within(&mut watch, Duration::from_millis(1_500)).await, Some(Doubt::Clock), "{wall}");
            assert_eq!(doubt_within(&mut watch, Duration::from_secs(100)).await, None, "{wall}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn case_126_leap_seconds_and_clocks_that_drift_are_nothing() {
        let mut watch = Watch::new(clocks);
        for wall in [1_000, 0, -1_000, 500] {
            AHEAD.set((wall, Some(0)));
            assert_eq!(doubt_within(&mut watch, Duration::from_secs(100)).await, None);
        }
        for drift in 0..1_000 {
            AHEAD.set((drift * 500, Some(drift)));
            assert_eq!(doubt_within(&mut watch, Duration::from_secs(3)).await, None, "{drift}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_that_stands_still_notices_by_its_timer_alone() {
        AHEAD.set((0, None));
        let mut watch = Watch::new(clocks);
        assert_eq!(doubt_within(&mut watch, Duration::from_secs(10)).await, None);
        {
            let mut noticing = std::pin::pin!(watch.doubt());
            assert!(futures_util::poll!(&mut noticing).is_pending());
            advance(Duration::from_secs(60)).await;
            assert_eq!(noticing.await, Doubt::Stood);
        }
        assert_eq!(doubt_within(&mut watch, Duration::from_secs(10)).await, None);
    }

    #[test]
    fn the_clocks_of_this_machine_go_on() {
        let (before, now) = (Reading::of_machine(), Reading::of_machine());
        assert!(now.boot >= before.boot && now.boot.is_some_and(|boot| boot > 0));
        assert!(before.wall > 50 * YEAR);
    }
}
