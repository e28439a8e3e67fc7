//! Sources that do not stay what they were.

use super::*;

fn changed(result: Result<impl std::fmt::Debug, ReadError>) -> (String, Difference) {
    match result.unwrap_err() {
        ReadError::Changed { path, what } => (path, what),
        other => panic!("{other}"),
    }
}

fn read_all(source: &Source) -> Result<Vec<u8>, ReadError> {
    content(source, &ALL, 0, 4)
}

/// Sets the time of a file to one that no clock gives.
fn touch(path: &Path) {
    File::options().write(true).open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
}

/// A folder with some files, and a source of it.
fn offered() -> (Scratch, Source) {
    let scratch = Scratch::new();
    write(scratch.join("top/docs/a.txt"), b"12345678");
    write(scratch.join("top/docs/b.txt"), b"abcdefgh");
    let source = open(scratch.join("top"));
    (scratch, source)
}

#[test]
fn case_101_a_file_in_a_folder_that_changed_before_it_is_read_is_noticed() {
    type Change = fn(&Path);
    let changes: [(Change, Difference); 7] = [
        (|path| write(path, b"123456789"), Difference::Length),
        (|path| write(path, b"1234567"), Difference::Length),
        (touch, Difference::Time),
        (|path| fs::remove_file(path).unwrap(), Difference::Gone),
        (|path| fs::remove_dir_all(path.parent().unwrap()).unwrap(), Difference::Gone),
        (
            |path| {
                fs::rename(path, path.with_file_name("moved")).unwrap();
                symlink("moved", path).unwrap();
            },
            Difference::Replaced,
        ),
        (
            |path| {
                fs::remove_file(path).unwrap();
                fifo(path);
            },
            Difference::Replaced,
        ),
    ];
    for (change, what) in changes {
        let (scratch, source) = offered();
        change(&scratch.join("top/docs/a.txt"));
        let mut reader = source.reader(&ALL, 0).unwrap();
        let result = reader.read(&mut [0; 20]);
        assert_eq!(changed(result), ("docs/a.txt".to_owned(), what));
        assert!(matches!(reader.read(&mut [0; 20]), Err(ReadError::Failed)), "it goes on after an error");
        // What is not to be read is not looked at.
        if what != Difference::Gone {
            assert_eq!(content(&source, &ALL, 8, 20).unwrap(), b"abcdefgh");
        }
    }
}

#[test]
fn case_101_a_folder_that_became_a_link_is_not_followed() {
    let (scratch, source) = offered();
    let docs = scratch.join("top/docs");
    fs::rename(&docs, scratch.join("elsewhere")).unwrap();
    symlink(scratch.join("elsewhere"), &docs).unwrap();
    assert_eq!(changed(read_all(&source)), ("docs/a.txt".to_owned(), Difference::Replaced));
    assert_eq!(source.differences(), ["docs is not what it was"]);
}

#[test]
fn case_101_a_file_that_changes_while_it_is_read_is_noticed() {
    type Change = fn(&Path);
    let changes: [(Change, Difference); 4] = [
        (|path| File::options().append(true).open(path).unwrap().write_all(b"9").unwrap(), Difference::Length),
        (|path| File::options().write(true).open(path).unwrap().set_len(5).unwrap(), Difference::Length),
        (touch, Difference::Time),
        (
            // The time is set back, which itself is a change once the clock of the file system has moved on.
            |path| {
                let before = fs::metadata(path).unwrap();
                let file = File::options().write(true).open(path).unwrap();
                while file.metadata().unwrap().ctime_nsec() == before.ctime_nsec() {
                    file.write_all_at(b"X", 7).unwrap();
                    file.set_modified(before.modified().unwrap()).unwrap();
                }
            },
            Difference::Time,
        ),
    ];
    for (change, what) in changes {
        for single in [false, true] {
            let (scratch, source) = offered();
            let path = scratch.join("top/docs/a.txt");
            let (source, name) = if single { (open(&path), "a.txt") } else { (source, "docs/a.txt") };
            let mut reader = source.reader(&ALL, 0).unwrap();
            assert_eq!(reader.read(&mut [0; 4]).unwrap(), 4);
            change(&path);
            let result = reader.read(&mut [0; 4]);
            assert_eq!(changed(result), (name.to_owned(), what));
        }
    }
}

#[test]
fn case_101_a_source_that_was_replaced_is_noticed_though_the_old_one_could_be_read() {
    for path in ["top", "top/docs/a.txt"] {
        let (scratch, _) = offered();
        let path = scratch.join(path);
        let source = open(&path);
        read_all(&source).unwrap();
        let name = source.name().to_owned();
        fs::rename(&path, scratch.join("kept")).unwrap();
        assert_eq!(changed(read_all(&source)), (name.clone(), Difference::Gone));
        assert_eq!(source.differences(), [format!("{name} is gone")]);
        if scratch.join("kept").is_dir() {
            fs::create_dir(&path).unwrap()
        } else {
            write(&path, b"12345678")
        }
        assert_eq!(changed(read_all(&source)), (name, Difference::Replaced));
    }
}

#[test]
fn case_101_a_file_that_changed_between_readers_is_noticed() {
    let (scratch, _) = offered();
    let path = scratch.join("top/docs/a.txt");
    let source = open(&path);
    write(&path, b"123");
    assert_eq!(changed(source.reader(&ALL, 0)), ("a.txt".to_owned(), Difference::Length));
    assert_eq!(source.differences(), ["a.txt has another length"]);
}

#[test]
fn case_102_a_disk_that_fails_ends_the_reading_with_its_reason() {
    for (single, path) in [(true, "a.txt"), (false, "docs/a.txt")] {
        let (scratch, source) = offered();
        let source = if single { open(scratch.join("top/docs/a.txt")) } else { source };
        let mut reader = source.reader(&ALL, 0).unwrap();
        reader.fails_at = Some(6);
        assert_eq!(reader.read(&mut [0; 6]).unwrap(), 6);
        let error = reader.read(&mut [0; 6]).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{path}: Input/output error")), "{error}");
        assert!(matches!(reader.read(&mut [0; 6]), Err(ReadError::Failed)));
    }
}

#[test]
fn case_114_what_changes_while_the_tree_is_walked_is_told() {
    let scratch = Scratch::new();
    let top = scratch.join("top");
    write(top.join("a"), b"1");
    write(top.join("b/c"), b"2");
    write(top.join("d"), b"3");
    let asked = Cell::new(0);
    let stop = || {
        // After the names of the top (two of them are `.` and `..`) and before the first entry.
        asked.set(asked.get() + 1);
        if asked.get() == 6 {
            fs::remove_file(top.join("d")).unwrap();
            fs::rename(top.join("b"), scratch.join("away")).unwrap();
            symlink("/", top.join("b")).unwrap();
            touch_folder(&top);
        }
        false
    };
    let source = Source::open(&top, &stop).unwrap();
    assert_eq!(paths(&source), ["a"]);
    assert_eq!(
        source.report().lines,
        [
            "b: skipped, a symbolic link",
            "d: skipped, gone since the folder was listed",
            ".: changed while it was listed"
        ]
    );
}

fn touch_folder(path: &Path) {
    File::open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
}

#[test]
fn case_114_the_differences_are_listed_and_not_without_end() {
    let scratch = Scratch::new();
    let top = scratch.join("top");
    for n in 0..30 {
        write(top.join(format!("many/{n:02}")), b"x");
    }
    write(top.join("gone/a/b"), b"x");
    write(top.join("gone/c"), b"x");
    write(top.join("zero"), b"");
    let source = open(&top);
    assert_eq!(source.differences(), Vec::<String>::new());
    fs::remove_dir_all(top.join("gone")).unwrap();
    write(top.join("zero"), b"more");
    write(top.join("many/07"), b"");
    touch(&top.join("many/09"));
    write(top.join("new"), b"");
    let found = [
        "gone is gone",
        "many/07 has another length",
        "many/09 was changed since it was offered",
        "zero has another length",
    ];
    assert_eq!(source.differences(), found);
    (0..30).for_each(|n| fs::remove_file(top.join(format!("many/{n:02}"))).unwrap());
    assert_eq!(source.differences().len(), MAX_DIFFERENCES);
}
