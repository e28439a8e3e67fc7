use std::os::unix::fs::{MetadataExt, symlink};

use super::*;

fn partial_of(downloads: &Downloads, key: &Key) -> PathBuf {
    let mut found = fs::read_dir(downloads.path()).unwrap().map(|entry| entry.unwrap().path());
    found.find(|path| path.to_str().unwrap().contains(&key.text())).unwrap()
}

#[test]
fn case_088_the_home_and_the_root_are_no_download_folders() {
    let scratch = Scratch::in_memory();
    let home = scratch.join("home");
    fs::create_dir(&home).unwrap();
    symlink(&home, scratch.join("link")).unwrap();
    for path in [home.clone(), scratch.join("link"), home.join("../home/."), home.join("x/..")] {
        fs::create_dir_all(home.join("x")).unwrap();
        let error = Downloads::open_but(&path, Some(&home)).unwrap_err();
        assert!(matches!(error, OpenError::Home(_)), "{}: {error}", path.display());
    }
    assert!(matches!(Downloads::open_but(Path::new("/"), None), Err(OpenError::Root)));
    assert!(Downloads::open_but(&home.join("x"), Some(&home)).is_ok());
}

#[test]
fn the_folder_and_those_above_it_are_created() {
    let scratch = Scratch::in_memory();
    let path = scratch.join("a").join("b").join("c");
    let downloads = Downloads::open_but(&path, None).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o022, 0);
    assert!(downloads.free().unwrap() > 0);
    fs::write(scratch.join("file"), "").unwrap();
    assert!(Downloads::open_but(&scratch.join("file"), None).is_err());
    assert!(Downloads::open_but(&scratch.join("file").join("x"), None).is_err());
    symlink(&path, scratch.join("own")).unwrap();
    assert!(Downloads::open_but(&scratch.join("own"), None).is_ok(), "a link of one's own");
}

#[test]
fn case_137_what_another_user_made_is_refused() {
    let scratch = Scratch::in_memory();
    let user = fs::metadata(scratch.path()).unwrap().uid();
    if user != 0 {
        // Only root can make things another's.
        return;
    }
    let theirs = scratch.join("theirs");
    fs::create_dir(&theirs).unwrap();
    std::os::unix::fs::chown(&theirs, Some(12_345), None).unwrap();
    assert!(matches!(Downloads::open_but(&theirs, None), Err(OpenError::Owner(_))));
    fs::create_dir(scratch.join("mine")).unwrap();
    let link = scratch.join("link");
    symlink(scratch.join("mine"), &link).unwrap();
    std::os::unix::fs::lchown(&link, Some(12_345), None).unwrap();
    assert!(matches!(Downloads::open_but(&link, None), Err(OpenError::Link(_))));

    // A partial that another user laid out is not written to.
    let downloads = downloads(&scratch);
    let trap = downloads.path().join(format!(".pchat-{}-{:016x}.part", KEY.text(), 0));
    fs::create_dir(&trap).unwrap();
    fs::set_permissions(&trap, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(trap.join("content"), content(10)).unwrap();
    std::os::unix::fs::chown(&trap, Some(12_345), None).unwrap();
    let staging = downloads.stage(&KEY, one_file("a", 10)).unwrap();
    assert_eq!(staging.present().unwrap(), 0);
    drop(staging);
    assert_eq!(downloads.partials().unwrap(), (1, 0));
    fs::remove_dir_all(&trap).unwrap();
}

#[test]
fn case_137_a_partial_that_is_a_link_or_open_to_others_is_left_alone() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    let elsewhere = scratch.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let trap = |number: u8| downloads.path().join(format!(".pchat-{}-{number:016x}.part", KEY.text()));
    symlink(&elsewhere, trap(1)).unwrap();
    fs::create_dir(trap(2)).unwrap();
    fs::set_permissions(trap(2), fs::Permissions::from_mode(0o777)).unwrap();
    fs::create_dir(trap(3)).unwrap();
    fs::set_permissions(trap(3), fs::Permissions::from_mode(0o700)).unwrap();
    symlink(elsewhere.join("lock"), trap(3).join("lock")).unwrap();
    fs::write(trap(4), "a file").unwrap();
    save(&downloads, &one_file("a", 10));
    assert_eq!(downloads.sweep(Duration::ZERO).unwrap(), 0);
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    assert_eq!(fs::read_dir(trap(2)).unwrap().count(), 0);
    assert!(trap(4).exists());
}

#[test]
fn case_136_one_partial_is_written_by_one_at_a_time() {
    let scratch = Scratch::in_memory();
    // As of two processes: a handle of its own.
    let (one, other) = (downloads(&scratch), downloads(&scratch));
    let plan = one_file("a", 100);
    let mut first = one.stage(&KEY, plan.clone()).unwrap();
    first.begin(0).unwrap();
    first.write(&content(60)).unwrap();
    let second = other.stage(&KEY, plan.clone()).unwrap();
    assert_ne!(first.name, second.name);
    assert_eq!(second.present().unwrap(), 0);
    assert_eq!(one.sweep(Duration::ZERO).unwrap(), 0, "both are in use");
    second.discard().unwrap();
    drop(first);
    let third = other.stage(&KEY, plan.clone()).unwrap();
    assert_eq!(third.present().unwrap(), 60);
    assert_ne!(other.stage(&Key([8; 16]), plan).unwrap().name, third.name, "another key");
}

#[test]
fn case_136_many_at_once_get_names_of_their_own() {
    let scratch = Scratch::in_memory();
    let plan = one_file("a.txt", 1000);
    let rounds = 20;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let downloads = downloads(&scratch);
                for _ in 0..rounds {
                    save(&downloads, &plan);
                }
            });
        }
    });
    let downloads = downloads(&scratch);
    assert_eq!(visible(&downloads).len(), 4 * rounds);
    for name in visible(&downloads) {
        assert_eq!(fs::read(downloads.path().join(name)).unwrap(), content(1000));
    }
    assert_eq!(downloads.sweep(Duration::ZERO).unwrap(), downloads.partials().unwrap().0);
}

#[test]
fn case_121_partials_are_counted_and_the_old_ones_removed() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    for number in 0..3 {
        let mut staging = downloads.stage(&Key([number; 16]), tree()).unwrap();
        staging.begin(0).unwrap();
        staging.write(&content(200)).unwrap();
    }
    fs::create_dir(downloads.path().join(".pchat-other.part")).unwrap();
    assert_eq!(downloads.partials().unwrap(), (3, 600));
    let week = Duration::from_secs(7 * 24 * 60 * 60);
    assert_eq!(downloads.sweep(week).unwrap(), 0);
    let old = SystemTime::now() - week - Duration::from_secs(60);
    let age = |number| {
        let lock = partial_of(&downloads, &Key([number; 16])).join("lock");
        fs::File::open(lock).unwrap().set_modified(old).unwrap();
    };
    age(0);
    assert_eq!(downloads.sweep(week).unwrap(), 1);
    assert_eq!(downloads.partials().unwrap(), (2, 400));
    let used = downloads.stage(&Key([1; 16]), tree()).unwrap();
    age(1);
    age(2);
    assert_eq!(downloads.sweep(week).unwrap(), 1, "the one in use stays");
    assert_eq!(used.present().unwrap(), 200);
    drop(used);
    assert_eq!(downloads.sweep(week).unwrap(), 0, "it was in use a moment ago");
    assert!(downloads.path().join(".pchat-other.part").exists());
}

#[test]
fn case_134_a_folder_that_goes_away_is_told_and_not_made_again() {
    for go in [
        |path: &Path| fs::remove_dir_all(path).unwrap(),
        |path: &Path| {
            fs::rename(path, path.with_extension("moved")).unwrap();
        },
    ] {
        for plan in [one_file("a", 500), tree()] {
            let scratch = Scratch::in_memory();
            let downloads = downloads(&scratch);
            let bytes = content(plan.content_len());
            let mut staging = downloads.stage(&KEY, plan.clone()).unwrap();
            staging.begin(0).unwrap();
            staging.write(&bytes[..200]).unwrap();
            go(downloads.path());
            let error = staging.write(&bytes[200..]).and_then(|()| staging.save().map(drop)).unwrap_err();
            assert!(matches!(error, DiskError::Failed { .. }), "{error}");
            let error = downloads.stage(&KEY, plan).unwrap_err();
            assert!(error.to_string().contains(downloads.path().to_str().unwrap()), "{error}");
            assert!(!downloads.path().exists());
            // Nor is another folder of that name taken for it.
            fs::create_dir(downloads.path()).unwrap();
            assert!(downloads.stage(&KEY, one_file("b", 1)).is_err());
            assert_eq!(fs::read_dir(downloads.path()).unwrap().count(), 0);
        }
    }
}
