//! Kicks, bans, pardons and mutes in any order, against everything that those may do whom they are about: said, kept,
//! taken back, asked for under way at that moment, by several programs of theirs, under new names, from new addresses. The
//! log of the room is held against a small [`model`] of who is out and who is silent.

mod crowd;
mod model;
mod town;

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use self::town::Town;

/// The people whom it is about, by their keys.
const PEOPLE: std::ops::RangeInclusive<u8> = 2..=4;

/// What one of them does. All that needs a seat is nothing without one.
#[derive(Clone, Debug)]
enum Deed {
    /// Comes, as another program and under one of these names.
    Come {
        name: u8,
    },
    /// Comes back to the seat of one of the programs, by another connection.
    Return {
        program: u8,
        knows: bool,
    },
    /// The connection of one of the programs breaks.
    Break {
        program: u8,
    },
    Leave {
        program: u8,
    },
    Say {
        program: u8,
    },
    /// The same, to the host alone.
    Whisper {
        program: u8,
    },
    Offer {
        program: u8,
        tag: u8,
    },
    TakeBack {
        program: u8,
        tag: u8,
    },
    Rename {
        program: u8,
        name: u8,
    },
    /// Asks for a stream to the host.
    Stream {
        program: u8,
    },
    /// Asks for what only the host may have.
    Rebel {
        program: u8,
    },
}

/// What the host does.
#[derive(Clone, Debug)]
enum Rule {
    Kick {
        program: u8,
    },
    Ban {
        program: u8,
        by_name: bool,
    },
    Pardon,
    Mute {
        by_name: bool,
        muted: bool,
    },
    /// Lets in whoever of them waits.
    Admit,
    /// Says something, for them to hear.
    Say,
}

/// One step: what the host does to one of the people, and what all of them do before anybody hears of it.
#[derive(Clone, Debug)]
struct Step {
    before: Vec<(u8, Deed)>,
    rule: Rule,
    whom: u8,
    meanwhile: Vec<(u8, Deed)>,
    /// How often others run between one of these and the next.
    pauses: u8,
    /// How many minutes pass after it, where the clock can be put forward.
    minutes: u8,
}

fn deed() -> impl Strategy<Value = (u8, Deed)> {
    let program = || 0..4_u8;
    let deed = prop_oneof![
        3 => (0..6_u8).prop_map(|name| Deed::Come { name }),
        2 => (program(), any::<bool>()).prop_map(|(program, knows)| Deed::Return { program, knows }),
        1 => program().prop_map(|program| Deed::Break { program }),
        1 => program().prop_map(|program| Deed::Leave { program }),
        6 => program().prop_map(|program| Deed::Say { program }),
        2 => program().prop_map(|program| Deed::Whisper { program }),
        3 => (program(), 0..3_u8).prop_map(|(program, tag)| Deed::Offer { program, tag }),
        1 => (program(), 0..3_u8).prop_map(|(program, tag)| Deed::TakeBack { program, tag }),
        2 => (program(), 0..6_u8).prop_map(|(program, name)| Deed::Rename { program, name }),
        2 => program().prop_map(|program| Deed::Stream { program }),
        1 => program().prop_map(|program| Deed::Rebel { program }),
    ];
    (PEOPLE, deed)
}

fn step() -> impl Strategy<Value = Step> {
    let rule = prop_oneof![
        3 => (0..4_u8).prop_map(|program| Rule::Kick { program }),
        3 => (0..4_u8, any::<bool>()).prop_map(|(program, by_name)| Rule::Ban { program, by_name }),
        3 => Just(Rule::Pardon),
        3 => (any::<bool>(), any::<bool>()).prop_map(|(by_name, muted)| Rule::Mute { by_name, muted }),
        2 => Just(Rule::Admit),
        2 => Just(Rule::Say),
    ];
    let deeds = || proptest::collection::vec(deed(), 0..8);
    let minutes = prop_oneof![6 => Just(0), 1 => Just(4), 1 => Just(11)];
    (deeds(), rule, PEOPLE, deeds(), 0..6_u8, minutes).prop_map(|(before, rule, whom, meanwhile, pauses, minutes)| {
        Step { before, rule, whom, meanwhile, pauses, minutes }
    })
}

/// What has happened in all of it: a test in which nobody is ever put out in the middle of anything proves nothing.
#[derive(Debug, Default)]
struct Seen {
    /// Of how many seats people were put out.
    put_out: AtomicUsize,
    /// How many envelopes had been sent by then that the room did not take.
    cut_short: AtomicUsize,
    /// How often somebody came who was out.
    turned_away: AtomicUsize,
    /// How often somebody who was silent tried to be heard by everyone.
    unheard: AtomicUsize,
    /// How many envelopes of people in their right reached the log.
    heard: AtomicUsize,
}

/// Goes through so many lives of a room.
fn live(cases: u32, on_threads: bool) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let seen = Seen::default();
    let lives = (any::<bool>(), proptest::collection::vec(step(), 1..25));
    let lived = TestRunner::new(config).run(&lives, |(open, steps)| {
        let mut runtime = match on_threads {
            true => tokio::runtime::Builder::new_multi_thread(),
            false => tokio::runtime::Builder::new_current_thread(),
        };
        if !on_threads {
            runtime.start_paused(true);
        }
        let runtime = runtime.worker_threads(3).enable_all().build().expect("a runtime");
        let lived = runtime.block_on(async {
            let mut town = Town::found(open, !on_threads, &seen).await;
            for step in steps {
                town.step(step).await?;
            }
            town.end().await
        });
        runtime.shutdown_background();
        lived.map_err(TestCaseError::fail)
    });
    if let Err(failed) = lived {
        panic!("{failed}");
    }
    eprintln!("{cases} lives: {seen:?}");
    let cases = cases as usize;
    for (what, count, least) in [
        ("put out", &seen.put_out, cases),
        ("cut short", &seen.cut_short, cases / 4),
        ("turned away", &seen.turned_away, cases / 2),
        ("unheard", &seen.unheard, cases / 4),
        ("heard", &seen.heard, 4 * cases),
    ] {
        let count = count.load(Relaxed);
        assert!(count >= least, "{what}: {count} in {cases} lives");
    }
}

#[test]
fn two_hundred_lives_of_a_room_apply_and_tell_nothing_of_or_to_whom_the_host_put_out() {
    live(200, false);
}

#[test]
fn sixty_lives_on_threads_apply_and_tell_nothing_of_or_to_whom_the_host_put_out() {
    live(60, true);
}

#[test]
#[ignore = "takes minutes"]
fn ten_thousand_lives_of_a_room_apply_and_tell_nothing_of_or_to_whom_the_host_put_out() {
    live(8_000, false);
    live(2_000, true);
}
