use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, time::SystemTime};

use super::*;
use crate::{
    transfer::{
        manifest::{Builder, FileEntry, Manifest, Modified, Selection},
        name::{Place, received},
    },
    trust::scratch::Scratch,
};

mod faults;
mod folder;
mod names;
mod race;
mod resume;
mod speed;

const KEY: Key = Key([7; 16]);
const MODIFIED: Modified = Modified { secs: 1_000_000_000, nanos: 5 };

fn downloads(scratch: &Scratch) -> Downloads {
    Downloads::open_but(&scratch.join("got"), None).unwrap()
}

fn safe(name: &str) -> SafeName {
    received(name, Place::Top).unwrap()
}

fn file(name: &str, len: u64) -> FileEntry<'_> {
    FileEntry { name, len, modified: MODIFIED, executable: name.ends_with(".sh") }
}

/// A manifest from paths in its order; those that end in a slash are empty folders.
fn listed(paths: &[(&str, u64)]) -> Manifest {
    let mut builder = Builder::new();
    let mut open: Vec<&str> = Vec::new();
    for (path, len) in paths {
        let mut parts: Vec<&str> = path.split('/').collect();
        let name = parts.pop().unwrap();
        while !parts.starts_with(&open) {
            open.pop();
            builder.up().unwrap();
        }
        for folder in &parts[open.len()..] {
            builder.folder(folder).unwrap();
        }
        open = parts;
        if !name.is_empty() {
            builder.file(file(name, *len)).unwrap();
        }
    }
    for _ in open {
        builder.up().unwrap();
    }
    builder.finish().unwrap()
}

fn plan_of(kind: Kind, top: &str, manifest: Manifest) -> Plan {
    Plan::new(kind, safe(top), Arc::new(manifest), Selection::All).unwrap()
}

fn one_file(name: &str, len: u64) -> Plan {
    plan_of(Kind::File, name, Manifest::single(file(name, len)).unwrap())
}

/// A folder with all that a folder can have.
fn tree() -> Plan {
    let paths = [
        ("a.txt", 10),
        ("empty-at-first", 0),
        ("sub/.hidden", 3),
        ("sub/deeper/", 0),
        ("sub/run.sh", 700),
        ("vain/", 0),
        ("z", 0),
    ];
    plan_of(Kind::Folder, "tree", listed(&paths))
}

/// Content of that length, each byte of which tells where it is.
fn content(len: u64) -> Vec<u8> {
    (0..len).map(|at| (at ^ (at >> 8)) as u8).collect()
}

/// All that is under a path: files with their bytes, folders with a slash behind them.
fn seen(path: &Path) -> BTreeMap<String, Vec<u8>> {
    fn look(path: &Path, name: &str, seen: &mut BTreeMap<String, Vec<u8>>) {
        let kind = fs::symlink_metadata(path).unwrap().file_type();
        if kind.is_dir() {
            seen.insert(format!("{name}/"), Vec::new());
            for entry in fs::read_dir(path).unwrap() {
                let entry = entry.unwrap();
                look(&entry.path(), &format!("{name}/{}", entry.file_name().to_str().unwrap()), seen);
            }
        } else if kind.is_symlink() {
            seen.insert(format!("{name}@"), Vec::new());
        } else {
            seen.insert(name.to_owned(), fs::read(path).unwrap());
        }
    }
    let mut all = BTreeMap::new();
    look(path, "", &mut all);
    all
}

/// The names in a folder that are not partials.
fn visible(downloads: &Downloads) -> Vec<String> {
    let names = fs::read_dir(downloads.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| !name.starts_with(".pchat-")).collect();
    names.sort();
    names
}

/// One attempt, as whoever fetches makes it: what is there is used if it is the beginning of the content.
fn fetch(downloads: &Downloads, plan: &Plan, content: &[u8], upto: usize) -> Result<Option<Saved>, DiskError> {
    let mut staging = downloads.stage(&KEY, plan.clone())?;
    let told = |source| DiskError::Failed { doing: "read", name: String::new(), source };
    let present = staging.present().map_err(told)?;
    let mut there = Vec::new();
    let read = staging.hash(present, &mut |bytes| {
        there.extend_from_slice(bytes);
        ControlFlow::Continue(())
    });
    assert!(read.map_err(told)?.is_continue());
    let offset = if content.starts_with(&there) { there.len() } else { 0 };
    staging.begin(offset as u64)?;
    for piece in content[offset..upto.max(offset)].chunks(64) {
        staging.write(piece)?;
    }
    if upto < content.len() { Ok(None) } else { staging.save().map(Some) }
}

fn save(downloads: &Downloads, plan: &Plan) -> Saved {
    let content = content(plan.content_len());
    fetch(downloads, plan, &content, content.len()).unwrap().unwrap()
}

#[test]
fn a_file_is_saved_whole_with_its_time_and_under_the_next_free_name() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    for expected in ["photo.jpg", "photo (1).jpg", "photo (2).jpg"] {
        let saved = save(&downloads, &one_file("photo.jpg", 1000));
        assert_eq!((saved.name.as_str(), saved.path), (expected, scratch.join("got").join(expected)));
        let path = scratch.join("got").join(expected);
        assert_eq!(fs::read(&path).unwrap(), content(1000));
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(modified.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs(), 1_000_000_000);
    }
    assert_eq!(downloads.partials().unwrap(), (0, 0));
    assert_eq!(visible(&downloads).len(), 3);
}

#[test]
fn a_folder_is_saved_with_its_empty_folders_and_files() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    let saved = save(&downloads, &tree());
    let seen = seen(&saved.path);
    let names: Vec<_> = seen.keys().map(String::as_str).collect();
    let expected =
        ["/", "/a.txt", "/empty-at-first", "/sub/", "/sub/.hidden", "/sub/deeper/", "/sub/run.sh", "/vain/", "/z"];
    assert_eq!(names, expected);
    let all = content(713);
    assert_eq!(
        (&seen["/a.txt"][..], &seen["/sub/.hidden"][..], &seen["/sub/run.sh"][..]),
        (&all[..10], &all[10..13], &all[13..])
    );
    let mode = |name: &str| fs::metadata(saved.path.join(name)).unwrap().permissions().mode();
    assert_ne!(mode("sub/run.sh") & 0o100, 0);
    assert_eq!(mode("a.txt") & 0o111, 0);
    assert_eq!(downloads.partials().unwrap(), (0, 0));
}

#[test]
fn a_choice_leaves_out_the_folders_of_what_is_not_meant() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    let manifest = listed(&[("A", 1), ("a", 2), ("b/c/x", 3), ("b/y", 4), ("d/", 0), ("e/z", 5)]);
    let choice = Selection::Runs(vec![(1, 2), (4, 1)]);
    let plan = Plan::new(Kind::Folder, safe("t"), Arc::new(manifest), choice).unwrap();
    assert_eq!(plan.content_len(), 10);
    let saved = save(&downloads, &plan);
    let names: Vec<_> = seen(&saved.path).into_keys().collect();
    assert_eq!(names, ["/", "/a (1)", "/b/", "/b/c/", "/b/c/x", "/e/", "/e/z"]);
    assert!(downloads.existing(&plan).is_some());
}

#[test]
fn what_is_there_already_is_found_by_its_shape_and_read_back() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    for plan in [one_file("x.bin", 700_000), tree()] {
        assert!(downloads.existing(&plan).is_none());
        let saved = save(&downloads, &plan);
        let existing = downloads.existing(&plan).unwrap();
        assert_eq!(existing.saved(), saved);
        let mut read = Vec::new();
        let done = existing.hash(plan.content_len(), &mut |bytes| {
            read.extend_from_slice(bytes);
            ControlFlow::Continue(())
        });
        assert!(done.unwrap().is_continue());
        assert_eq!(read, content(plan.content_len()));
        assert!(existing.hash(plan.content_len() + 1, &mut |_| ControlFlow::Continue(())).is_err());
        let stopped = existing.hash(plan.content_len(), &mut |_| ControlFlow::Break(()));
        assert!(stopped.unwrap().is_break());
    }
    let tree_path = scratch.join("got").join("tree");
    fs::write(tree_path.join("more"), "").unwrap();
    assert!(downloads.existing(&tree()).is_none(), "one more");
    fs::remove_file(tree_path.join("more")).unwrap();
    assert!(downloads.existing(&tree()).is_some());
    fs::remove_dir(tree_path.join("vain")).unwrap();
    assert!(downloads.existing(&tree()).is_none(), "one less");
    fs::create_dir(tree_path.join("vain")).unwrap();
    fs::write(tree_path.join("a.txt"), "longer than ten").unwrap();
    assert!(downloads.existing(&tree()).is_none(), "another length");
    assert!(downloads.existing(&one_file("x.bin", 699_999)).is_none());
}

#[test]
fn the_beginning_of_a_saved_file_can_be_read() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    let saved = save(&downloads, &one_file("note.txt", 5000));
    assert_eq!(downloads.read_small(&saved, 4096).unwrap(), content(4096));
    assert_eq!(downloads.read_small(&saved, 10_000).unwrap(), content(5000));
    assert!(downloads.read_small(&save(&downloads, &tree()), 10).is_err());
}

#[test]
fn case_106_only_the_right_to_execute_and_believable_times_are_taken() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    for (name, secs) in [("old", -2_208_988_800), ("new", 16_725_225_600), ("least", i64::MIN), ("most", i64::MAX)] {
        let entry = FileEntry { name, len: 4, modified: Modified { secs, nanos: 0 }, executable: true };
        let saved = save(&downloads, &plan_of(Kind::File, name, Manifest::single(entry).unwrap()));
        let found = fs::metadata(&saved.path).unwrap();
        assert_eq!(found.permissions().mode() & 0o7022, 0, "set-id bits, or others may write");
        let modified = found.modified().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert!(if secs < 0 {
            modified.as_secs() == 0
        } else {
            modified <= now && now - modified < Duration::from_secs(60)
        });
    }
}

#[test]
fn case_103_files_of_nothing_and_of_whole_pieces_are_right() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    for len in [0, 1, 63, 64, 65, 256 * 1024, 512 * 1024] {
        let saved = save(&downloads, &one_file("f", len));
        assert_eq!(fs::read(&saved.path).unwrap(), content(len));
    }
    let mut staging = downloads.stage(&KEY, one_file("f", 10)).unwrap();
    assert!(staging.write(&[1]).is_err(), "nothing was begun");
    staging.begin(0).unwrap();
    assert!(matches!(staging.write(&[0; 11]), Err(DiskError::NotWhole { .. })), "more than planned");
    staging.begin(0).unwrap();
    staging.write(&[0; 9]).unwrap();
    assert!(matches!(staging.save(), Err(DiskError::NotWhole { .. })), "less than planned");
    assert_eq!(visible(&downloads).len(), 7);
    let staging = downloads.stage(&KEY, one_file("f", 10)).unwrap();
    assert_eq!(staging.present().unwrap(), 9);
    staging.discard().unwrap();
    assert_eq!(downloads.partials().unwrap(), (0, 0));
}
