//! The files of trust, on disks that fail, in programs that end, in machines that lose their power.

use std::{fs, path::Path};

use super::{Hosts, Identity, LastRoom, Mark, Members, People, scratch::Scratch};
use crate::{
    disk::trial::{
        Fault, Tally, Trial, Way, seeds,
        walk::{Walk, age, temporary},
    },
    wire::PublicKey,
};

fn key(byte: u8) -> PublicKey {
    PublicKey([byte; 32])
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn hosts(folder: &Path) -> Hosts {
    Hosts::at(folder.join("a/b/hosts"))
}

/// Which of three keys the list knows, and under which address.
fn known(folder: &Path) -> String {
    let knows = |addr: &str, byte| format!("{:?}", hosts(folder).check(&addr.parse().unwrap(), &key(byte)).unwrap());
    [("one:5000", 1), ("two:5000", 2), ("two:6000", 2)].map(|(addr, byte)| knows(addr, byte)).join(" ")
}

fn remember(folder: &Path, addr: &str, byte: u8) -> Result<(), String> {
    hosts(folder).remember(&addr.parse().unwrap(), &key(byte)).map_err(text)
}

fn tidy(folder: &Path) {
    remember(folder, "tidy:1", 9).unwrap();
}

#[test]
fn case_135_a_pin_is_there_whole_or_not_at_all() {
    let nothing = |_: &Path| {};
    let one = |folder: &Path| remember(folder, "one:5000", 1).unwrap();
    let two = |folder: &Path| {
        one(folder);
        remember(folder, "two:5000", 2).unwrap();
    };
    let (read, tidy) = (&known as &dyn Fn(&Path) -> String, &tidy as &dyn Fn(&Path));
    let first = |folder: &Path| remember(folder, "one:5000", 1);
    Walk { before: &nothing, change: &first, read, tidy }.all("the first pin");
    let second = |folder: &Path| remember(folder, "two:5000", 2);
    Walk { before: &one, change: &second, read, tidy }.all("another pin");
    let moved = |folder: &Path| {
        hosts(folder).copy(&"two:5000".parse().unwrap(), &"two:6000".parse().unwrap()).map(|_| ()).map_err(text)
    };
    Walk { before: &two, change: &moved, read, tidy }.all("a pin that moves");
    let forgotten = |folder: &Path| hosts(folder).forget(&"one:5000".parse().unwrap()).map(|_| ()).map_err(text);
    Walk { before: &two, change: &forgotten, read, tidy }.all("a pin that is forgotten");
}

#[test]
fn case_135_a_ban_or_a_member_is_there_whole_or_not_at_all() {
    let lists = |folder: &Path| [Members::at(folder.join("members")), Members::bans_at(folder.join("banned"))];
    for at in 0..2 {
        let list = |folder: &Path| lists(folder)[at].clone();
        let before = |folder: &Path| {
            list(folder).insert(&key(1), "bob").unwrap();
            list(folder).insert(&key(2), "eve").unwrap();
        };
        let read = |folder: &Path| {
            format!("{:?}", list(folder).list().unwrap().iter().map(|listed| &listed.name).collect::<Vec<_>>())
        };
        let tidy = |folder: &Path| list(folder).insert(&key(9), "tidy").unwrap();
        let put = |folder: &Path| list(folder).insert(&key(3), "mallory").map_err(text);
        Walk { before: &before, change: &put, read: &read, tidy: &tidy }.all("one more on a list");
        let renamed = |folder: &Path| list(folder).insert(&key(2), "eva").map_err(text);
        Walk { before: &before, change: &renamed, read: &read, tidy: &tidy }.all("another name on a list");
        let taken = |folder: &Path| list(folder).remove_key(&key(1)).map(|_| ()).map_err(text);
        Walk { before: &before, change: &taken, read: &read, tidy: &tidy }.all("one off a list");
    }
}

#[test]
fn case_135_what_is_said_about_somebody_is_there_whole_or_not_at_all() {
    let people = |folder: &Path| People::open(folder.join("people")).map_err(text);
    let before = |folder: &Path| {
        people(folder).unwrap().mark(&key(1), "bob", Mark::Verified).unwrap();
    };
    let read = |folder: &Path| {
        let people = people(folder).unwrap();
        format!("{:?}", [1, 2].map(|byte| people.marks(&key(byte)).words().collect::<Vec<_>>()))
    };
    let tidy = |folder: &Path| {
        people(folder).unwrap().mark(&key(9), "tidy", Mark::Ignored).unwrap();
    };
    // What this program believes from then on is what the file says.
    let believed = |people: &People, byte, mark, done: Result<bool, String>| {
        assert_eq!(people.is(&key(byte), mark), done.is_ok() == (byte == 2), "{done:?}");
        done.map(|_| ())
    };
    let marked = |folder: &Path| {
        let people = people(folder)?;
        if people.is(&key(2), Mark::Trusted) {
            return Ok(());
        }
        let done = people.mark(&key(2), "eve", Mark::Trusted).map_err(text);
        believed(&people, 2, Mark::Trusted, done)
    };
    Walk { before: &before, change: &marked, read: &read, tidy: &tidy }.all("a mark");
    let unmarked = |folder: &Path| {
        let people = people(folder)?;
        if !people.is(&key(1), Mark::Verified) {
            return Ok(());
        }
        let done = people.unmark(&key(1), Mark::Verified).map_err(text);
        believed(&people, 1, Mark::Verified, done)
    };
    Walk { before: &before, change: &unmarked, read: &read, tidy: &tidy }.all("a mark that is taken back");
}

#[test]
fn the_last_room_is_there_whole_or_not_at_all() {
    let last = |folder: &Path| LastRoom::at(folder.join("last"));
    let set = |folder: &Path, addr: &str| last(folder).set(&addr.parse().unwrap()).map_err(text);
    let walk = Walk {
        before: &|folder| set(folder, "one:5000").unwrap(),
        change: &|folder| set(folder, "two:6000"),
        read: &|folder| format!("{:?}", last(folder).get().unwrap()),
        tidy: &|folder| set(folder, "three:1").unwrap(),
    };
    walk.all("the last room");
}

/// The identity that a start finds or makes, and all later ones must find.
fn start(folder: &Path) -> Result<PublicKey, String> {
    Identity::load_or_create(&folder.join("a/b/identity.pem")).map(|identity| identity.public_key()).map_err(text)
}

/// What is there, which must be a whole identity or none.
fn there(folder: &Path, what: &str) -> Option<PublicKey> {
    let found = Identity::load(&folder.join("a/b/identity.pem"));
    found.unwrap_or_else(|error| panic!("{what}: {error}")).map(|identity| identity.public_key())
}

#[test]
fn case_34_and_135_an_identity_that_was_told_of_is_never_replaced() {
    let mut tally = Tally::default();
    let calls = {
        let scratch = Scratch::in_memory();
        let trial = Trial::below(scratch.path());
        start(scratch.path()).unwrap();
        trial.none()
    };
    tally.walked(&calls);
    for (number, call) in calls.iter().enumerate() {
        let faults = call.errnos().iter().map(|errno| Fault::Fails(*errno));
        for fault in faults.chain([Fault::Short, Fault::Ends, Fault::EndsAfter]) {
            let what = format!("{fault:?} at call {number} of {}, {call:?}", calls.len());
            let scratch = Scratch::in_memory();
            for name in ["real", "left"] {
                fs::create_dir(scratch.join(name)).unwrap();
            }
            let real = scratch.join("real");
            let trial = Trial::below(&real);
            trial.record();
            trial.at(number, fault);
            let first = start(&real);
            trial.none();
            if let (Err(error), Fault::Fails(errno)) = (&first, fault) {
                assert!(error.contains(&format!("os error {}", errno.raw_os_error())), "{what}: {error}");
                assert!(error.contains(real.to_str().unwrap()), "{what}: {error}");
            }
            let found = there(&real, &what);
            assert!(first.is_err() || found == first.clone().ok(), "{what}");
            let second = start(&real).unwrap_or_else(|error| panic!("{what}: then {error}"));
            assert!(found.is_none_or(|found| found == second), "{what}: replaced");
            // Told now. From here on nothing may take it away.
            let power = trial.power();
            for way in Way::all(seeds(0..4)) {
                tally.tries += 1;
                power.fail(power.len(), way, &scratch.join("left"));
                assert_eq!(there(&scratch.join("left"), &what), Some(second), "{what}: {way:?}");
            }
            for upto in 0..power.len() {
                tally.tries += 1;
                power.fail(upto, Way::Lot(upto as u64), &scratch.join("left"));
                // Never something that is neither.
                there(&scratch.join("left"), &what);
            }
            age(&real);
            tidy(&real);
            assert!(temporary(&real).is_empty(), "{what}: {:?}", temporary(&real));
            assert_eq!(start(&real), Ok(second), "{what}");
        }
    }
    tally.tell("an identity");
}

#[test]
fn case_34_an_identity_that_cannot_be_read_is_not_replaced() {
    let scratch = Scratch::in_memory();
    let own = start(scratch.path()).unwrap();
    let path = scratch.join("a/b/identity.pem");
    let before = fs::read(&path).unwrap();
    let trial = Trial::below(scratch.path());
    start(scratch.path()).unwrap();
    let calls = trial.none();
    for (number, call) in calls.iter().enumerate() {
        for errno in call.errnos() {
            trial.at(number, Fault::Fails(*errno));
            match start(scratch.path()) {
                Ok(found) => assert_eq!(found, own),
                Err(error) => assert!(error.contains("identity.pem"), "{error}"),
            }
            trial.none();
            assert_eq!(fs::read(&path).unwrap(), before);
        }
    }
}
