use std::{
    cell::Cell,
    fs::{self, File},
    io::Write,
    os::unix::{
        ffi::OsStringExt,
        fs::{FileExt, MetadataExt, PermissionsExt, symlink},
        net::UnixListener,
    },
    time::{Duration, SystemTime},
};

use rustix::fs::mknodat;

use super::*;
use crate::{
    transfer::manifest::{MAX_DEPTH, Selection},
    trust::scratch::Scratch,
};

mod changes;
mod speed;

const ALL: Selection = Selection::All;

fn open(path: impl AsRef<Path>) -> Source {
    Source::open(path.as_ref(), &|| false).unwrap()
}

fn refused(path: impl AsRef<Path>) -> SourceError {
    Source::open(path.as_ref(), &|| false).unwrap_err()
}

fn write(path: impl AsRef<Path>, content: &[u8]) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

fn paths(source: &Source) -> Vec<String> {
    source.manifest().paths().map(|(_, path, _)| path).collect()
}

/// The content from a place on, read in pieces of a size.
fn content(source: &Source, selection: &Selection, offset: u64, piece: usize) -> Result<Vec<u8>, ReadError> {
    let mut reader = source.reader(selection, offset)?;
    let (mut all, mut buffer) = (Vec::new(), vec![0; piece]);
    loop {
        let len = reader.read(&mut buffer)?;
        all.extend_from_slice(&buffer[..len]);
        if len < piece {
            assert_eq!(reader.read(&mut buffer)?, 0, "the end is not the end");
            return Ok(all);
        }
    }
}

#[test]
fn a_folder_is_read_from_any_place_in_any_pieces() {
    let scratch = Scratch::new();
    let files = [("a", 10), ("b/c/d", 0), ("b/c/e", 7), ("b/f", 1), ("b.txt", 5), ("g/h", 100), ("z", 0)];
    let mut all = Vec::new();
    for (at, (path, len)) in files.iter().enumerate() {
        let bytes: Vec<u8> = (0..*len).map(|n| (n * 7 + at) as u8).collect();
        write(scratch.join(path), &bytes);
    }
    fs::create_dir(scratch.join("b/empty")).unwrap();
    let source = open(scratch.path());
    assert_eq!(source.kind(), Kind::Folder);
    assert_eq!(source.name(), scratch.path().file_name().unwrap().to_str().unwrap());
    assert_eq!(source.report(), &Report::default());
    // By their bytes, so that `b` comes before `b.txt`, and a folder's files are together.
    assert_eq!(paths(&source), ["a", "b/c/d", "b/c/e", "b/f", "b.txt", "g/h", "z"]);
    assert_eq!(source.manifest().folders(), 4);
    paths(&source).iter().for_each(|path| all.extend(fs::read(scratch.join(path)).unwrap()));
    assert_eq!(source.manifest().total(), all.len() as u64);
    for piece in [1, 3, 10, 64, 1024] {
        for offset in 0..=all.len() {
            assert_eq!(content(&source, &ALL, offset as u64, piece).unwrap(), all[offset..], "{piece} {offset}");
        }
    }
    let some = Selection::Runs(vec![(1, 2), (5, 1)]);
    let wanted = [fs::read(scratch.join("b/c/e")).unwrap(), fs::read(scratch.join("g/h")).unwrap()].concat();
    for offset in 0..=wanted.len() {
        assert_eq!(content(&source, &some, offset as u64, 16).unwrap(), wanted[offset..]);
    }
    assert!(matches!(source.reader(&ALL, all.len() as u64 + 1), Err(ReadError::Offset { offset: 124, len: 123 })));
    assert!(matches!(source.reader(&Selection::Runs(vec![(6, 2)]), 0), Err(ReadError::Selection(_))));
    assert_eq!(open(scratch.path()).manifest(), source.manifest(), "two walks of one tree differ");
}

#[test]
fn a_file_says_its_rights_and_time() {
    let scratch = Scratch::new();
    let path = scratch.join("run.sh");
    write(&path, b"#!/bin/sh\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    let time = SystemTime::UNIX_EPOCH - Duration::new(5, 250_000_000);
    File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let source = open(&path);
    assert_eq!((source.kind(), source.name()), (Kind::File, "run.sh"));
    let file = source.manifest().only_file().unwrap();
    assert!(file.executable);
    assert_eq!((file.modified.secs, file.modified.nanos), (-6, 750_000_000));
    assert_eq!(content(&source, &ALL, 2, 3).unwrap(), b"/bin/sh\n");
}

#[test]
fn threads_may_share_a_source_and_own_a_reader() {
    fn shared<T: Send + Sync>() {}
    fn owned<T: Send>() {}
    shared::<Source>();
    owned::<Reader<'_>>();
    owned::<ReadError>();
}

#[test]
fn two_readers_of_one_file_do_not_disturb_each_other() {
    let scratch = Scratch::new();
    write(scratch.join("a"), b"abcdef");
    let source = open(scratch.join("a"));
    let (mut one, mut other) = (source.reader(&ALL, 0).unwrap(), source.reader(&ALL, 3).unwrap());
    let (mut first, mut second) = ([0; 2], [0; 2]);
    assert_eq!((one.read(&mut first).unwrap(), other.read(&mut second).unwrap()), (2, 2));
    assert_eq!((first, second), (*b"ab", *b"de"));
    assert_eq!((one.read(&mut first).unwrap(), other.read(&mut second).unwrap()), (2, 1));
    assert_eq!((first, second[0]), (*b"cd", b'f'));
}

#[test]
fn case_80_what_is_no_file_is_refused_without_waiting() {
    let scratch = Scratch::new();
    let pipe = scratch.join("pipe");
    fifo(&pipe);
    symlink(&pipe, scratch.join("to_pipe")).unwrap();
    let _listener = UnixListener::bind(scratch.join("socket")).unwrap();
    for (path, what) in [
        (pipe, "a named pipe"),
        (scratch.join("to_pipe"), "a named pipe"),
        (scratch.join("socket"), "a socket"),
        ("/dev/zero".into(), "a device"),
    ] {
        let error = refused(&path);
        assert!(matches!(error, SourceError::Special { what: found, .. } if found == what), "{error}");
        assert_eq!(error.to_string().lines().count(), 1);
    }
    for path in [Path::new("/"), Path::new("/tmp/.."), Path::new("//")] {
        assert!(matches!(refused(path), SourceError::Root), "{path:?}");
    }
    symlink("/", scratch.join("to_root")).unwrap();
    assert!(matches!(refused(scratch.join("to_root")), SourceError::Root));
    symlink("loop", scratch.join("loop")).unwrap();
    for path in [scratch.join("loop"), scratch.join("nothing"), "".into(), "a\0b".into()] {
        assert!(matches!(refused(&path), SourceError::Io { .. }), "{path:?}");
    }
    write(scratch.join("file"), b"x");
    assert!(matches!(refused(scratch.join("file/")), SourceError::Io { .. }));
}

#[cfg(target_os = "linux")]
#[test]
fn case_80_files_that_the_system_makes_up_are_refused() {
    for path in ["/proc/version", "/proc/self", "/proc", "/sys/kernel"] {
        assert!(matches!(refused(path), SourceError::Special { .. }), "{path}");
    }
}

#[test]
fn case_80_here_and_above_have_the_names_of_their_folders() {
    let scratch = Scratch::new();
    write(scratch.join("photos/old/a\nb"), b"x");
    let photos = scratch.join("photos");
    for path in [photos.clone(), photos.join("."), photos.join("old/.."), photos.join("")] {
        let source = open(&path);
        assert_eq!(source.name(), "photos", "{path:?}");
        assert_eq!(paths(&source), ["old/a_b"]);
    }
    symlink(&photos, scratch.join("pictures")).unwrap();
    assert_eq!(open(scratch.join("pictures")).name(), "pictures");
    let source = open(photos.join("old/a\nb"));
    assert_eq!(source.name(), "a_b");
    assert_eq!(source.report().lines, ["a_b: the name is really \"a\\nb\""]);
    assert_eq!(content(&source, &ALL, 0, 8).unwrap(), b"x");
    let here = open(".");
    assert_eq!(here.name(), std::env::current_dir().unwrap().file_name().unwrap().to_str().unwrap());
}

#[test]
fn case_87_names_that_cannot_travel_are_replaced_and_told() {
    let scratch = Scratch::new();
    let folder = OsString::from_vec(b"d\xff".to_vec());
    fs::create_dir(scratch.path().join(&folder)).unwrap();
    fs::write(scratch.path().join(&folder).join("a\\b"), b"one").unwrap();
    fs::write(scratch.path().join(&folder).join("a_b"), b"two").unwrap();
    fs::write(scratch.path().join(OsString::from_vec(b"d\xfe".to_vec())), b"three").unwrap();
    let source = open(scratch.path());
    assert_eq!(paths(&source), ["d_", "d_ (2)/a_b", "d_ (2)/a_b (2)"]);
    assert_eq!(content(&source, &ALL, 0, 4).unwrap(), b"threetwoone");
    assert_eq!((source.report().renamed, source.report().skipped), (3, 0));
    assert_eq!(source.report().lines[2], "d_ (2)/a_b (2): the name is really \"a\\\\b\"");
    assert_eq!(source.differences(), Vec::<String>::new());
}

#[test]
fn case_103_empty_files_whole_chunks_and_sparse_ones_come_out_right() {
    const MIB: usize = 1024 * 1024;
    let scratch = Scratch::new();
    write(scratch.join("empty"), b"");
    assert_eq!(content(&open(scratch.join("empty")), &ALL, 0, 8).unwrap(), b"");
    for len in [1, MIB - 1, MIB, MIB + 1, 2 * MIB] {
        let bytes: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
        write(scratch.join("file"), &bytes);
        let source = open(scratch.join("file"));
        assert!(content(&source, &ALL, 0, MIB).unwrap() == bytes, "{len}");
        let tail = len.min(MIB);
        assert!(content(&source, &ALL, tail as u64, MIB).unwrap() == bytes[tail..], "{len}");
    }
    let end: u64 = 5 << 30;
    for name in ["big/sparse", "big/z"] {
        write(scratch.join(name), b"");
        let file = File::options().write(true).open(scratch.join(name)).unwrap();
        file.write_all_at(b"the end", end - 7).unwrap();
    }
    let source = open(scratch.join("big"));
    assert_eq!(source.manifest().total(), 2 * end);
    assert_eq!(content(&source, &ALL, 2 * end - 10, 4).unwrap(), b"\0\0\0the end");
    let mut reader = source.reader(&ALL, end - 3).unwrap();
    let mut over_the_edge = [1; 6];
    assert_eq!(reader.read(&mut over_the_edge).unwrap(), 6);
    assert_eq!(&over_the_edge, b"end\0\0\0");
}

#[test]
fn case_108_links_in_a_folder_are_left_out_and_told() {
    let scratch = Scratch::new();
    write(scratch.join("secret/key"), b"outside");
    write(scratch.join("top/real/file"), b"inside");
    let top = scratch.join("top");
    symlink("real/file", top.join("to_file")).unwrap();
    symlink("real", top.join("to_folder")).unwrap();
    symlink(scratch.join("secret"), top.join("outward")).unwrap();
    symlink("../..", top.join("real/up")).unwrap();
    symlink("nowhere", top.join("dangling")).unwrap();
    let source = open(&top);
    assert_eq!(paths(&source), ["real/file"]);
    assert_eq!(source.report().skipped, 5);
    assert_eq!(source.report().lines[0], "dangling: skipped, a symbolic link");
    assert_eq!(source.report().lines[2], "real/up: skipped, a symbolic link");
    // The person named this one.
    symlink(&top, scratch.join("link")).unwrap();
    assert_eq!(open(scratch.join("link")).manifest(), source.manifest());
    symlink("top/real/file", scratch.join("file_link")).unwrap();
    assert_eq!(content(&open(scratch.join("file_link")), &ALL, 0, 9).unwrap(), b"inside");
}

#[test]
fn case_109_special_and_unreadable_entries_are_left_out_without_waiting() {
    let scratch = Scratch::new();
    write(scratch.join("file"), b"x");
    write(scratch.join("closed/file"), b"x");
    write(scratch.join("locked"), b"x");
    fifo(&scratch.join("pipe"));
    let _listener = UnixListener::bind(scratch.join("socket")).unwrap();
    for name in ["closed", "locked"] {
        fs::set_permissions(scratch.join(name), fs::Permissions::from_mode(0o000)).unwrap();
    }
    let source = open(scratch.path());
    let mut lines = vec!["pipe: skipped, a named pipe", "socket: skipped, a socket"];
    if rustix::process::geteuid().is_root() {
        // Rights do not stop root.
        assert_eq!(paths(&source), ["closed/file", "file", "locked"]);
    } else {
        assert_eq!(paths(&source), ["file"]);
        lines.splice(0..0, ["closed: skipped, not readable", "locked: skipped, not readable"]);
    }
    assert_eq!(source.report().lines, lines);
    fs::set_permissions(scratch.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn case_109_a_report_has_an_end_and_its_numbers_have_none() {
    let scratch = Scratch::new();
    (0..MAX_LINES + 10).for_each(|n| symlink("x", scratch.join(&n.to_string())).unwrap());
    let report = open(scratch.path()).report().clone();
    assert_eq!((report.lines.len(), report.skipped), (MAX_LINES, 60));
}

#[test]
fn case_110_a_tree_over_the_limits_is_refused_with_numbers() {
    let scratch = Scratch::new();
    let mut path = scratch.join("top");
    (0..MAX_DEPTH).for_each(|_| path.push("d"));
    fs::create_dir_all(&path).unwrap();
    write(path.join("deepest"), b"x");
    let source = open(scratch.join("top"));
    assert_eq!(content(&source, &ALL, 0, 2).unwrap(), b"x");
    fs::create_dir(path.join("deeper")).unwrap();
    let error = refused(scratch.join("top")).to_string();
    assert!(error.ends_with(": 65 folders within each other, where 64 are allowed"), "{error}");

    let mut path = scratch.join("long");
    fs::create_dir(&path).unwrap();
    let folder = File::open(&path).unwrap();
    let mut at = folder.into();
    for _ in 0..17 {
        let name = "n".repeat(250);
        rustix::fs::mkdirat(&at, name.as_str(), Mode::RWXU).unwrap();
        at = rustix::fs::openat(&at, name.as_str(), OPEN, Mode::empty()).unwrap();
    }
    let error = refused(scratch.join("long")).to_string();
    assert!(error.ends_with("…: 4266 bytes of a path, where 4096 are allowed"), "{error}");
    path.clear();
}

#[test]
fn a_walk_stops_when_it_is_told_to() {
    let scratch = Scratch::new();
    (0..50).for_each(|n| write(scratch.join(&n.to_string()), b""));
    let asked = Cell::new(0);
    let stop = || {
        asked.set(asked.get() + 1);
        asked.get() > 60
    };
    assert!(matches!(Source::open(scratch.path(), &stop), Err(SourceError::Stopped)));
    assert_eq!(asked.get(), 61, "it is not asked for each entry");
}

#[cfg(target_os = "linux")]
#[test]
fn a_source_costs_one_descriptor() {
    // Of all the process has, those below the scratch folder: other tests run at the same time.
    fn held(below: &Path) -> usize {
        let all = fs::read_dir("/proc/self/fd").unwrap();
        all.filter(|entry| {
            let target = fs::read_link(entry.as_ref().unwrap().path());
            target.is_ok_and(|target| target.starts_with(below))
        })
        .count()
    }
    let scratch = Scratch::new();
    write(scratch.join("a/b/c/d"), b"x");
    let (folder, file) = (open(scratch.path()), open(scratch.join("a/b/c/d")));
    assert_eq!(held(scratch.path()), 2);
    content(&folder, &ALL, 0, 10).unwrap();
    content(&file, &ALL, 0, 10).unwrap();
    assert_eq!(held(scratch.path()), 2);
}
