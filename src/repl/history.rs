//! The file that keeps what was typed, one entry a line. rustyline's own file history is not used: it changes the
//! process's umask while it saves, under the feet of whatever creates files at that moment.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// How many entries are kept.
pub(super) const ENTRIES: usize = 1_000;

/// Longer entries (pasted texts) are not kept, so that the file stays small.
const ENTRY_BYTES: usize = 4_096;

/// The history on disk, if it has a place there.
pub(super) struct History(Option<PathBuf>);

impl History {
    /// Opens the history: its entries, oldest first.
    pub(super) fn open(path: Option<&Path>) -> (Self, io::Result<Vec<String>>) {
        let Some(path) = path else { return (Self(None), Ok(Vec::new())) };
        match read(path) {
            Ok(entries) => (Self(Some(path.to_owned())), Ok(entries)),
            Err(e) => (Self(None), Err(e)),
        }
    }

    /// Adds an entry. After the first failure nothing is tried any more.
    pub(super) fn add(&mut self, entry: &str) -> io::Result<()> {
        let Some(path) = &self.0 else { return Ok(()) };
        if entry.len() > ENTRY_BYTES {
            return Ok(());
        }
        let added = private(OpenOptions::new().append(true), path)
            .and_then(|mut file| file.write_all(escape(entry).as_bytes()));
        if added.is_err() {
            self.0 = None;
        }
        added
    }

    /// Cuts the file to the newest entries.
    pub(super) fn close(self) -> io::Result<()> {
        let Some(path) = self.0 else { return Ok(()) };
        let entries = read(&path)?;
        if entries.len() <= ENTRIES {
            return Ok(());
        }
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}", std::process::id()));
        let shorter = PathBuf::from(name);
        let text: String = entries[entries.len() - ENTRIES..].iter().map(|entry| escape(entry)).collect();
        private(OpenOptions::new().write(true).truncate(true), &shorter)?.write_all(text.as_bytes())?;
        fs::rename(&shorter, &path)
    }
}

fn private(options: &mut OpenOptions, path: &Path) -> io::Result<fs::File> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let file = options.create(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

fn read(path: &Path) -> io::Result<Vec<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).lines().map(unescape).collect()),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

fn escape(entry: &str) -> String {
    entry.replace('\\', "\\\\").replace('\n', "\\n") + "\n"
}

fn unescape(line: &str) -> String {
    let mut entry = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => entry.push('\n'),
                Some(other) => entry.push(other),
                None => entry.push('\\'),
            },
            c => entry.push(c),
        }
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("pchat-history-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder.join("deep/history")
    }

    #[test]
    fn entries_survive_and_nobody_else_may_read_them() {
        let path = scratch("survive");
        let (mut history, before) = History::open(Some(&path));
        assert!(before.unwrap().is_empty());
        for entry in ["one", "two\nrows \\n", "three\\"] {
            history.add(entry).unwrap();
        }
        history.close().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(History::open(Some(&path)).1.unwrap(), ["one", "two\nrows \\n", "three\\"]);
    }

    #[test]
    fn only_the_newest_thousand_are_kept() {
        let path = scratch("newest");
        let (mut history, _) = History::open(Some(&path));
        for i in 0..1_005 {
            history.add(&i.to_string()).unwrap();
        }
        history.close().unwrap();
        let kept = History::open(Some(&path)).1.unwrap();
        assert_eq!((kept.len(), kept[0].as_str()), (1_000, "5"));
    }

    #[test]
    fn a_history_without_a_place_fails_once_and_then_keeps_quiet() {
        let path = scratch("unwritable");
        let folder = path.parent().unwrap();
        fs::create_dir_all(folder.parent().unwrap()).unwrap();
        let (mut history, entries) = History::open(Some(&path));
        assert!(entries.unwrap().is_empty());
        fs::write(folder, "a file where the folder should be").unwrap();
        assert!(history.add("one").is_err());
        assert!(history.add("two").is_ok());
        assert!(History::open(Some(&path)).1.is_err());
    }
}
