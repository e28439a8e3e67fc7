use super::*;
use crate::{
    disk::trial::{Call, Fault, Tally, Trial, Way, seeds},
    trust::{Hosts, Identity, Pin},
};

/// What is whole under a path, of what is planned.
fn whole(path: &Path, plan: &Plan) -> bool {
    let seen = seen(path);
    match plan.kind() {
        Kind::File => seen == [(String::new(), content(plan.content_len()))].into(),
        Kind::Folder => seen.len() == 9 && seen.values().flatten().copied().eq(content(713)),
    }
}

fn wipe(downloads: &Downloads) {
    for entry in fs::read_dir(downloads.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
}

/// A way that an attempt may go.
struct Course {
    plan: Plan,
    /// How far an attempt before came.
    before: usize,
    /// Whether something else has the name already.
    taken: bool,
    /// What the file system cannot do.
    always: &'static [(Call, Errno)],
}

const NO_RENAME: &[(Call, Errno)] = &[(Call::RenameNew, Errno::INVAL)];
const NO_LINK: &[(Call, Errno)] = &[(Call::RenameNew, Errno::INVAL), (Call::Link, Errno::PERM)];

const MINE: &[u8] = b"mine";

/// All the ways: new, gone on with, under a name that is taken, on file systems that can do less.
fn courses() -> Vec<Course> {
    let mut courses = Vec::new();
    for plan in [one_file("photo.jpg", 200), tree()] {
        let half = if plan.kind() == Kind::File { 100 } else { 300 };
        let of = |before, taken, always| Course { plan: plan.clone(), before, taken, always };
        courses.extend([of(0, false, &[][..]), of(half, false, &[]), of(0, true, &[])]);
        courses.extend([of(0, false, NO_RENAME), of(half, true, NO_RENAME), of(0, false, NO_LINK)]);
    }
    courses
}

impl Course {
    /// Lays out what is there before the attempt.
    fn prepare(&self, downloads: &Downloads) {
        wipe(downloads);
        if self.taken {
            fs::write(downloads.path().join(self.plan.top().as_str()), MINE).unwrap();
        }
        if self.before > 0 {
            fetch(downloads, &self.plan, &self.bytes(), self.before).unwrap();
        }
    }

    fn bytes(&self) -> Vec<u8> {
        content(self.plan.content_len())
    }

    fn attempt(&self, downloads: &Downloads) -> Result<Option<Saved>, DiskError> {
        let bytes = self.bytes();
        fetch(downloads, &self.plan, &bytes, bytes.len())
    }

    /// The names of what was saved. Whatever has a final name must be whole, and what was there before untouched.
    fn saved(&self, downloads: &Downloads, what: &str) -> Vec<String> {
        let mut names = visible(downloads);
        if self.taken {
            let before = self.plan.top().as_str();
            assert_eq!(fs::read(downloads.path().join(before)).unwrap(), MINE, "{what}");
            names.retain(|name| name != before);
        }
        for name in &names {
            let path = downloads.path().join(name);
            assert!(whole(&path, &self.plan), "{what}: {name} is not whole: {:?}", seen(&path));
        }
        names
    }

    /// Removes what is the one thing that a file system without links cannot do better: something empty under the name.
    fn without_a_placeholder(&self, downloads: &Downloads) {
        let top = downloads.path().join(self.plan.top().as_str());
        if self.always == NO_LINK && is_empty(&top) {
            fs::remove_file(top).unwrap();
        }
    }

    /// Another attempt succeeds, and nothing of the first stays for ever.
    fn again(&self, downloads: &Downloads, what: &str) {
        let again = self.attempt(downloads).unwrap_or_else(|error| panic!("{what}: then {error}")).unwrap();
        assert!(whole(&again.path, &self.plan), "{what}");
        self.saved(downloads, what);
        assert_swept(downloads, what);
    }
}

fn is_empty(file: &Path) -> bool {
    fs::read(file).is_ok_and(|bytes| bytes.is_empty())
}

/// Whether nothing is left behind once it is old.
fn assert_swept(downloads: &Downloads, what: &str) {
    for entry in fs::read_dir(downloads.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with(".pchat-") {
            for old in [path.join("lock"), path] {
                let _ = fs::File::open(old).and_then(|old| old.set_modified(SystemTime::UNIX_EPOCH));
            }
        }
    }
    downloads.sweep(Duration::from_secs(3_600)).unwrap();
    let names = fs::read_dir(downloads.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<_> = names.filter(|name| name.starts_with('.')).collect();
    assert!(left.is_empty(), "{what}: {left:?} stays");
}

/// Lets each call of an attempt fail in each way.
fn every_call_fails_once(course: &Course, tally: &mut Tally) {
    let Course { before, always, .. } = course;
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    let trial = Trial::below(scratch.path());
    trial.always(always);
    course.prepare(&downloads);
    trial.none();
    course.attempt(&downloads).unwrap().unwrap();
    let calls = trial.none();
    assert!(calls.len() >= 20, "{calls:?}");
    tally.walked(&calls);
    for (number, call) in calls.iter().enumerate() {
        let short = (*call == Call::Write).then_some(Fault::Short);
        for fault in call.errnos().iter().map(|errno| Fault::Fails(*errno)).chain(short) {
            let what = format!("call {number} of {}, {call:?}, {fault:?}", calls.len());
            tally.tries += 1;
            course.prepare(&downloads);
            trial.at(number, fault);
            let done = course.attempt(&downloads);
            trial.none();
            let saved = course.saved(&downloads, &what);
            let last_sync = !calls[number + 1..].contains(&Call::Sync);
            // What only looks may be done without; so may cleaning up, times, and going on with what is there.
            let interrupted = fault == Fault::Fails(Errno::INTR) && !is_once(*call);
            let harmless = matches!(fault, Fault::Short)
                || interrupted
                || matches!(call, Call::Remove | Call::Mark | Call::Lock)
                || last_sync && *call != Call::Sync
                || *before > 0 && number < 8 && !call.changes()
                || always.iter().any(|(failing, _)| failing == call);
            match (&done, fault) {
                (Ok(_), _) => {
                    assert!(harmless, "{what}: not told");
                    assert_eq!(saved.len(), 1, "{what}");
                }
                (Err(DiskError::Full { .. }), Fault::Fails(Errno::NOSPC | Errno::DQUOT)) => {}
                (Err(error @ DiskError::Failed { .. }), Fault::Fails(errno)) => {
                    // Reading back what is there is not the disk layer's to name.
                    let source = std::error::Error::source(error).unwrap().to_string();
                    assert!(source.contains(&format!("os error {}", errno.raw_os_error())), "{what}: {error}");
                    assert!(!error.to_string().contains(".pchat"), "{what}: {error}");
                }
                (Err(error), _) => panic!("{what}: {error}"),
            }
            if done.is_err() {
                assert!(!interrupted, "{what}: a signal is no reason");
                assert_eq!(saved.len(), usize::from(*call == Call::Sync && last_sync), "{what}");
                let kept = downloads.partials().unwrap().1 > 0;
                let written = calls[..number].contains(&Call::Write) || *before > 0;
                // What could not be brought to the disk is not trusted again.
                assert_eq!(kept, written && *call != Call::Sync, "{what}");
            }
            course.again(&downloads, &what);
        }
    }
}

/// Whether it is not tried again after a signal, since it may have been done.
fn is_once(call: Call) -> bool {
    matches!(call, Call::Create | Call::Mkdir | Call::Rename | Call::RenameNew | Call::Link | Call::Remove)
}

#[test]
fn case_131_and_132_any_call_of_a_receive_may_fail_once() {
    let mut tally = Tally::default();
    for course in courses() {
        every_call_fails_once(&course, &mut tally);
    }
    tally.tell("calls that fail");
}

#[test]
fn a_program_that_ends_at_any_call_of_a_receive_leaves_nothing_half_done() {
    let mut tally = Tally::default();
    for course in courses() {
        let scratch = Scratch::in_memory();
        let path = scratch.join("got");
        let trial = Trial::below(scratch.path());
        trial.always(course.always);
        let prepared = || {
            let downloads = Downloads::open_but(&path, None).unwrap();
            course.prepare(&downloads);
            trial.none();
            downloads
        };
        course.attempt(&prepared()).unwrap().unwrap();
        let calls = trial.none();
        tally.walked(&calls);
        for (number, call) in calls.iter().enumerate() {
            for fault in [Fault::Ends, Fault::EndsAfter] {
                for goes_on in [true, false] {
                    let what = format!("{fault:?} call {number} of {}, {call:?}, {:?}", calls.len(), course.always);
                    tally.tries += 1;
                    let downloads = prepared();
                    trial.at(number, fault);
                    let done = course.attempt(&downloads);
                    drop(downloads);
                    trial.none();
                    // The next start.
                    let downloads = Downloads::open_but(&path, None).unwrap();
                    course.without_a_placeholder(&downloads);
                    let saved = course.saved(&downloads, &what);
                    assert!(done.is_err() || saved.len() == 1, "{what}");
                    let kept = downloads.partials().unwrap().1 > 0;
                    assert!(kept || !saved.is_empty() || !calls[..number].contains(&Call::Write), "{what}: lost");
                    if goes_on { course.again(&downloads, &what) } else { assert_swept(&downloads, &what) }
                }
            }
        }
    }
    tally.tell("ends of the program");
}

#[test]
fn a_power_failure_after_any_call_of_a_receive_takes_nothing_that_was_saved() {
    let mut tally = Tally::default();
    for course in courses() {
        let scratch = Scratch::in_memory();
        for name in ["real", "left"] {
            fs::create_dir(scratch.join(name)).unwrap();
        }
        let trial = Trial::below(&scratch.join("real"));
        trial.always(course.always);
        let path = scratch.join("real/got/here");
        // The folder, too, is made meanwhile, unless something is in it that is not ours.
        let recorded = (!course.taken).then(|| trial.record());
        let downloads = Downloads::open_but(&path, None).unwrap();
        course.prepare(&downloads);
        recorded.unwrap_or_else(|| trial.record());
        let saved = course.attempt(&downloads).unwrap().unwrap();
        let safe = trial.recorded();
        // What is received next must not touch it.
        let next = one_file("next", 50);
        let next_saved = save(&downloads, &next);
        let power = trial.power();
        tally.walked(&trial.none());
        for upto in 0..=power.len() {
            for way in Way::all(seeds(0..8)) {
                let what = format!("{way:?} after {upto} of {} changes, {:?}", power.len(), course.always);
                tally.tries += 1;
                power.fail(upto, way, &scratch.join("left"));
                let downloads = Downloads::open_but(&scratch.join("left/got/here"), None).unwrap();
                if fs::read(downloads.path().join("next")).is_ok_and(|bytes| bytes == content(50)) {
                    fs::remove_file(downloads.path().join("next")).unwrap();
                } else {
                    assert!(upto < power.len(), "{what}: {next_saved:?} is gone");
                    let path = downloads.path().join("next");
                    let placeholder = course.always == NO_LINK && is_empty(&path);
                    assert!(placeholder || !path.exists(), "{what}: next is not whole");
                    let _ = fs::remove_file(path);
                }
                course.without_a_placeholder(&downloads);
                let there = course.saved(&downloads, &what);
                assert!(upto < safe || there.contains(&saved.name), "{what}: {} is gone", saved.name);
                course.again(&downloads, &what);
            }
        }
    }
    tally.tell("power failures");
}

#[test]
fn case_133_and_89_nothing_is_replaced_in_any_way_of_renaming() {
    let ways: [&[(Call, Errno)]; 4] = [
        &[],
        &[(Call::RenameNew, Errno::INVAL)],
        &[(Call::RenameNew, Errno::NOSYS), (Call::Link, Errno::PERM)],
        &[(Call::RenameNew, Errno::NOTSUP), (Call::Link, Errno::NOTSUP)],
    ];
    for (way, plan) in ways.into_iter().flat_map(|way| [(way, one_file("x.y", 5)), (way, tree())]) {
        let scratch = Scratch::in_memory();
        let downloads = downloads(&scratch);
        let trial = Trial::below(scratch.path());
        trial.always(way);
        let at = |number| downloads.path().join(plan.top().numbered(number).as_str());
        fs::write(downloads.path().join(plan.top().as_str()), "mine").unwrap();
        std::os::unix::fs::symlink(scratch.join("nowhere"), at(1)).unwrap();
        fs::create_dir(at(2)).unwrap();
        fs::create_dir(at(3)).unwrap();
        fs::write(at(3).join("inner"), "mine too").unwrap();
        let before = seen(downloads.path());
        let saved = save(&downloads, &plan);
        assert_eq!(saved.path, at(4));
        assert!(whole(&saved.path, &plan));
        let mut after = seen(downloads.path());
        after.retain(|name, _| before.contains_key(name));
        assert_eq!(after, before);
        assert!(!scratch.join("nowhere").exists());
        assert_eq!(downloads.partials().unwrap(), (0, 0));
    }
}

#[test]
fn case_132_a_failed_sync_is_not_taken_for_done_the_next_time() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    let trial = Trial::below(scratch.path());
    for plan in [one_file("a", 500), tree()] {
        let bytes = content(plan.content_len());
        trial.always(&[(Call::Sync, Errno::IO)]);
        let error = fetch(&downloads, &plan, &bytes, bytes.len()).unwrap_err();
        assert!(error.to_string().contains(plan.top().as_str()), "{error}");
        trial.always(&[]);
        assert_eq!(downloads.partials().unwrap(), (0, 0));
        assert!(visible(&downloads).is_empty());
    }
}

#[test]
fn a_partial_with_a_second_name_is_not_written_on() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    let plan = one_file("a", 500);
    fetch(&downloads, &plan, &content(500), 300).unwrap();
    let partial = fs::read_dir(downloads.path()).unwrap().next().unwrap().unwrap().path();
    // As after a crash between the two steps of giving it its name.
    fs::hard_link(partial.join("content"), downloads.path().join("mine")).unwrap();
    assert_eq!(downloads.stage(&KEY, plan.clone()).unwrap().present().unwrap(), 0);
    assert!(whole(&save(&downloads, &plan).path, &plan));
    assert_eq!(fs::read(downloads.path().join("mine")).unwrap(), content(300));
}

/// `unshare -m sh -c 'mount -t tmpfs -o size=1m none /mnt; TMPDIR=/mnt TEST really_full --ignored'`.
#[test]
#[ignore = "needs a file system of 1 MiB as TMPDIR"]
fn case_131_a_disk_that_is_really_full_pauses_and_goes_on() {
    let scratch = Scratch::new();
    let downloads = downloads(&scratch);
    assert!(downloads.free().unwrap() <= 1 << 20);
    let paths = ["a", "b/c", "b/d", "e"].map(|path| (path, 150_000));
    for plan in [one_file("big", 600_000), plan_of(Kind::Folder, "many", listed(&paths))] {
        fs::write(scratch.join("ballast"), vec![1; 700_000]).unwrap();
        let bytes = content(plan.content_len());
        let error = fetch(&downloads, &plan, &bytes, bytes.len()).unwrap_err();
        assert!(matches!(error, DiskError::Full { .. }), "{error}");
        assert!(downloads.free().unwrap() < 10_000);
        assert!(visible(&downloads).is_empty());
        fs::remove_file(scratch.join("ballast")).unwrap();
        let staging = downloads.stage(&KEY, plan.clone()).unwrap();
        assert!(staging.present().unwrap() > 200_000);
        drop(staging);
        let saved = save(&downloads, &plan);
        assert!(seen(&saved.path).values().flatten().eq(&bytes));
        wipe(&downloads);
    }
}

/// `unshare -m sh -c 'mount -t tmpfs none /mnt; TMPDIR=/mnt PCHAT_MOUNT=/mnt TEST really_read_only --ignored'`: root may
/// write everywhere else.
#[test]
#[ignore = "needs a file system of its own as TMPDIR and PCHAT_MOUNT, which it mounts anew"]
fn case_134_and_135_a_disk_that_is_really_read_only_is_told_and_harms_nothing() {
    let mount = std::env::var("PCHAT_MOUNT").unwrap();
    let remount = |how: &str| {
        let done = std::process::Command::new("mount").args(["-o", how, &mount]).status().unwrap();
        assert!(done.success());
    };
    let scratch = Scratch::new();
    let downloads = downloads(&scratch);
    let (identity, list) = (scratch.join("identity.pem"), scratch.join("hosts"));
    let own = Identity::load_or_create(&identity).unwrap().public_key();
    let key = crate::wire::PublicKey([1; 32]);
    Hosts::at(&list).remember(&"one".parse().unwrap(), &key).unwrap();
    for plan in [one_file("big", 600), tree()] {
        let bytes = content(plan.content_len());
        let mut staging = downloads.stage(&KEY, plan.clone()).unwrap();
        staging.begin(0).unwrap();
        staging.write(&bytes[..bytes.len() / 2]).unwrap();
        drop(staging);
        remount("remount,ro");
        let error = fetch(&downloads, &plan, &bytes, bytes.len()).unwrap_err().to_string();
        assert!(error.contains("Read-only file system") && error.contains(plan.top().as_str()), "{error}");
        assert!(visible(&downloads).is_empty());
        // Who this is, and whom they know, is known still; nobody new is.
        assert_eq!(Identity::load_or_create(&identity).unwrap().public_key(), own);
        let error = Identity::load_or_create(&scratch.join("other.pem")).err().unwrap().to_string();
        assert!(error.contains("Read-only"), "{error}");
        let two = "two".parse().unwrap();
        let error = Hosts::at(&list).remember(&two, &key).unwrap_err().to_string();
        assert!(error.contains("Read-only") && error.contains("hosts"), "{error}");
        assert_eq!(Hosts::at(&list).check(&two, &key).unwrap(), Pin::New);
        remount("remount,rw");
        assert!(whole(&save(&downloads, &plan).path, &plan));
        assert_swept(&downloads, "after it");
        wipe(&downloads);
    }
}
