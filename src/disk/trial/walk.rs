//! The three walks for files that are replaced whole: fail each call, end at each call, lose power after each.

use std::{collections::BTreeSet, fs, path::Path, time::SystemTime};

use super::{Fault, Tally, Trial, Way, seeds};
use crate::trust::scratch::Scratch;

/// Something that changes files below a folder.
pub(crate) struct Walk<'a> {
    /// Lays out what is there before, in an empty folder.
    pub(crate) before: &'a dyn Fn(&Path),
    /// Changes it. Doing it twice is as good as once.
    pub(crate) change: &'a dyn Fn(&Path) -> Result<(), String>,
    /// What those find who read it, whose errors are failures of the walk.
    pub(crate) read: &'a dyn Fn(&Path) -> String,
    /// Another change, with which goes what an earlier one may have left behind.
    pub(crate) tidy: &'a dyn Fn(&Path),
}

impl Walk<'_> {
    /// Walks through all of it. After each step there is the old state or the new one, an error is told as what it is, the
    /// next try succeeds, and nothing is left behind for good.
    pub(crate) fn all(&self, what: &str) -> Tally {
        let mut tally = Tally::default();
        let [old, new] = self.states();
        assert_ne!(old, new, "{what}: it changes nothing");
        self.failing(what, [&old, &new], &mut tally);
        self.losing_power(what, [&old, &new], &mut tally);
        tally.tell(what);
        tally
    }

    fn states(&self) -> [String; 2] {
        let scratch = Scratch::in_memory();
        (self.before)(scratch.path());
        let old = (self.read)(scratch.path());
        (self.change)(scratch.path()).expect("nothing is in the way");
        [old, (self.read)(scratch.path())]
    }

    fn failing(&self, what: &str, [old, new]: [&str; 2], tally: &mut Tally) {
        let calls = {
            let scratch = Scratch::in_memory();
            (self.before)(scratch.path());
            let trial = Trial::below(scratch.path());
            (self.change)(scratch.path()).expect("nothing is in the way");
            trial.none()
        };
        tally.walked(&calls);
        for (number, call) in calls.iter().enumerate() {
            let faults = call.errnos().iter().map(|errno| Fault::Fails(*errno));
            for fault in faults.chain([Fault::Short, Fault::Ends, Fault::EndsAfter]) {
                let what = format!("{what}: {fault:?} at call {number} of {}, {call:?}", calls.len());
                tally.tries += 1;
                let scratch = Scratch::in_memory();
                (self.before)(scratch.path());
                let trial = Trial::below(scratch.path());
                trial.at(number, fault);
                let changed = (self.change)(scratch.path());
                trial.none();
                let found = (self.read)(scratch.path());
                assert!(found == old || found == new, "{what}: neither the old nor the new one: {found}");
                match (&changed, fault) {
                    (Ok(()), _) => assert_eq!(found, new, "{what}: said to be done"),
                    (Err(error), Fault::Fails(errno)) => {
                        let said = format!("os error {}", errno.raw_os_error());
                        assert!(error.contains(&said), "{what}: {error}");
                        let named = error.contains(scratch.path().to_str().expect("a path"));
                        assert!(named || !error.starts_with("could not"), "{what}: {error}");
                    }
                    (Err(error), Fault::Short) => panic!("{what}: {error}"),
                    (Err(_), _) => {}
                }
                (self.change)(scratch.path()).unwrap_or_else(|error| panic!("{what}: then {error}"));
                assert_eq!((self.read)(scratch.path()), new, "{what}: then");
                age(scratch.path());
                (self.tidy)(scratch.path());
                let left = temporary(scratch.path());
                assert!(left.is_empty(), "{what}: {left:?} stays");
            }
        }
    }

    fn losing_power(&self, what: &str, [old, new]: [&str; 2], tally: &mut Tally) {
        let scratch = Scratch::in_memory();
        for name in ["real", "left"] {
            fs::create_dir(scratch.join(name)).expect("a folder");
        }
        (self.before)(&scratch.join("real"));
        let trial = Trial::below(&scratch.join("real"));
        trial.record();
        (self.change)(&scratch.join("real")).expect("nothing is in the way");
        let power = trial.power();
        for upto in 0..=power.len() {
            for way in Way::all(seeds(0..8)) {
                let what = format!("{what}: {way:?} after {upto} of {} changes", power.len());
                tally.tries += 1;
                power.fail(upto, way, &scratch.join("left"));
                let found = (self.read)(&scratch.join("left"));
                assert!(found == old || found == new, "{what}: neither the old nor the new one: {found}");
                assert!(upto < power.len() || found == new, "{what}: it was said to be done");
                (self.change)(&scratch.join("left")).unwrap_or_else(|error| panic!("{what}: then {error}"));
                assert_eq!((self.read)(&scratch.join("left")), new, "{what}: then");
            }
        }
    }
}

fn each(folder: &Path, see: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            each(&path, see);
        } else {
            see(&path);
        }
    }
}

/// Makes everything old.
pub(crate) fn age(folder: &Path) {
    each(folder, &mut |path| {
        fs::File::open(path).and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH)).expect("old");
    });
}

/// The names of temporary files.
pub(crate) fn temporary(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    each(folder, &mut |path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        found.extend(name.starts_with(".pchat-").then_some(name));
    });
    found
}
