//! The file of a journal, and a disk that fails.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use super::{
    disk::{Call, Gate},
    image::Image,
    *,
};
use crate::{room::LogLimits, wire::*};

/// A folder that goes with its test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        let number = LAST.fetch_add(1, Relaxed);
        let path = std::env::temp_dir().join(format!("pchat-journal-{}-{name}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> std::path::PathBuf {
        self.0.join("room.journal")
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const EPOCH: Epoch = Epoch([1; 16]);

fn open(folder: &Folder) -> Result<Saved, JournalError> {
    Saved::open(&folder.file(), EPOCH, LogLimits::default(), 50)
}

fn open_by(gate: &Gate, folder: &Folder) -> Result<Saved, JournalError> {
    Saved::open_by(gate.clone(), &folder.file(), EPOCH, (LogLimits::default(), 50))
}

/// The records of one event.
fn event(seq: u64) -> Vec<u8> {
    let said = Said { command: "chat".into(), payload: format!("line {seq}").into_bytes().into() };
    let event = Event::Said { from: 1, n: seq, prev: seq - 1, to: None, kept: None, said };
    let frame = encode(&FromRoom::Event { seq, event }).unwrap();
    let needs = SavedNeeds::Nobody;
    let mut out = Vec::new();
    append(
        &Record::Event(Entry { secs: unix_secs(), audience: Audience::All, needs, frame: Raw(&frame) }, false),
        &mut out,
    );
    out
}

fn head(saved: &Saved) -> u64 {
    saved.image.ring.head()
}

#[test]
fn a_journal_goes_on_and_has_one_writer_and_its_owner_alone_reads_it() {
    let folder = Folder::new("goes-on");
    let mut saved = open(&folder).unwrap();
    assert!(!saved.restored.found);
    for seq in 1..=3 {
        saved.disk.commit(&event(seq)).unwrap();
    }
    assert!(matches!(open(&folder), Err(JournalError::InUse(_))));
    drop(saved);
    for name in ["room.journal", "room.journal.lock"] {
        assert_eq!(fs::metadata(folder.0.join(name)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let saved = open(&folder).unwrap();
    assert_eq!((head(&saved), saved.image.epoch, saved.restored.found), (3, EPOCH, true));
}

#[test]
fn what_is_no_journal_is_left_as_it_is() {
    let folder = Folder::new("foreign");
    for other in [&b"holiday photo"[..], b"pchat identity 1\nsomething", b"pchat journal 2\nsomething new"] {
        fs::write(folder.file(), other).unwrap();
        let error = open(&folder).err().unwrap();
        let newer = other.starts_with(b"pchat journal");
        assert!(if newer {
            matches!(error, JournalError::Version(_))
        } else {
            matches!(error, JournalError::Foreign(_))
        });
        assert_eq!(fs::read(folder.file()).unwrap(), other);
    }
    fs::remove_file(folder.file()).unwrap();
    fs::create_dir(folder.file()).unwrap();
    assert!(open(&folder).is_err());
    fs::remove_dir(folder.file()).unwrap();
    std::os::unix::fs::symlink("/dev/null", folder.file()).unwrap();
    assert!(open(&folder).is_err());
    fs::remove_file(folder.file()).unwrap();
    fs::write(folder.file(), b"").unwrap();
    assert!(open(&folder).is_ok(), "an empty file is a good beginning");
}

#[test]
fn a_torn_end_is_cut_off_and_a_hole_in_the_middle_is_put_aside_and_gives_another_epoch() {
    let folder = Folder::new("damage");
    let mut saved = open(&folder).unwrap();
    for seq in 1..=9 {
        saved.disk.commit(&event(seq)).unwrap();
    }
    drop(saved);
    let whole = fs::read(folder.file()).unwrap();
    fs::write(folder.file(), &whole[..whole.len() - 5]).unwrap();
    let saved = open(&folder).unwrap();
    assert_eq!((head(&saved), saved.image.epoch), (8, EPOCH));
    assert!(saved.restored.unfinished > 0 && saved.restored.damaged.is_none());
    drop(saved);

    let mut bytes = whole.clone();
    let middle = whole.len() / 2;
    bytes[middle] ^= 1;
    fs::write(folder.file(), &bytes).unwrap();
    let saved = Saved::open(&folder.file(), Epoch([2; 16]), LogLimits::default(), 50).unwrap();
    assert!(head(&saved) < 8 && head(&saved) > 0);
    assert_eq!(saved.image.epoch, Epoch([2; 16]));
    let (lost, left) = saved.restored.damaged.clone().unwrap();
    assert!(lost > 0 && fs::read(left).unwrap() == bytes, "what could not be read is still there");
    drop(saved);
    // Zeros instead of what was to be written are an end that never came.
    fs::write(folder.file(), [&whole[..whole.len() - 40], &[0; 40]].concat()).unwrap();
    assert!(open(&folder).is_ok());
}

#[test]
fn a_checkpoint_takes_its_place_beside_what_is_written_and_loses_none_of_it() {
    let folder = Folder::new("checkpoint");
    let mut saved = open(&folder).unwrap();
    let mut image = Image::empty(EPOCH, LogLimits::default(), 50);
    let mut seq = 0;
    for round in 0..20 {
        for _ in 0..10 {
            seq += 1;
            saved.disk.commit(&event(seq)).unwrap();
            image.apply(&event(seq)).unwrap();
            saved.disk.advance().unwrap();
        }
        if round % 3 == 0 && !saved.disk.is_replacing() {
            saved.disk.replace(image.checkpoint()).unwrap();
        }
    }
    while saved.disk.is_replacing() {
        saved.disk.advance().unwrap();
        std::thread::yield_now();
    }
    seq += 1;
    saved.disk.commit(&event(seq)).unwrap();
    // One that a program died at is no obstacle.
    drop(saved);
    fs::write(folder.0.join("room.journal.new"), b"half").unwrap();
    let saved = open(&folder).unwrap();
    assert_eq!(head(&saved), seq);
    assert_eq!(folder.names(), ["room.journal", "room.journal.lock"]);
}

/// Lets call `k` fail, and all after it too if the program is to be gone from then on.
fn gate(k: usize, kind: std::io::ErrorKind, gone: bool) -> (Gate, Arc<AtomicUsize>, Arc<Mutex<Option<Call>>>) {
    let (count, failed) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Option<Call>>>::default());
    let (counting, failing) = (count.clone(), failed.clone());
    let gate: Gate = Arc::new(move |call| {
        let now = counting.fetch_add(1, Relaxed);
        if now == k || gone && now > k {
            failing.lock().unwrap().get_or_insert(call);
            return Err(kind.into());
        }
        Ok(())
    });
    (gate, count, failed)
}

/// Opens a journal and writes nine events and two checkpoints. The last event that is on the disk by its word, and whether
/// the journal ended.
fn script(gate: &Gate, folder: &Folder) -> (u64, bool) {
    let Ok(mut saved) = open_by(gate, folder) else { return (0, false) };
    let mut image = Image::empty(EPOCH, LogLimits::default(), 50);
    let mut synced = 0;
    let mut work = || {
        for seq in 1..=9 {
            saved.disk.commit(&event(seq))?;
            synced = seq;
            image.apply(&event(seq)).unwrap();
            if seq % 4 == 0 {
                saved.disk.replace(image.checkpoint())?;
                while saved.disk.is_replacing() {
                    saved.disk.advance()?;
                    std::thread::yield_now();
                }
            }
        }
        std::io::Result::Ok(())
    };
    let ended = work().is_err();
    if ended {
        let _ = saved.disk.retire();
    }
    (synced, ended)
}

#[test]
fn whichever_call_fails_what_was_synced_is_there_or_put_aside() {
    let (counter, count, _) = gate(usize::MAX, std::io::ErrorKind::Other, false);
    assert_eq!(script(&counter, &Folder::new("count")), (9, false));
    let calls = count.load(Relaxed);
    assert!(calls > 30, "{calls}");
    let mut seen = Vec::new();
    for k in 0..calls {
        for kind in [std::io::ErrorKind::StorageFull, std::io::ErrorKind::Other, std::io::ErrorKind::ReadOnlyFilesystem]
        {
            let folder = Folder::new("fails");
            let (gate, _, failed) = gate(k, kind, false);
            let (synced, ended) = script(&gate, &folder);
            seen.extend(*failed.lock().unwrap());
            let saved = open(&folder).unwrap_or_else(|error| panic!("call {k}: {error}"));
            match ended {
                // The room went on without: what is there is not to be taken for it.
                true if folder.names().contains(&"room.journal.stopped".to_owned()) => {
                    assert_eq!(head(&saved), 0, "call {k}")
                }
                _ => assert!(head(&saved) >= synced, "call {k}: {} of {synced}", head(&saved)),
            }
        }
    }
    for call in [Call::Create, Call::Write, Call::Sync, Call::Rename, Call::SyncFolder] {
        assert!(seen.contains(&call), "{call:?} never fails");
    }
}

#[test]
fn wherever_the_program_dies_what_was_synced_is_there() {
    let (counter, count, _) = gate(usize::MAX, std::io::ErrorKind::Other, false);
    script(&counter, &Folder::new("count"));
    for k in 0..count.load(Relaxed) {
        let folder = Folder::new("dies");
        let (gate, ..) = gate(k, std::io::ErrorKind::Other, true);
        let (synced, _) = script(&gate, &folder);
        let saved = open(&folder).unwrap_or_else(|error| panic!("call {k}: {error}"));
        assert!(head(&saved) >= synced && saved.restored.damaged.is_none(), "call {k}: {} of {synced}", head(&saved));
    }
}
