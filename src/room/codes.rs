//! The room's code, and those who guess it.
//!
//! Links compare codes, the actor changes them: both look here, behind a lock that is never held for longer than a step.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

pub(super) use crate::limits::code::{
    ENFORCED_FROM, FIRST_PENALTY, FORGIVEN, FORGOTTEN_AFTER, LONGEST_PENALTY, MAX_GUESSES,
};
use crate::limits::code::{MAX_SOURCES, TOLD_EVERY, TOLD_FROM, TOLD_FROM_IN_ALL};
use crate::{code::Code, recent::Recent, source::Source, wire::Event};

/// The right to compare one code.
pub(super) struct Guess {
    pub(super) code: Option<Arc<Code>>,
    /// Tells the code from those before and after it.
    epoch: u64,
    source: Option<Source>,
    address: Option<IpAddr>,
}

struct Tries {
    count: u32,
    last: Instant,
}

impl Tries {
    /// Until when nothing is compared.
    fn until(&self) -> Instant {
        let penalty = FIRST_PENALTY.saturating_mul(1 << (self.count - 1).min(16)).min(LONGEST_PENALTY);
        if penalty < ENFORCED_FROM { self.last } else { self.last + penalty }
    }
}

struct State {
    code: Option<Arc<Code>>,
    epoch: u64,
    sources: Recent<Option<Source>, Tries>,
    /// Guesses since the present code was made.
    guesses: u64,
    /// Wrong codes since the last notice, and when that was.
    wrong: u32,
    told: Option<Instant>,
}

/// The room's code and the wrong ones.
#[derive(Clone)]
pub(super) struct Codes(Arc<Mutex<State>>);

impl Codes {
    pub(super) fn new(code: Option<Arc<Code>>) -> Self {
        let sources = Recent::new(MAX_SOURCES);
        Self(Arc::new(Mutex::new(State { code, epoch: 1, sources, guesses: 0, wrong: 0, told: None })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each step leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The code as it is shown.
    pub(super) fn shown(&self) -> Option<String> {
        self.state().code.as_ref().map(|code| code.shown().to_owned())
    }

    /// Another code, or none. Guesses under way are about the old one and come to nothing.
    pub(super) fn set(&self, code: Option<Arc<Code>>) {
        let mut state = self.state();
        state.code = code;
        state.epoch += 1;
        state.guesses = 0;
    }

    /// How many sources are remembered.
    pub(super) fn guessers(&self) -> usize {
        self.state().sources.len()
    }

    /// Forgets sources that begin anew anyway.
    pub(super) fn forget_old(&self, now: Instant) {
        self.state().sources.retain(|tries| now.duration_since(tries.last) < FORGOTTEN_AFTER);
    }

    /// Begins a guess, which counts as wrong until it is right: several at once are not cheaper than one by one.
    ///
    /// # Errors
    ///
    /// How long the source has to wait.
    pub(super) fn guess(&self, address: Option<IpAddr>, now: Instant) -> Result<Guess, Duration> {
        let mut state = self.state();
        let source = address.map(Source::from);
        let tries = state.sources.get(source).filter(|tries| now.duration_since(tries.last) < FORGOTTEN_AFTER);
        if let Some(wait) =
            tries.map(|tries| tries.until().saturating_duration_since(now)).filter(|wait| !wait.is_zero())
        {
            return Err(wait);
        }
        let count = tries.map_or(0, |tries| tries.count) + 1;
        state.sources.put(source, Tries { count, last: now });
        state.guesses += 1;
        Ok(Guess { code: state.code.clone(), epoch: state.epoch, source, address })
    }

    /// A guess was right. Whether it still is: the code may have changed since it began.
    pub(super) fn right(&self, guess: &Guess) -> bool {
        let mut state = self.state();
        let right = state.code.is_some() && state.epoch == guess.epoch;
        if right {
            state.guesses -= 1;
            // Whoever is right has made a slip or two, and so may have the next one behind the same address; a guesser there
            // is not to begin anew with each of them.
            let forgiven = state.sources.get_mut(guess.source).map(|tries| {
                tries.count = tries.count.saturating_sub(FORGIVEN);
                tries.count
            });
            if forgiven == Some(0) {
                state.sources.remove(guess.source);
            }
        }
        right
    }

    /// A guess was wrong. What the host's user is to hear, if it is time.
    pub(super) fn wrong(&self, guess: &Guess, now: Instant) -> Option<Event> {
        let mut state = self.state();
        if state.guesses >= MAX_GUESSES && state.code.take().is_some() {
            state.epoch += 1;
            return Some(Event::CodeOver { wrong: state.guesses });
        }
        state.wrong += 1;
        let tries = state.sources.get(guess.source).map_or(1, |tries| tries.count);
        let due = state.told.is_none_or(|told| now.duration_since(told) >= TOLD_EVERY);
        if !due || (tries < TOLD_FROM && state.wrong < TOLD_FROM_IN_ALL) {
            return None;
        }
        state.told = Some(now);
        let others = std::mem::take(&mut state.wrong).saturating_sub(tries);
        Some(Event::Guesses { address: guess.address, tries, others })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: [u8; 4]) -> Option<IpAddr> {
        Some(address.into())
    }

    fn code() -> Arc<Code> {
        Arc::new(Code::typed("zoo abandon lens").unwrap())
    }

    fn codes() -> Codes {
        Codes::new(Some(code()))
    }

    /// How many guesses a source gets in so long if it never waits longer than it has to.
    fn guesses_within(codes: &Codes, span: Duration, start: Instant) -> u32 {
        let (mut now, mut count) = (start, 0);
        while now < start + span {
            match codes.guess(from([10, 0, 0, 1]), now) {
                Ok(guess) => {
                    count += 1;
                    codes.wrong(&guess, now);
                }
                Err(wait) => now += wait,
            }
        }
        count
    }

    #[test]
    fn case_27_a_source_has_few_guesses_an_hour_and_its_penalty_never_ends_while_it_goes_on() {
        let (codes, start) = (codes(), Instant::now());
        assert_eq!(guesses_within(&codes, FORGOTTEN_AFTER, start), 12);
        assert_eq!(guesses_within(&codes, 10 * FORGOTTEN_AFTER, start + FORGOTTEN_AFTER), 60);
    }

    #[test]
    fn two_slips_wait_for_nothing_and_the_right_code_makes_them_forgotten() {
        let (codes, now) = (codes(), Instant::now());
        for _ in 0..10 {
            for _ in 0..2 {
                assert!(codes.guess(from([10, 0, 0, 1]), now).is_ok());
            }
            let third = codes.guess(from([10, 0, 0, 1]), now).expect("a third one");
            assert!(codes.right(&third));
        }
    }

    #[test]
    fn a_right_code_of_a_neighbour_makes_a_guessers_penalty_shorter_and_not_forgotten() {
        let (codes, start) = (codes(), Instant::now());
        guesses_within(&codes, FORGOTTEN_AFTER, start);
        let mut now = start + FORGOTTEN_AFTER;
        let right = loop {
            match codes.guess(from([10, 0, 0, 1]), now) {
                Ok(neighbour) => break neighbour,
                Err(wait) => now += wait,
            }
        };
        assert!(codes.right(&right));
        let wait = codes.guess(from([10, 0, 0, 1]), now).err();
        assert_eq!(wait, Some(LONGEST_PENALTY));
    }

    #[test]
    fn so_many_wrong_codes_from_wherever_end_the_code_and_a_new_one_begins_anew() {
        let (codes, now) = (codes(), Instant::now());
        let wrong = |i: u64| {
            let [.., a, b, c] = i.to_be_bytes();
            let guess = codes.guess(from([10, a, b, c]), now).expect("a source of its own");
            codes.wrong(&guess, now)
        };
        let told: Vec<_> = (0..MAX_GUESSES).filter_map(wrong).collect();
        assert_eq!(told[told.len() - 1], Event::CodeOver { wrong: MAX_GUESSES });
        assert_eq!(codes.shown(), None);
        assert!(wrong(MAX_GUESSES).is_none(), "told once");
        codes.set(Some(code()));
        assert!(wrong(MAX_GUESSES + 1).is_none() && codes.shown().is_some());
    }

    #[test]
    fn guesses_at_once_count_as_if_one_by_one_and_only_for_their_source() {
        let (codes, now) = (codes(), Instant::now());
        let begun = (0..100).filter(|_| codes.guess(from([10, 0, 0, 1]), now).is_ok()).count();
        assert_eq!(begun, 3);
        assert!(codes.guess(from([10, 0, 0, 2]), now).is_ok());
    }

    #[test]
    fn a_source_begins_anew_after_an_hour_of_silence() {
        let (codes, now) = (codes(), Instant::now());
        assert!(guesses_within(&codes, Duration::from_secs(60), now) > 3);
        let later = now + Duration::from_secs(120) + FORGOTTEN_AFTER;
        let begun = (0..100).filter(|_| codes.guess(from([10, 0, 0, 1]), later).is_ok()).count();
        assert_eq!(begun, 3);
    }

    #[test]
    fn sources_that_begin_anew_are_not_remembered() {
        let (codes, now) = (codes(), Instant::now());
        for i in 0..100 {
            let guess = codes.guess(from([10, 0, 0, i]), now).expect("a first one");
            codes.wrong(&guess, now);
        }
        codes.forget_old(now + FORGOTTEN_AFTER - Duration::from_secs(1));
        assert_eq!(codes.guessers(), 100);
        codes.forget_old(now + FORGOTTEN_AFTER);
        assert_eq!(codes.guessers(), 0);
    }

    #[test]
    fn a_code_that_changed_meanwhile_is_right_no_more() {
        let (codes, now) = (codes(), Instant::now());
        let guess = codes.guess(from([10, 0, 0, 1]), now).expect("a first one");
        codes.set(Some(code()));
        assert!(!codes.right(&guess));
        let guess = codes.guess(from([10, 0, 0, 1]), now).expect("a second one");
        codes.set(None);
        assert!(!codes.right(&guess));
        assert_eq!(codes.shown(), None);
    }

    #[test]
    fn the_host_hears_once_of_a_guesser_and_of_many_from_everywhere() {
        let (codes, now) = (codes(), Instant::now());
        let wrong = |address: [u8; 4], now: Instant| {
            let guess = codes.guess(from(address), now).ok()?;
            codes.wrong(&guess, now)
        };
        assert_eq!((wrong([10, 0, 0, 1], now), wrong([10, 0, 0, 1], now)), (None, None));
        let told = Event::Guesses { address: from([10, 0, 0, 1]), tries: 3, others: 0 };
        assert_eq!(wrong([10, 0, 0, 1], now), Some(told));
        for i in 0..200 {
            assert_eq!(wrong([10, 0, 1, i], now), None, "not again so soon");
        }
        let later = now + TOLD_EVERY;
        let told = Event::Guesses { address: from([10, 0, 2, 1]), tries: 1, others: 200 };
        assert_eq!(wrong([10, 0, 2, 1], later), Some(told));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_whoever_was_silent_longest() {
        let (codes, start) = (codes(), Instant::now());
        for i in 0..2 * MAX_SOURCES as u32 {
            let [_, a, b, c] = i.to_be_bytes();
            let now = start + Duration::from_millis(i.into());
            assert!(codes.guess(from([10, a, b, c]), now).is_ok());
        }
        let state = codes.state();
        let remembered = |i: &u32| {
            let [_, a, b, c] = i.to_be_bytes();
            state.sources.get(from([10, a, b, c]).map(Source::from)).is_some()
        };
        assert_eq!((0..2 * MAX_SOURCES as u32).filter(remembered).count(), MAX_SOURCES);
        assert!(remembered(&0x1fff));
        assert!(!remembered(&0));
    }
}
