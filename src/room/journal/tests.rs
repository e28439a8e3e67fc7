//! The file of a journal, and a disk that fails.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use super::{
    disk::{self, Call, Gate},
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
    append(&Record::Event(Entry { at: 0, audience: Audience::All, needs, frame: Raw(&frame) }, None), &mut out);
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

/// The bytes of a journal with so many.
fn nine_events(folder: &Folder) -> Vec<u8> {
    let mut saved = open(folder).unwrap();
    for seq in 1..=9 {
        saved.disk.commit(&event(seq)).unwrap();
    }
    drop(saved);
    fs::read(folder.file()).unwrap()
}

#[test]
fn a_torn_end_is_cut_off_and_a_hole_in_the_middle_is_put_aside_and_gives_another_epoch() {
    let folder = Folder::new("damage");
    let whole = nine_events(&folder);
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
    // Zeros instead of what was to be written are an end that never came, whatever is there of the head of a batch.
    let (next, mut longer) = (disk::head(&event(10)), whole.clone());
    while 512 - longer.len() % 512 >= disk::HEAD {
        let (mut record, name) = (Vec::new(), "x".repeat(longer.len() % 7));
        append(&Record::Out(PublicKey([1; 32]), name, 0), &mut record);
        longer.extend([&disk::head(&record)[..], &record].concat());
    }
    let begun = &next[..512 - longer.len() % 512];
    let ends = [[&whole[..whole.len() - 20], &[0; 20]].concat(), [&whole[..], &[0; 5_000]].concat(), {
        [&longer[..], begun, &[0; 5_000]].concat()
    }];
    for (index, bytes) in ends.iter().enumerate() {
        fs::write(folder.file(), bytes).unwrap();
        let saved = open(&folder).unwrap();
        assert!(saved.restored.unfinished > 0 && saved.restored.damaged.is_none(), "{index}: {:?}", saved.restored);
        assert_eq!(saved.image.epoch, EPOCH);
    }
    // Other bytes are no zeros, and where a checkpoint ends too soon there was more of it.
    for bytes in [[&whole[..], &[0; 100], &[7; 100]].concat(), whole[..40].to_vec()] {
        fs::write(folder.file(), &bytes).unwrap();
        let saved = Saved::open(&folder.file(), Epoch([2; 16]), LogLimits::default(), 50).unwrap();
        assert!(saved.restored.damaged.is_some() && saved.image.epoch == Epoch([2; 16]));
    }
}

#[test]
fn a_damaged_journal_is_there_until_there_is_another_one() {
    let folder = Folder::new("full");
    let mut bytes = nine_events(&folder);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(folder.file(), &bytes).unwrap();
    let full: Gate = Arc::new(|call| match call {
        Call::Create => Err(std::io::ErrorKind::StorageFull.into()),
        _ => Ok(()),
    });
    assert!(open_by(&full, &folder).is_err());
    let saved = open(&folder).unwrap();
    assert!(saved.restored.found && saved.restored.damaged.is_some(), "{:?}", saved.restored);
    assert_eq!(fs::read(folder.0.join("room.journal.damaged")).unwrap(), bytes);
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let folder = Folder::new("pipe");
    let made = std::process::Command::new("mkfifo").arg(folder.file()).status().unwrap();
    assert!(made.success());
    assert!(matches!(open(&folder), Err(JournalError::Foreign(_))));
}

/// A journal with a bad checkpoint is as good as before it was tried.
#[test]
fn a_checkpoint_that_cannot_be_finished_ends_no_journal() {
    let folder = Folder::new("unfinished");
    let unread: Gate = Arc::new(|call| match call {
        Call::Read => Err(std::io::ErrorKind::Other.into()),
        _ => Ok(()),
    });
    let mut saved = open_by(&unread, &folder).unwrap();
    let mut image = Image::empty(EPOCH, LogLimits::default(), 50);
    saved.disk.replace(image.checkpoint()).unwrap();
    for seq in 1..=9 {
        saved.disk.commit(&event(seq)).unwrap();
        image.apply(&event(seq)).unwrap();
    }
    while saved.disk.is_replacing() {
        saved.disk.advance().unwrap();
        std::thread::yield_now();
    }
    drop(saved);
    assert_eq!(folder.names(), ["room.journal", "room.journal.lock"]);
    assert_eq!(head(&open(&folder).unwrap()), 9);
}

/// Times of what is held are by a clock that nobody sets, so that only what is old is dropped.
#[test]
fn what_is_held_is_as_old_as_it_was_whatever_the_clock_of_the_machine_said() {
    let mut image = Image::empty(EPOCH, LogLimits { life: Duration::from_secs(600), ..LogLimits::default() }, 50);
    for (seq, at) in [(1, -700), (2, -500), (3, 10), (4, 300)] {
        let entry = |frame| Entry { at, audience: Audience::All, needs: SavedNeeds::Nobody, frame: Raw(frame) };
        let frame = encode(&FromRoom::Event { seq, event: Event::Refused { n: 1, reason: String::new() } }).unwrap();
        let mut record = Vec::new();
        append(&Record::Event(entry(&frame), None), &mut record);
        image.apply(&record).unwrap();
    }
    assert!(matches!(image.read(&[][..], 0), Ok(None)));
    image.ring.expire(Instant::now());
    assert_eq!(image.ring.len(), 2, "those of the last ten minutes before the last one");
}

/// If this fails, files of the version before are not read any more: then [`MAGIC`] needs another number, and this test
/// another hash.
#[test]
fn the_format_changes_with_its_number() {
    let (key, instance) = (PublicKey([3; 32]), Instance([4; 16]));
    let who = Introduction { number: 5, key, instance, name: "bob".into() };
    let member = encode(&FromRoom::Member(who.clone())).unwrap();
    let said = Said { command: "chat".into(), payload: "hi".into() };
    let kept = Some(Kept { number: 6, tag: 7 });
    let event = Event::Said { from: 5, n: 8, prev: 7, to: Some(9), kept, said: said.clone() };
    let frame = encode(&FromRoom::Event { seq: 10, event }).unwrap();
    let public = Public::default();
    let resume = Some(Resume { epoch: EPOCH, seq: 1, count: 1 });
    let (since, accepted, base, entered) = (11, 12, 13, 14);
    let seat = SavedSeat {
        who,
        since,
        host: true,
        away: true,
        accepted,
        public,
        base,
        entered,
        came_with: resume,
        private: 15,
    };
    let past = Past { key, instance, name: "bob".into(), n: 1, age_secs: 0, said };
    let needs = [
        SavedNeeds::Nobody,
        SavedNeeds::Introduced(5, Raw(&member)),
        SavedNeeds::ForgottenAfter(5, Raw(&member)),
        SavedNeeds::Introduces(5),
    ];
    let audiences = [Audience::All, Audience::One(5), Audience::Two(5, 9), Audience::All];
    let mut out = Vec::new();
    let mut add = |record: Record<'_>| append(&record, &mut out);
    add(Record::Begin(Begin { epoch: EPOCH, first: 1, public_dropped: 0, last_number: 5, last_kept: 6 }));
    for (needs, audience) in needs.into_iter().zip(audiences) {
        add(Record::Held(Entry { at: -3, audience, needs, frame: Raw(&frame) }));
    }
    add(Record::Seat(seat));
    add(Record::Kept(Audience::All, Raw(&frame)));
    add(Record::Told { seq: 1, secs: 2, past });
    let entry = Entry { at: 3, audience: Audience::All, needs: SavedNeeds::Nobody, frame: Raw(&frame) };
    add(Record::Event(entry, Some(4)));
    add(Record::Gone(5));
    add(Record::Public(5, public));
    add(Record::Forget(key));
    add(Record::Muted(key, true));
    add(Record::Locked(true));
    add(Record::Out(key, "bob".into(), 9));
    add(Record::In(key));
    add(Record::Whole);
    let hash = blake3::hash(&[MAGIC, &disk::head(&out)[..], &out].concat());
    assert_eq!(hash.to_hex()[..16], *"524f7c141424da02", "{}", out.len());
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
