//! Whether a trial finds the mistakes that it is there to find.

use std::{collections::BTreeSet, fs};

use super::*;
use crate::trust::scratch::Scratch;

const OLD: &[u8] = b"what was there before";
const NEW: &[u8] = b"what is to be there instead of it";

/// Replaces `old` in one of the ways that people choose.
type Replace = fn(&OwnedFd) -> Result<()>;

fn by_cutting(folder: &OwnedFd) -> Result<()> {
    let file = open(folder, "file", OFlags::WRONLY | OFlags::TRUNC, Mode::empty())?;
    write(&file, NEW)?;
    sync(file)
}

fn without_a_sync(folder: &OwnedFd) -> Result<()> {
    let file = create(folder, "new", Mode::RUSR | Mode::WUSR)?;
    write(file, NEW)?;
    rename(folder, "new", folder, "file")?;
    sync(folder)
}

fn without_the_folder(folder: &OwnedFd) -> Result<()> {
    let file = create(folder, "new", Mode::RUSR | Mode::WUSR)?;
    write(&file, NEW)?;
    sync(file)?;
    rename(folder, "new", folder, "file")
}

fn as_it_should_be(folder: &OwnedFd) -> Result<()> {
    without_the_folder(folder)?;
    sync(folder)
}

/// What may be there under the name after a power failure: anywhere, and once it is said to be done.
fn left_by(replace: Replace) -> [BTreeSet<Vec<u8>>; 2] {
    let scratch = Scratch::in_memory();
    for name in ["real", "left"] {
        fs::create_dir(scratch.join(name)).unwrap();
    }
    fs::write(scratch.join("real/file"), OLD).unwrap();
    let trial = Trial::below(&scratch.join("real"));
    trial.record();
    let folder = open(CWD, scratch.join("real"), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
    replace(&folder).unwrap();
    let power = trial.power();
    let mut left = [BTreeSet::new(), BTreeSet::new()];
    for upto in 0..=power.len() {
        for way in Way::all(0..100) {
            power.fail(upto, way, &scratch.join("left"));
            let found = fs::read(scratch.join("left/file")).unwrap_or_default();
            if upto == power.len() {
                left[1].insert(found.clone());
            }
            left[0].insert(found);
        }
    }
    left
}

#[test]
fn a_file_is_replaced_whole_or_not_at_all_only_if_everything_is_synced_in_its_order() {
    let whole: BTreeSet<_> = [OLD.to_vec(), NEW.to_vec()].into();
    let done: BTreeSet<_> = [NEW.to_vec()].into();
    let [anywhere, after] = left_by(by_cutting);
    assert!(anywhere.contains(&Vec::new()) && anywhere.len() > 10, "half of it is there");
    assert_eq!(after, done);
    let [_, after] = left_by(without_a_sync);
    assert!(after.contains(&Vec::new()) && after.contains(&vec![0; NEW.len()]), "its name came before its bytes");
    let [anywhere, after] = left_by(without_the_folder);
    assert_eq!((&anywhere, &after), (&whole, &whole), "it is not there yet when it is said to be");
    assert_eq!(left_by(as_it_should_be), [whole, done]);
}

#[test]
fn names_of_one_folder_come_in_their_order_and_those_of_two_do_not() {
    let scratch = Scratch::in_memory();
    for name in ["real", "real/a", "real/b", "left"] {
        fs::create_dir(scratch.join(name)).unwrap();
    }
    let trial = Trial::below(&scratch.join("real"));
    trial.record();
    for name in ["real/a/1", "real/b/1", "real/a/2", "real/b/2"] {
        mkdir(CWD, scratch.join(name), Mode::RWXU).unwrap();
    }
    let power = trial.power();
    let mut seen = BTreeSet::new();
    for seed in 0..500 {
        power.fail(4, Way::Lot(seed), &scratch.join("left"));
        let there = |name: &str| scratch.join("left").join(name).exists();
        seen.insert(["a/1", "a/2", "b/1", "b/2"].map(there));
    }
    assert!(seen.iter().all(|[a1, a2, b1, b2]| a1 >= a2 && b1 >= b2), "{seen:?}");
    assert_eq!(seen.len(), 9, "{seen:?}");
}

#[test]
fn after_the_end_nothing_is_done_any_more_not_even_by_other_threads() {
    let scratch = Scratch::in_memory();
    let trial = Trial::below(scratch.path());
    for (fault, len) in [(Fault::Ends, 0), (Fault::EndsAfter, 5)] {
        trial.at(1, fault);
        let path = scratch.join(&format!("{fault:?}"));
        let file = create(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
        assert!(write(&file, b"123456789").is_err());
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(write(&file, b"x").is_err() && remove(CWD, &path, AtFlags::empty()).is_err()));
        });
        assert_eq!(fs::metadata(&path).unwrap().len(), len);
        assert_eq!(trial.none(), [Call::Create, Call::Write]);
    }
    // What is elsewhere goes on.
    let other = Scratch::in_memory();
    trial.at(0, Fault::Ends);
    mkdir(CWD, other.join("x"), Mode::RWXU).unwrap();
    assert!(mkdir(CWD, scratch.join("x"), Mode::RWXU).is_err());
}
