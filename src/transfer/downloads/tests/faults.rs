use super::{super::calls::Call, super::calls::faults::Fault, *};

const ERRNOS: [Errno; 5] = [Errno::NOSPC, Errno::DQUOT, Errno::IO, Errno::ROFS, Errno::ACCESS];

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

/// Lets each call of an attempt fail in each way, after an attempt that came as far as `before`.
fn every_call_fails_once(plan: &Plan, before: usize, always: &[(Call, Errno)]) {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    let faults = &downloads.shared.calls.faults;
    let bytes = content(plan.content_len());
    faults.always(always);
    let prepare = || {
        faults.none();
        wipe(&downloads);
        if before > 0 {
            fetch(&downloads, plan, &bytes, before).unwrap();
        }
        faults.none();
    };
    prepare();
    fetch(&downloads, plan, &bytes, bytes.len()).unwrap().unwrap();
    let calls = faults.none();
    for (number, call) in calls.iter().enumerate() {
        let ways = ERRNOS.into_iter().map(Fault::Fails).chain([Fault::Short]);
        for fault in ways {
            let what = format!("call {number} of {}, {call:?}, {fault:?}", calls.len());
            prepare();
            faults.at(number, fault);
            let done = fetch(&downloads, plan, &bytes, bytes.len());
            faults.none();
            for name in visible(&downloads) {
                assert!(whole(&downloads.path().join(&name), plan), "{what}: {name} is not whole");
            }
            let last_sync = calls[number + 1..].iter().all(|call| *call != Call::Sync);
            let harmless = match fault {
                Fault::Short => true,
                // Cleaning up may fail, and a partial that cannot be opened is left alone.
                Fault::Fails(_) => {
                    *call == Call::Remove
                        || before > 0 && number < 2
                        || always.iter().any(|(failing, _)| failing == call)
                }
            };
            match (&done, fault) {
                (Ok(_), _) => {
                    assert!(harmless, "{what}: not told");
                    assert_eq!(visible(&downloads).len(), 1, "{what}");
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
                let named = visible(&downloads).len();
                assert_eq!(named, usize::from(*call == Call::Sync && last_sync), "{what}");
                let kept = downloads.partials().unwrap().1 > 0;
                let written = calls[..number].contains(&Call::Write) || before > 0;
                // What could not be brought to the disk is not trusted again.
                assert_eq!(kept, written && *call != Call::Sync, "{what}");
            }
            let again = fetch(&downloads, plan, &bytes, bytes.len()).unwrap().unwrap();
            assert!(whole(&again.path, plan), "{what}");
        }
    }
    assert!(calls.len() >= 8, "{calls:?}");
}

#[test]
fn case_131_and_132_any_call_may_fail_once_with_a_file() {
    every_call_fails_once(&one_file("photo.jpg", 200), 0, &[]);
    every_call_fails_once(&one_file("photo.jpg", 200), 100, &[]);
}

#[test]
fn case_131_and_132_any_call_may_fail_once_with_a_folder() {
    every_call_fails_once(&tree(), 0, &[]);
    every_call_fails_once(&tree(), 300, &[]);
}

#[test]
fn case_133_any_call_may_fail_where_renames_replace() {
    let old = [(Call::RenameNew, Errno::INVAL), (Call::Link, Errno::PERM)];
    for plan in [one_file("photo.jpg", 200), tree()] {
        every_call_fails_once(&plan, 0, &old[..1]);
        every_call_fails_once(&plan, 0, &old);
    }
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
        downloads.shared.calls.faults.always(way);
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
    for plan in [one_file("a", 500), tree()] {
        let bytes = content(plan.content_len());
        downloads.shared.calls.faults.always(&[(Call::Sync, Errno::IO)]);
        let error = fetch(&downloads, &plan, &bytes, bytes.len()).unwrap_err();
        assert!(error.to_string().contains(plan.top().as_str()), "{error}");
        downloads.shared.calls.faults.always(&[]);
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
