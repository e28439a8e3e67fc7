use pchat::transfer::manifest::{
    Builder, Entry, MAX_DEPTH, MAX_ENTRIES, MAX_NAME, MAX_PATH, MAX_TOTAL, Manifest, ManifestError, Selection,
};

use super::take;

/// Any bytes as a manifest, which arrives in pieces of any length, and as a selection of its files.
///
/// The input is the number of pieces modulo 8, a byte for the length of each, the length of the selection, the
/// selection and the manifest.
pub fn manifest(data: &[u8]) {
    let mut data = data;
    let pieces = take(&mut data) % 8;
    let pieces: Vec<usize> = (0..pieces).map(|_| usize::from(take(&mut data)).max(1)).collect();
    let len = usize::from(take(&mut data)).min(data.len());
    let (selection, data) = data.split_at(len);

    let whole = read(data, &[]);
    let parts = read(data, &pieces);
    match (&whole, &parts) {
        (Err(whole), Err(parts)) => assert_eq!(whole, parts, "the pieces change what is wrong"),
        _ => assert_eq!(whole, parts, "the pieces change the manifest"),
    }
    let selection = Selection::decode(selection).inspect(|read| {
        assert_eq!(read.encode(), selection, "a selection has two encodings");
    });
    let Ok(manifest) = whole else { return };
    assert_eq!(manifest.bytes(), data, "a manifest has two encodings");
    sound(&manifest);
    assert_eq!(again(manifest.entries()).as_ref(), Ok(&manifest), "the entries are not those of the manifest");
    if let Ok(selection) = selection
        && selection.check(&manifest).is_ok()
    {
        select(&manifest, &selection);
    }
    find(&manifest);
}

fn read(mut data: &[u8], pieces: &[usize]) -> Result<Manifest, ManifestError> {
    let mut builder = Builder::new();
    let mut pieces = pieces.iter().copied().cycle();
    while !data.is_empty() {
        let (piece, rest) = data.split_at(pieces.next().unwrap_or(data.len()).min(data.len()));
        data = rest;
        if let Err(error) = builder.extend(piece) {
            assert_eq!(builder.finish().as_ref(), Err(&error), "an error is forgotten");
            return Err(error);
        }
    }
    builder.finish()
}

fn again<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Result<Manifest, ManifestError> {
    let mut builder = Builder::new();
    for entry in entries {
        builder.push(&entry)?;
    }
    builder.finish()
}

/// The limits hold, and paths lead to different places, all of them inside.
fn sound(manifest: &Manifest) {
    assert!(manifest.files() + manifest.folders() <= MAX_ENTRIES);
    let mut before = Vec::new();
    let (mut count, mut total) = (0, 0);
    for (index, path, file) in manifest.paths() {
        assert_eq!(index, count);
        assert!(path.len() <= MAX_PATH);
        let parts: Vec<&str> = path.split('/').collect();
        assert!(parts.len() <= MAX_DEPTH + 1);
        for part in &parts {
            assert!((1..=MAX_NAME).contains(&part.len()) && !matches!(*part, "." | "..") && !part.contains('\0'));
        }
        assert_eq!(parts.last(), Some(&file.name));
        assert!(file.modified.nanos < 1_000_000_000);
        let parts: Vec<String> = parts.into_iter().map(str::to_owned).collect();
        assert!(parts > before, "{parts:?} after {before:?}");
        before = parts;
        total += file.len;
        count += 1;
    }
    assert_eq!((count, total), (manifest.files(), manifest.total()));
    assert!(total <= MAX_TOTAL);
    assert_eq!(manifest.only_file().is_some(), manifest.files() == 1 && manifest.folders() == 0);
}

fn select(manifest: &Manifest, selection: &Selection) {
    let part = again(manifest.selected(selection)).expect("a part of a manifest is one");
    assert_eq!(part.total(), manifest.len_of(selection));
    let Selection::Runs(runs) = selection else { return assert_eq!(&part, manifest) };
    let wanted =
        manifest.paths().filter(|(index, ..)| runs.iter().any(|(start, len)| (*start..start + len).contains(index)));
    assert!(part.paths().map(|row| (row.1, row.2)).eq(wanted.map(|row| (row.1, row.2))));
}

/// A file is found under its own path, whatever characters that has.
fn find(manifest: &Manifest) {
    for (index, path, _) in manifest.paths().take(3) {
        // A pattern that cannot be read says so.
        if let Ok(selection) = Selection::matching(manifest, &[format!("/{path}")]) {
            selection.check(manifest).expect("what is found is there");
            let Selection::Runs(runs) = selection else { continue };
            assert!(runs.iter().any(|(start, len)| (*start..start + len).contains(&index)), "{path:?} is not found");
        }
    }
}
