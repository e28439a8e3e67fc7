//! Disks that fail while something is received.

use rustix::io::Errno;

use super::*;
use crate::{
    disk::trial::{Call, Fault, Tally, Trial},
    transfer::record::CHUNK,
};

/// A file or a folder that takes more than a chunk, or little.
fn laid_out(place: &Place, folder: bool, is_long: bool) -> (Arc<Source>, Offer) {
    let len = if is_long { CHUNK as usize } else { 0 };
    if !folder {
        return place.file("film", &content(len + 3_000));
    }
    fs::create_dir_all(place.own("src/sub")).unwrap();
    for (name, len) in [("a", 5), ("b", len + 9), ("sub/c", 0), ("sub/d", 3_000)] {
        fs::write(place.own("src").join(name), content(len)).unwrap();
    }
    offered(&place.own("src"))
}

/// Whether what is there under a final name is what was sent.
fn is_whole(place: &Place, name: &str, source: &Source) -> bool {
    let (there, _) = offered(&place.got(name));
    there.manifest().total() == source.manifest().total() && {
        let files = |root: PathBuf, source: &Source| -> Vec<Vec<u8>> {
            let paths = source.manifest().paths();
            if root.is_file() {
                vec![fs::read(&root).unwrap()]
            } else {
                paths.map(|(_, path, _)| fs::read(root.join(path)).unwrap()).collect()
            }
        };
        files(place.own(source.name()), source) == files(place.got(name), &there)
    }
}

/// What is there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    /// A part of it.
    Part,
    /// The same, whole, and a part of it.
    Same,
    /// Something else of its name.
    Other,
}

/// A receive as it goes between two ends, after something.
struct Course {
    place: Place,
    source: Arc<Source>,
    offer: Offer,
    folder: bool,
    before: Before,
}

impl Course {
    fn new(folder: bool, before: Before) -> Self {
        let place = Place::new();
        let (source, offer) = laid_out(&place, folder, matches!(before, Before::Part | Before::Same));
        Self { place, source, offer, folder, before }
    }

    fn all() -> impl Iterator<Item = Self> {
        let befores = [Before::Nothing, Before::Part, Before::Same, Before::Other];
        befores.into_iter().flat_map(|before| [false, true].map(|folder| Self::new(folder, before)))
    }

    fn prepare(&self) {
        for entry in fs::read_dir(self.place.scratch.join("got")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
        if let Before::Part | Before::Same = self.before {
            let broken = fetched(&self.place.order(&self.offer), Then::Take, |out| {
                write_manifest(out, self.source.manifest().bytes())?;
                write_control(out, &crate::transfer::record::Control::From(0))?;
                let bytes = match self.folder {
                    true => [content(5), content(CHUNK as usize + 9)].concat(),
                    false => content(CHUNK as usize + 100),
                };
                data(out, &bytes)
            });
            assert!(matches!(broken, Fetched::Broken(_)), "{broken:?}");
        }
        let there = self.place.got(self.source.name());
        match (self.before, self.folder) {
            (Before::Other, _) => fs::write(there, "mine").unwrap(),
            (Before::Same, false) => drop(fs::copy(self.place.own("film"), there).unwrap()),
            (Before::Same, true) => {
                fs::create_dir_all(there.join("sub")).unwrap();
                for name in ["a", "b", "sub/c", "sub/d"] {
                    fs::copy(self.place.own("src").join(name), there.join(name)).unwrap();
                }
            }
            _ => {}
        }
    }

    /// An attempt, with a handle of the folder like that of a new start.
    fn attempt(&self) -> Fetched {
        let order = Order {
            downloads: Arc::new(Downloads::open(&self.place.scratch.join("got")).unwrap()),
            ..self.place.order(&self.offer)
        };
        match order.then() {
            Ok(then) => both_for(&order, &self.source, then).0,
            Err(reason) => Fetched::Refused(reason),
        }
    }

    /// The names of what was saved, all of which is whole; nothing that was there has changed.
    fn saved(&self, what: &str) -> Vec<String> {
        let mut names = self.place.saved();
        if self.before == Before::Other {
            let mine = self.source.name();
            assert_eq!(fs::read(self.place.got(mine)).unwrap(), b"mine", "{what}");
            names.retain(|name| name != mine);
        }
        for name in &names {
            assert!(is_whole(&self.place, name, &self.source), "{what}: {name} is not whole");
        }
        names
    }

    /// Whatever it was has passed: another attempt goes on with what is left, and nothing stays for ever.
    fn again(&self, what: &str) {
        let again = self.attempt();
        assert!(matches!(again, Fetched::Saved(..) | Fetched::Present(_)), "{what}: then {again:?}");
        // If the name is another's, or what has it could not be read, it comes again under the next one.
        let most = 1 + usize::from(matches!(self.before, Before::Other | Before::Same));
        assert!((1..=most).contains(&self.saved(what).len()), "{what}");
        for entry in fs::read_dir(self.place.scratch.join("got")).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with(".pchat-") {
                for old in [path.join("lock"), path] {
                    let _ = fs::File::open(old).and_then(|old| old.set_modified(std::time::SystemTime::UNIX_EPOCH));
                }
            }
        }
        self.place.downloads.sweep(Duration::from_secs(3_600)).unwrap();
        let names = fs::read_dir(self.place.scratch.join("got")).unwrap();
        assert!(
            names.map(|name| name.unwrap().file_name()).all(|name| !name.to_str().unwrap().starts_with('.')),
            "{what}"
        );
    }
}

#[test]
fn case_131_any_call_may_fail_while_it_is_received() {
    let mut tally = Tally::default();
    for course in Course::all() {
        let trial = Trial::below(course.place.scratch.path());
        course.prepare();
        trial.none();
        let fetched = course.attempt();
        assert!(matches!(fetched, Fetched::Saved(..) | Fetched::Present(_)), "{fetched:?}");
        let calls = trial.none();
        assert!(calls.len() >= 20, "{calls:?}");
        tally.walked(&calls);
        for (number, call) in calls.iter().enumerate() {
            // All of them are tried where there is less to copy.
            let errnos = call.errnos().iter().filter(|errno| {
                matches!(course.before, Before::Nothing | Before::Other) || [Errno::NOSPC, Errno::IO].contains(errno)
            });
            let short = (*call == Call::Write).then_some(Fault::Short);
            for fault in errnos.map(|errno| Fault::Fails(*errno)).chain(short) {
                let what = format!("call {number} of {}, {call:?}, {fault:?}, {:?}", calls.len(), course.before);
                tally.tries += 1;
                course.prepare();
                trial.at(number, fault);
                let fetched = course.attempt();
                trial.none();
                course.saved(&what);
                match (&fetched, fault) {
                    (Fetched::Saved(..) | Fetched::Present(_), Fault::Short | Fault::Fails(Errno::INTR)) => {}
                    // Throwing away may fail, and so may looking whether there is something to go on with.
                    (Fetched::Saved(..) | Fetched::Present(_), _) => {
                        let cleared = calls[number..].iter().all(|call| !matches!(call, Call::Sync | Call::RenameNew));
                        let optional = matches!(call, Call::Remove | Call::Mark | Call::Lock);
                        let looks = !call.changes() || *call == Call::Create && course.before == Before::Same;
                        assert!(optional || cleared || looks, "{what}: not told");
                    }
                    (Fetched::Full(reason), Fault::Fails(Errno::NOSPC | Errno::DQUOT)) => {
                        assert!(reason.contains("disk is full"), "{what}: {reason}");
                    }
                    (Fetched::Refused(reason), Fault::Fails(errno)) => {
                        let said = format!("os error {}", errno.raw_os_error());
                        assert!(reason.contains(&said) && !reason.contains(".pchat"), "{what}: {reason}");
                        assert!(reason.starts_with("could not "), "{what}: {reason}");
                    }
                    _ => panic!("{what}: {fetched:?}"),
                }
                course.again(&what);
            }
        }
    }
    tally.tell("calls of a fetch that fail");
}

#[test]
fn a_program_that_ends_at_any_call_while_it_is_received_leaves_nothing_half_done() {
    let mut tally = Tally::default();
    for course in Course::all() {
        let trial = Trial::below(course.place.scratch.path());
        course.prepare();
        trial.none();
        course.attempt();
        let calls = trial.none();
        tally.walked(&calls);
        for (number, call) in calls.iter().enumerate() {
            // Whether what only looks is done or not makes no difference afterwards.
            let faults = [Fault::Ends, Fault::EndsAfter];
            for fault in &faults[..if call.changes() { 2 } else { 1 }] {
                let what = format!("{fault:?} call {number} of {}, {call:?}, {:?}", calls.len(), course.before);
                tally.tries += 1;
                course.prepare();
                trial.at(number, *fault);
                course.attempt();
                trial.none();
                course.saved(&what);
                course.again(&what);
            }
        }
    }
    tally.tell("ends during a fetch");
}

#[test]
fn case_132_a_sync_that_fails_is_told_and_nothing_is_called_saved() {
    let place = Place::new();
    let (source, offer) = laid_out(&place, false, true);
    let trial = Trial::below(place.scratch.path());
    trial.always(&[(Call::Sync, Errno::IO)]);
    for _ in 0..2 {
        let (fetched, _) = both(&place.order(&offer), &source);
        assert!(matches!(&fetched, Fetched::Refused(reason) if reason.contains("film")), "{fetched:?}");
        assert!(place.saved().is_empty());
    }
}

#[test]
fn case_133_where_nothing_can_be_renamed_without_replacing_it_still_arrives() {
    for always in
        [&[(Call::RenameNew, Errno::INVAL)][..], &[(Call::RenameNew, Errno::INVAL), (Call::Link, Errno::PERM)]]
    {
        for folder in [false, true] {
            let place = Place::new();
            let (source, offer) = laid_out(&place, folder, true);
            let trial = Trial::below(place.scratch.path());
            trial.always(always);
            let (fetched, _) = both(&place.order(&offer), &source);
            assert!(matches!(fetched, Fetched::Saved(..)), "{fetched:?}");
            assert!(is_whole(&place, source.name(), &source));
        }
    }
}

#[test]
fn case_134_a_download_folder_that_goes_is_told_and_not_made_again() {
    let place = Place::new();
    let (source, offer) = laid_out(&place, false, true);
    let order = place.order(&offer);
    let bytes = content(CHUNK as usize + 3_000);
    let moved = place.scratch.join("elsewhere");
    let fetched = fetched(&order, Then::Take, |out| {
        write_manifest(out, source.manifest().bytes())?;
        write_control(out, &crate::transfer::record::Control::From(0))?;
        data(out, &bytes[..CHUNK as usize])?;
        while order.meter.moved() == 0 {
            thread::yield_now();
        }
        fs::rename(place.scratch.join("got"), &moved).unwrap();
        data(out, &bytes[CHUNK as usize..])?;
        write_control(out, &crate::transfer::record::Control::End(hash(&bytes)))
    });
    assert!(matches!(&fetched, Fetched::Refused(_)), "{fetched:?}");
    assert!(!place.scratch.join("got").exists());
    assert!(
        fs::read_dir(&moved).unwrap().all(|entry| entry.unwrap().file_name().to_str().unwrap().starts_with(".pchat-"))
    );
    // Not even begun where it is not.
    let (fetched, _) = both(&place.order(&offer), &source);
    assert!(matches!(&fetched, Fetched::Refused(_)), "{fetched:?}");
    assert!(!place.scratch.join("got").exists());
}
