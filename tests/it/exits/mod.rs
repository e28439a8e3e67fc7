//! The terminal as the next program finds it, after every way out from everything that a person may be in the middle of.

mod ends;
mod scene;

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use self::{ends::End, scene::Amid};
use crate::support::Dice;

/// So many run at once: most of the time they wait for each other.
const AT_ONCE: usize = 6;

/// All that goes together.
fn exits() -> Vec<(Amid, End)> {
    let all = Amid::ALL.iter().flat_map(|amid| End::ALL.iter().map(move |end| (*amid, *end)));
    all.filter(|(amid, end)| end.fits(*amid)).collect()
}

/// Some of these in an order of their own for each seed.
fn shuffled(mut exits: Vec<(Amid, End)>, seed: u64) -> Vec<(Amid, End)> {
    let mut dice = Dice::new(seed);
    for at in (1..exits.len()).rev() {
        exits.swap(at, dice.roll(at as u64 + 1) as usize);
    }
    exits
}

/// Leaves in all these ways, several at once.
fn leave(exits: &[(Amid, End)]) {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        loop {
            let at = next.fetch_add(1, Relaxed);
            let Some(&(amid, end)) = exits.get(at) else { return wrong };
            let done = std::panic::catch_unwind(|| scene::leave(amid, end, at as u64));
            if done.is_err() {
                wrong.push(format!("exit {at}: amid {amid:?} by {end:?}"));
            }
        }
    };
    let wrong: Vec<_> = thread::scope(|scope| {
        let all: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        all.into_iter().flat_map(|one| one.join().expect("it catches what panics")).collect()
    });
    assert!(wrong.is_empty(), "{} of {} exits left something:\n{}", wrong.len(), exits.len(), wrong.join("\n"));
}

#[test]
fn sixty_exits_of_all_kinds_leave_the_terminal_as_it_was() {
    // Each state and each way out, however often the other side of it is there.
    let all = shuffled(exits(), 2_026);
    let (mut states, mut ways) = (BTreeSet::new(), BTreeSet::new());
    let (mut some, rest): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(amid, end)| states.insert(*amid) | ways.insert(*end));
    let missing = 60 - some.len();
    some.extend(&rest[..missing]);
    leave(&some);
}

#[test]
#[ignore = "takes minutes"]
fn a_thousand_exits_of_all_kinds_leave_the_terminal_as_it_was() {
    let all: Vec<_> = (0..).flat_map(|seed| shuffled(exits(), seed)).take(1_000).collect();
    leave(&all);
}
