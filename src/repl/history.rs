//! The file that keeps what was typed, one entry a line. rustyline's own file history is not used: it changes the
//! process's umask while it saves, under the feet of whatever creates files at that moment.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    disk::{self, CWD, Errno, Mode, OFlags},
    trust::replace,
};

/// How many entries are kept.
pub(super) const ENTRIES: usize = 1_000;

/// Longer entries (pasted texts) are not kept, so that the file stays small.
const ENTRY_BYTES: usize = 4_096;

/// Longest file that is read, in bytes: more than all entries take, and twice.
const FILE_BYTES: usize = 4 * ENTRIES * ENTRY_BYTES;

/// The history on disk, if it has a place there.
pub(super) struct History {
    path: Option<PathBuf>,
    /// Whether the file ends within a line: the system failed while it was written.
    torn: bool,
}

impl History {
    /// Opens the history: its entries, oldest first.
    pub(super) fn open(path: Option<&Path>) -> (Self, io::Result<Vec<String>>) {
        let (path, read) = match path {
            Some(path) => (Some(path.to_owned()), read(path)),
            None => (None, Ok((Vec::new(), false))),
        };
        match read {
            Ok((entries, torn)) => (Self { path, torn }, Ok(entries)),
            Err(e) => (Self { path: None, torn: false }, Err(e)),
        }
    }

    /// Adds an entry. After the first failure nothing is tried any more.
    pub(super) fn add(&mut self, entry: &str) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        if entry.len() > ENTRY_BYTES {
            return Ok(());
        }
        let line = if self.torn { format!("\n{}", escape(entry)) } else { escape(entry) };
        let added = append(path, line.as_bytes());
        match added {
            Ok(()) => self.torn = false,
            Err(_) => self.path = None,
        }
        Ok(added?)
    }

    /// Cuts the file to the newest entries.
    pub(super) fn close(self) -> io::Result<()> {
        let Some(path) = self.path else { return Ok(()) };
        let (entries, _) = read(&path)?;
        if entries.len() <= ENTRIES {
            return Ok(());
        }
        let text: String = entries[entries.len() - ENTRIES..].iter().map(|entry| escape(entry)).collect();
        replace(&path, text.as_bytes()).map_err(io::Error::other)
    }
}

/// Adds to the file, which is made for this user only.
fn append(path: &Path, bytes: &[u8]) -> disk::Result<()> {
    if let Some(folder) = path.parent() {
        disk::make_folders(folder, Mode::RWXU)?;
    }
    let rights = Mode::RUSR | Mode::WUSR;
    let file = disk::open(CWD, path, OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND, rights)?;
    disk::set_mode(&file, rights)?;
    disk::write(file, bytes)
}

/// The entries, and whether the last one is cut short.
fn read(path: &Path) -> io::Result<(Vec<String>, bool)> {
    let file = match disk::open(CWD, path, OFlags::RDONLY, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok((Vec::new(), false)),
        Err(errno) => return Err(errno.into()),
    };
    let bytes = disk::read_all(file, FILE_BYTES)?;
    let text = String::from_utf8_lossy(&bytes);
    // What a failing system never wrote are zeros; nobody types them.
    let entries = text.lines().filter(|line| !line.contains('\0')).map(unescape).collect();
    Ok((entries, !bytes.is_empty() && !bytes.ends_with(b"\n")))
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
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::{
        disk::trial::{Trial, Way, walk::Walk},
        trust::scratch::Scratch,
    };

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

    #[test]
    fn whatever_befalls_the_disk_the_history_holds_whole_entries() {
        let file = |folder: &Path| folder.join("deep/history");
        let open = |folder: &Path| {
            let (history, entries) = History::open(Some(&file(folder)));
            entries.map(|_| history).map_err(|error| error.to_string())
        };
        let read = |folder: &Path| {
            let entries = History::open(Some(&file(folder))).1.unwrap();
            format!("{} {:?} {:?}", entries.len(), entries.first(), entries.last())
        };
        let fill = |folder: &Path, count: usize| {
            fs::create_dir(folder.join("deep")).unwrap();
            let lines: String = (0..count).map(|number| format!("{number}\n")).collect();
            fs::write(file(folder), lines).unwrap();
        };
        let close = |folder: &Path| open(folder)?.close().map_err(|error| error.to_string());
        Walk {
            before: &|folder| fill(folder, 1_005),
            change: &close,
            read: &read,
            tidy: &|folder| {
                fs::write(file(folder), "x\n".repeat(1_001)).unwrap();
                close(folder).unwrap();
            },
        }
        .all("a history that is cut");
    }

    #[test]
    fn an_entry_that_was_cut_short_by_a_power_failure_spoils_no_other() {
        let scratch = Scratch::in_memory();
        for name in ["real", "left"] {
            fs::create_dir(scratch.join(name)).unwrap();
        }
        fs::write(scratch.join("real/history"), "one\ntwo\n").unwrap();
        let trial = Trial::below(&scratch.join("real"));
        trial.record();
        let (mut history, _) = History::open(Some(&scratch.join("real/history")));
        for entry in ["three and more", "four and more"] {
            history.add(entry).unwrap();
        }
        let power = trial.power();
        for (upto, way) in (0..=power.len()).flat_map(|upto| Way::all(0..64).map(move |way| (upto, way))) {
            power.fail(upto, way, &scratch.join("left"));
            let path = scratch.join("left/history");
            let (mut history, entries) = History::open(Some(&path));
            let before = entries.unwrap();
            assert_eq!(before[..2], ["one", "two"], "{way:?}");
            assert!(before.iter().all(|entry| !entry.contains('\0')), "{way:?}: {before:?}");
            history.add("next").unwrap();
            let after = History::open(Some(&path)).1.unwrap();
            assert_eq!(after[..before.len()], before, "{way:?}");
            assert_eq!(after[before.len()..], ["next"], "{way:?}");
        }
    }
}
