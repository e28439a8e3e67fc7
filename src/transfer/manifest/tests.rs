use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::*;

/// What a name leads to.
#[derive(Clone, Debug)]
pub enum Node {
    File { len: u64, modified: Modified, executable: bool },
    Folder(Tree),
}

pub type Tree = BTreeMap<String, Node>;

pub fn put(tree: &Tree, builder: &mut Builder) -> Result<(), ManifestError> {
    for (name, node) in tree {
        match node {
            Node::File { len, modified, executable } => {
                builder.file(FileEntry { name, len: *len, modified: *modified, executable: *executable })?;
            }
            Node::Folder(tree) => {
                builder.folder(name)?;
                put(tree, builder)?;
                builder.up()?;
            }
        }
    }
    Ok(())
}

pub fn manifest_of(tree: &Tree) -> Manifest {
    let mut builder = Builder::new();
    put(tree, &mut builder).unwrap();
    builder.finish().unwrap()
}

/// The tree that entries describe.
fn tree_of<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Tree {
    let mut open = vec![(String::new(), Tree::new())];
    for entry in entries {
        match entry {
            Entry::Folder { name } => open.push((name.to_owned(), Tree::new())),
            Entry::Up => {
                let (name, tree) = open.pop().unwrap();
                open.last_mut().unwrap().1.insert(name, Node::Folder(tree));
            }
            Entry::File(FileEntry { name, len, modified, executable }) => {
                open.last_mut().unwrap().1.insert(name.to_owned(), Node::File { len, modified, executable });
            }
        }
    }
    assert_eq!(open.len(), 1);
    open.pop().unwrap().1
}

fn file(name: &str, len: u64) -> FileEntry<'_> {
    FileEntry { name, len, modified: Modified { secs: 1_700_000_000, nanos: 5 }, executable: false }
}

/// A manifest of files `a/b/c` and folders `a/b/`, all of a length.
fn listed(paths: &[&str]) -> Manifest {
    let mut tree = Tree::new();
    for path in paths {
        let mut at = &mut tree;
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                if !part.is_empty() {
                    let modified = Modified { secs: 0, nanos: 0 };
                    at.insert(part.to_owned(), Node::File { len: 10, modified, executable: false });
                }
                break;
            }
            let Node::Folder(next) = at.entry(part.to_owned()).or_insert_with(|| Node::Folder(Tree::new())) else {
                panic!("{path}: a file holds files");
            };
            at = next;
        }
    }
    manifest_of(&tree)
}

fn name() -> impl Strategy<Value = String> {
    let special = |name: &String| !matches!(name.as_str(), "." | "..");
    prop_oneof!["[a-c]", "[^/\0]{1,40}"].prop_filter("a component", special)
}

fn tree() -> impl Strategy<Value = Tree> {
    let secs = prop_oneof![any::<i64>(), 0..2_000_000_000_i64];
    let len = prop_oneof![0..3_u64, 0..1_u64 << 40];
    let file = (len, secs, 0..1_000_000_000_u32, any::<bool>()).prop_map(|(len, secs, nanos, executable)| Node::File {
        len,
        modified: Modified { secs, nanos },
        executable,
    });
    let node = file
        .prop_recursive(5, 60, 8, |node| proptest::collection::btree_map(name(), node, 0..8).prop_map(Node::Folder));
    proptest::collection::btree_map(name(), node, 0..8)
}

/// Which of a number of files are meant, as runs.
fn selection_of(chosen: &[bool]) -> Selection {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for (index, _) in (0..).zip(chosen).filter(|(_, chosen)| **chosen) {
        match runs.last_mut() {
            Some((start, len)) if *start + *len == index => *len += 1,
            _ => runs.push((index, 1)),
        }
    }
    Selection::Runs(runs)
}

proptest! {
    #[test]
    fn a_manifest_says_what_it_was_made_of_however_it_is_cut(tree in tree(), cuts in vec(1..50_usize, 0..20)) {
        let manifest = manifest_of(&tree);
        prop_assert_eq!(format!("{:?}", tree_of(manifest.entries())), format!("{tree:?}"));
        let mut builder = Builder::new();
        let mut rest = manifest.bytes();
        for cut in cuts {
            let (page, after) = rest.split_at(cut.min(rest.len()));
            builder.extend(page).unwrap();
            rest = after;
        }
        builder.extend(rest).unwrap();
        prop_assert_eq!(&builder.finish().unwrap(), &manifest);

        let files: Vec<_> = manifest.paths().collect();
        prop_assert_eq!(files.len() as u32, manifest.files());
        prop_assert_eq!(files.iter().map(|(_, _, file)| file.len).sum::<u64>(), manifest.total());
        prop_assert!(files.iter().zip(0..).all(|((index, ..), at)| *index == at));
    }

    #[test]
    fn any_bytes_are_refused_or_the_one_encoding(bytes in vec(prop_oneof![0..4_u8, 97..100_u8, any::<u8>()], 0..200)) {
        let mut builder = Builder::new();
        if builder.extend(&bytes).is_err() {
            prop_assert!(builder.bytes.capacity() == 0);
            prop_assert!(builder.finish().is_err());
            return Ok(());
        }
        prop_assert!(builder.bytes.capacity() <= 2 * bytes.len());
        if let Ok(manifest) = builder.finish() {
            prop_assert_eq!(manifest.bytes(), &bytes);
            prop_assert_eq!(&manifest_of(&tree_of(manifest.entries())), &manifest);
        }
    }

    #[test]
    fn a_selection_holds_its_files_and_the_folders_around_them(tree in tree(), bits in vec(any::<bool>(), 1..20)) {
        let manifest = manifest_of(&tree);
        let chosen: Vec<bool> = bits.iter().copied().cycle().take(manifest.files() as usize).collect();
        let selection = selection_of(&chosen);
        let mut builder = Builder::new();
        for entry in manifest.selected(&selection) {
            builder.push(&entry).unwrap();
        }
        let part = builder.finish().unwrap();
        prop_assert_eq!(part.total(), manifest.len_of(&selection));
        let wanted: Vec<_> = manifest.paths().filter(|(index, ..)| chosen[*index as usize]).map(|row| (row.1, row.2)).collect();
        let found: Vec<_> = part.paths().map(|row| (row.1, row.2)).collect();
        prop_assert_eq!(&found, &wanted);
        let mut around: Vec<String> = Vec::new();
        for (path, _) in found {
            around.extend(path.match_indices('/').map(|(at, _)| path[..at].to_owned()));
        }
        around.sort();
        around.dedup();
        prop_assert_eq!(part.folders() as usize, around.len());

        prop_assert!(manifest.selected(&Selection::All).eq(manifest.entries()));
        prop_assert_eq!(manifest.len_of(&Selection::All), manifest.total());
        prop_assert_eq!(selection.check(&manifest).is_ok(), chosen.contains(&true));
        if selection.check(&manifest).is_ok() {
            prop_assert_eq!(Selection::decode(&selection.encode()), Ok(selection));
        }
    }

    #[test]
    fn any_bytes_are_no_selection_or_its_one_encoding(bytes in vec(prop_oneof![0..4_u8, any::<u8>()], 0..40)) {
        if let Ok(selection) = Selection::decode(&bytes) {
            prop_assert_eq!(selection.encode(), bytes);
        }
    }
}

#[test]
fn the_encoding_is_as_documented() {
    let mut builder = Builder::new();
    builder.folder("d").unwrap();
    let modified = Modified { secs: -1, nanos: 300 };
    builder.file(FileEntry { name: "é", len: 128, modified, executable: true }).unwrap();
    builder.up().unwrap();
    let manifest = builder.finish().unwrap();
    assert_eq!(manifest.bytes(), b"\x01\x01d\x03\x02\xc3\xa9\x80\x01\x01\xac\x02\x00");
    assert_eq!((manifest.files(), manifest.folders(), manifest.total()), (1, 1, 128));
    assert_eq!(&manifest.digest(), blake3::hash(manifest.bytes()).as_bytes());
}

#[test]
fn a_file_alone_is_told_from_a_folder_of_one() {
    let single = Manifest::single(file("a", 3)).unwrap();
    assert_eq!(single.only_file(), Some(file("a", 3)));
    assert_eq!(listed(&["d/a"]).only_file(), None);
    assert_eq!(listed(&["a", "b"]).only_file(), None);
    assert_eq!(listed(&[]).only_file(), None);
    assert!(Manifest::single(file("..", 3)).is_err());
}

fn refused(bytes: &[u8]) -> ManifestError {
    let mut builder = Builder::new();
    match builder.extend(bytes) {
        Err(error) => error,
        Ok(()) => builder.finish().unwrap_err(),
    }
}

#[test]
fn what_is_not_the_one_encoding_is_refused() {
    let file = b"\x02\x01a\x00\x00\x00";
    assert!(Builder::new().extend(file).is_ok());
    for (bytes, error) in [
        (&b"\x04"[..], ManifestError::Form),
        (b"\x01\x01\xff\x00", ManifestError::Form),
        // A varint with a byte too many, in each place.
        (b"\x02\x81\x00a\x00\x00\x00", ManifestError::Form),
        (b"\x02\x01a\x80\x00\x00\x00", ManifestError::Form),
        (b"\x02\x01a\x00\x80\x00\x00", ManifestError::Form),
        (b"\x02\x01a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x00\x00", ManifestError::Form),
        (b"\x02\x01a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00\x00", ManifestError::Form),
        (b"\x02\x01a\x00\x00\x80\x94\xeb\xdc\x03", ManifestError::Time),
        (b"\x02\x01a\x00\x00\x80\x80\x80\x80\x10", ManifestError::Form),
        (b"\x02\x01a\x00\x00", ManifestError::Cut),
        (b"\x00", ManifestError::Up),
        (b"\x01\x01a", ManifestError::Unclosed(1)),
        (b"\x01\x01a\x00\x00", ManifestError::Up),
        (b"\x01\x80\x02", ManifestError::Limit { limit: Limit::Name, found: 256 }),
    ] {
        assert_eq!(refused(bytes), error, "{bytes:?}");
    }
}

#[test]
fn case_83_no_name_leads_elsewhere() {
    for name in ["", ".", "..", "a/b", "/", "a\0"] {
        let mut builder = Builder::new();
        assert_eq!(builder.folder(name), Err(ManifestError::Name(name.to_owned())));
        assert_eq!(Manifest::single(file(name, 0)).unwrap_err(), ManifestError::Name(name.to_owned()));
    }
}

#[test]
fn case_113_a_name_is_in_a_folder_once_and_in_its_place() {
    let twice = |first: fn(&mut Builder), second: fn(&mut Builder) -> Result<(), ManifestError>| {
        let mut builder = Builder::new();
        builder.folder("top").unwrap();
        first(&mut builder);
        assert_eq!(second(&mut builder), Err(ManifestError::Twice("a".to_owned())));
        assert_eq!(builder.up(), Err(ManifestError::Twice("a".to_owned())), "an error is forgotten");
        assert!(builder.finish().is_err());
    };
    let as_file = |builder: &mut Builder| builder.file(file("a", 1)).unwrap();
    let as_folder = |builder: &mut Builder| {
        builder.folder("a").unwrap();
        builder.file(file("z", 1)).unwrap();
        builder.up().unwrap();
    };
    twice(as_file, |builder| builder.file(file("a", 2)));
    twice(as_file, |builder| builder.folder("a"));
    twice(as_folder, |builder| builder.file(file("a", 2)));
    twice(as_folder, |builder| builder.folder("a"));

    let mut builder = Builder::new();
    builder.file(file("b", 1)).unwrap();
    assert_eq!(builder.folder("a"), Err(ManifestError::Order("a".to_owned())));
    // The same name in different folders is no other name.
    listed(&["a/a/a", "b/a", "c"]);
}

#[test]
fn case_110_the_limits_hold_and_are_named() {
    let limit = |limit, found| ManifestError::Limit { limit, found };
    let mut builder = Builder::new();
    (0..MAX_DEPTH).for_each(|_| builder.folder("a").unwrap());
    assert_eq!(builder.folder("a"), Err(limit(Limit::Depth, 65)));

    let long = "x".repeat(MAX_NAME);
    let mut builder = Builder::new();
    (0..16).for_each(|_| builder.folder(&long).unwrap());
    assert_eq!(builder.file(file("y", 0)), Err(limit(Limit::Path, 4097)));
    assert_eq!(Builder::new().folder(&format!("{long}x")), Err(limit(Limit::Name, 256)));

    let mut builder = Builder::new();
    builder.file(file("a", MAX_TOTAL)).unwrap();
    assert_eq!(builder.file(file("b", 1)), Err(limit(Limit::Total, MAX_TOTAL + 1)));
    assert_eq!(Builder::new().file(file("b", u64::MAX)), Err(limit(Limit::Total, u64::MAX)));

    let mut builder = Builder::new();
    for n in 0..MAX_ENTRIES / 2 {
        builder.file(file(&format!("{n:06}"), 1)).unwrap();
        builder.folder(&format!("{n:06}d")).unwrap();
        builder.up().unwrap();
    }
    let error = builder.file(file("z", 1)).unwrap_err();
    assert_eq!(error, limit(Limit::Entries, 250_001));
    assert_eq!(error.to_string(), "250001 files and folders, where 250000 are allowed");
}

#[test]
fn case_110_an_encoding_over_the_limit_is_refused_before_it_is_kept() {
    let mut builder = Builder::new();
    let tail = "x".repeat(200);
    let mut n = 0;
    let error = loop {
        if let Err(error) = builder.file(file(&format!("{n:06}{tail}"), 1)) {
            break error;
        }
        assert!(builder.bytes.capacity() <= MAX_ENCODED + encoding::MAX_ENTRY);
        n += 1;
    };
    assert!(matches!(error, ManifestError::Limit { limit: Limit::Encoded, .. }), "{error}");
    assert_eq!(builder.bytes.capacity(), 0, "what was refused is kept");

    let mut builder = Builder::new();
    let page = vec![0; MAX_ENCODED + 1];
    assert!(matches!(builder.extend(&page), Err(ManifestError::Limit { limit: Limit::Encoded, .. })));
}

#[test]
fn selections_that_cannot_be_are_refused() {
    let manifest = listed(&["a", "b", "c", "d", "e"]);
    let check = |runs: &[(u32, u32)]| Selection::Runs(runs.to_vec()).check(&manifest);
    assert_eq!(check(&[(0, 1), (2, 3)]), Ok(()));
    assert_eq!(check(&[]), Err(SelectionError::Nothing));
    for runs in [&[(0, 0)][..], &[(0, 1), (1, 1)], &[(2, 1), (0, 1)], &[(0, 3), (2, 1)]] {
        assert_eq!(check(runs), Err(SelectionError::Form), "{runs:?}");
    }
    assert_eq!(check(&[(4, 2)]), Err(SelectionError::Range { end: 6, files: 5 }));
    assert!(check(&[(u32::MAX, u32::MAX)]).is_err());
    assert_eq!(manifest.len_of(&Selection::Runs(vec![(3, u32::MAX)])), 20);

    let many: Vec<_> = (0..MAX_RUNS as u32).map(|n| (3 * n, 2)).collect();
    let encoded = Selection::Runs(many.clone()).encode();
    assert!(encoded.len() <= MAX_SELECTION_LEN);
    assert_eq!(Selection::decode(&encoded), Ok(Selection::Runs(many)));
    for bytes in [&b""[..], b"\x00\x00", b"\x02", b"\x01\x00", b"\x01\x02\x00\x00", b"\x01\x01\x80\x00\x00"] {
        assert!(Selection::decode(bytes).is_err(), "{bytes:?}");
    }
    assert_eq!(Selection::decode(b"\x01\x81\x80\x04"), Err(SelectionError::Runs { found: 65_537 }));
}

#[test]
fn patterns_mean_names_paths_and_folders() {
    let all =
        ["a.txt", "b.md", "docs/a.txt", "docs/old/c.md", "lib/docs", "lib/x[1].txt", "lib/Ä.txt", "none/", "z/docs/q"];
    let manifest = listed(&all);
    let found = |patterns: &[&str]| -> Vec<String> {
        let selection = Selection::matching(&manifest, patterns).unwrap();
        selection.check(&manifest).unwrap();
        let mut picker = Picker::new(&selection);
        manifest.paths().filter(|_| picker.take_next()).map(|(_, path, _)| path).collect()
    };
    assert_eq!(found(&["a.txt"]), ["a.txt", "docs/a.txt"]);
    assert_eq!(found(&["/a.txt"]), ["a.txt"]);
    assert_eq!(found(&["./a.txt"]), ["a.txt"]);
    assert_eq!(found(&["docs"]), ["docs/a.txt", "docs/old/c.md", "lib/docs", "z/docs/q"]);
    assert_eq!(found(&["docs/"]), ["docs/a.txt", "docs/old/c.md", "z/docs/q"]);
    assert_eq!(found(&["/docs/"]), ["docs/a.txt", "docs/old/c.md"]);
    assert_eq!(found(&["docs/*"]), ["docs/a.txt", "docs/old/c.md"]);
    assert_eq!(found(&["docs/**/*.md", "b*"]), ["b.md", "docs/old/c.md"]);
    assert_eq!(found(&["x[1].txt"]), ["lib/x[1].txt"]);
    assert_eq!(found(&["?.txt"]), ["a.txt", "docs/a.txt"]);
    assert_eq!(found(&["*/a.txt", "{q,nothing}"]), ["docs/a.txt", "z/docs/q"]);
    assert_eq!(found(&["lib/Ä*"]), ["lib/Ä.txt"]);
    assert_eq!(Selection::matching(&manifest, &["*"]), Ok(Selection::All));
}

#[test]
fn patterns_that_match_nothing_say_so() {
    let manifest = listed(&["a.txt", "none/"]);
    let error = Selection::matching(&manifest, &["b", "A.txt"]).unwrap_err();
    assert_eq!(error.to_string(), "no file in there matches `b` or `A.txt`");
    assert!(matches!(Selection::matching(&manifest, &["none"]), Err(PatternError::NoMatch(_))));
    for pattern in ["", "/", "{a"] {
        assert!(matches!(Selection::matching(&manifest, &[pattern]), Err(PatternError::Pattern { .. })), "{pattern}");
    }
    assert!(Selection::matching::<&str>(&manifest, &[]).is_err());
    assert_eq!(Selection::matching(&manifest, &["*.txt"]), Ok(Selection::All));

    let names: Vec<_> = (0..2 * MAX_RUNS + 2).map(|n| format!("{n:06}{}", n % 2)).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let many = listed(&names);
    assert_eq!(Selection::matching(&many, &["*0"]), Err(PatternError::Runs { found: MAX_RUNS + 1 }));
}
