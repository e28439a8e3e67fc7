//! A disk in memory that forgets what was not synced when its power goes.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use super::{
    Record, Restored, Saved, append,
    disk::Disk,
    image::{Cut, Image},
};
use crate::{
    room::log::{Audience, LogLimits},
    wire::{Epoch, Event, FromRoom, PublicKey, decode},
};

/// What is on the disk.
#[derive(Debug, Default)]
pub(crate) struct Plate {
    /// The batches.
    pub(crate) bytes: Vec<u8>,
    /// How often the power went. Who wrote before that writes no more.
    life: u32,
    /// How many more commits succeed, if not all do.
    pub(crate) good: Option<u32>,
    /// How many checkpoints were put in place.
    pub(crate) checkpoints: u32,
    /// Whether the file was put aside.
    pub(crate) retired: bool,
    /// From how many bytes on its writer panics.
    pub(crate) explodes_at: Option<usize>,
    /// All events that ever were on the plate, by number.
    pub(in crate::room) events: BTreeMap<u64, (Audience, Event)>,
    /// The highest number of each member that these tell of.
    pub(crate) accepted: BTreeMap<u32, u64>,
    /// Numbers that two events had.
    pub(crate) clashes: Vec<u64>,
}

impl Plate {
    fn learn(&mut self, mut records: &[u8]) {
        while !records.is_empty() {
            let (record, rest) = postcard::take_from_bytes::<Record<'_>>(records).expect("good records");
            records = rest;
            let Record::Event(entry, _) = record else { continue };
            let Ok(FromRoom::Event { seq, event }) = decode(&entry.frame.0[4..]) else { panic!("no event") };
            let accepted = match &event {
                Event::Said { from, n, .. } | Event::Withdrawn { from, n, .. } => Some((*from, *n)),
                Event::Refused { n, .. } => entry.audience.few().next().map(|from| (from, *n)),
                _ => None,
            };
            if let Some((from, n)) = accepted {
                self.accepted.insert(from, n);
            }
            if self.events.insert(seq, (entry.audience, event)).is_some() {
                self.clashes.push(seq);
            }
        }
    }
}

/// A disk in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Platter {
    plate: Arc<Mutex<Plate>>,
    /// How long each write takes.
    pub(crate) pace: Duration,
    /// Whether the file begins anew all the time.
    pub(crate) eager: bool,
}

struct Writing {
    platter: Platter,
    life: u32,
    /// A checkpoint on its way, where the batches begin that it does not have, and how many more it takes until it is there.
    next: Option<(Vec<u8>, usize, u32)>,
}

impl Platter {
    /// One on which each write takes so long.
    pub(crate) fn slow(pace: Duration) -> Self {
        Self { pace, ..Self::default() }
    }

    /// One whose file begins anew all the time.
    pub(crate) fn eager() -> Self {
        Self { eager: true, ..Self::default() }
    }

    pub(crate) fn plate(&self) -> MutexGuard<'_, Plate> {
        self.plate.lock().unwrap()
    }

    /// The power goes: what is not on the plate by now will never be.
    pub(crate) fn lose_power(&self) {
        self.plate().life += 1;
    }

    /// The power goes while a batch is being written, of which so many bytes arrive.
    pub(crate) fn lose_power_midway(&self, arrive: usize) {
        self.lose_power();
        let batch = batches(vec![b"what nobody has heard of".repeat(4)]);
        self.plate().bytes.extend(&batch[..arrive.min(batch.len() - 1)]);
    }

    /// A key is out until then, by a record of the journal.
    pub(crate) fn put_out(&self, key: PublicKey, until: u64) {
        let mut record = Vec::new();
        append(&Record::Out(key, "carol".to_owned(), until), &mut record);
        self.plate().bytes.extend(batches(vec![record]));
    }

    /// What that which is there says of the room, which may go on writing.
    pub(in crate::room) fn look(&self, epoch: Epoch, limits: LogLimits, backlog: usize) -> (Image, Restored) {
        let plate = self.plate();
        let mut image = Image::empty(epoch, limits, backlog);
        let mut restored = Restored { found: !plate.bytes.is_empty(), ..Restored::default() };
        match image.read(&plate.bytes[..], plate.bytes.len() as u64).expect("memory can be read") {
            None => {}
            Some(Cut::Unfinished(bytes)) => restored.unfinished = bytes,
            Some(Cut::Damaged(bytes)) => {
                restored.damaged = Some((bytes, PathBuf::new()));
                image.begin_again(epoch);
            }
        }
        (restored.events, restored.members) = (image.ring.len(), image.guests());
        (image, restored)
    }

    /// A room to go on from what is there.
    pub(crate) fn saved(&self, epoch: Epoch, limits: LogLimits, backlog: usize) -> Saved {
        let (image, restored) = self.look(epoch, limits, backlog);
        let mut plate = self.plate();
        plate.bytes = batches(image.checkpoint());
        let disk = Box::new(Writing { platter: self.clone(), life: plate.life, next: None });
        Saved { image, disk, restored }
    }
}

/// The records of a checkpoint to be compared: without times, and in one order.
pub(crate) fn read_out(pieces: &[Vec<u8>]) -> Vec<String> {
    let mut out = Vec::new();
    for piece in pieces {
        let mut records = &piece[..];
        while !records.is_empty() {
            let (mut record, rest) = postcard::take_from_bytes::<Record<'_>>(records).expect("good records");
            match &mut record {
                Record::Held(entry) => entry.at = 0,
                Record::Seat(seat) => seat.since = 0,
                Record::Told { secs, .. } => *secs = 0,
                Record::Out(_, _, until) => *until = 0,
                _ => {}
            }
            out.push(format!("{record:?}"));
            records = rest;
        }
    }
    out.sort();
    out
}

/// The records of each batch of a good journal.
pub(crate) fn pieces_of(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk() {
        let (len, _) = super::disk::read_head(head).expect("a good journal");
        let (piece, rest) = rest.split_at(len as usize);
        pieces.push(piece.to_vec());
        bytes = rest;
    }
    pieces
}

pub(crate) fn batches(pieces: Vec<Vec<u8>>) -> Vec<u8> {
    pieces.iter().flat_map(|piece| [&super::disk::head(piece)[..], piece].concat()).collect()
}

impl Disk for Writing {
    fn commit(&mut self, records: &[u8]) -> io::Result<()> {
        let mut plate = self.platter.plate();
        if plate.life != self.life {
            return Err(io::Error::other("no power"));
        }
        match &mut plate.good {
            Some(0) => return Err(io::ErrorKind::StorageFull.into()),
            Some(good) => *good -= 1,
            None => {}
        }
        if plate.explodes_at.is_some_and(|at| plate.bytes.len() >= at) {
            drop(plate);
            panic!("a fault of the writer");
        }
        plate.bytes.extend(batches(vec![records.to_vec()]));
        plate.learn(records);
        Ok(())
    }

    fn replace(&mut self, pieces: Vec<Vec<u8>>) -> io::Result<()> {
        let from = self.platter.plate().bytes.len();
        self.next = Some((batches(pieces), from, from as u32 % 3));
        Ok(())
    }

    fn is_replacing(&self) -> bool {
        self.next.is_some()
    }

    fn advance(&mut self) -> io::Result<()> {
        let Some((mut bytes, from, left)) = self.next.take() else { return Ok(()) };
        let mut plate = self.platter.plate();
        if left > 0 {
            self.next = Some((bytes, from, left - 1));
        } else if plate.life == self.life {
            bytes.extend(&plate.bytes[from..]);
            plate.bytes = bytes;
            plate.checkpoints += 1;
        }
        Ok(())
    }

    fn is_eager(&self) -> bool {
        self.platter.eager
    }

    fn pace(&self) -> Option<Duration> {
        Some(self.platter.pace)
    }

    fn retire(&mut self) -> io::Result<PathBuf> {
        let mut plate = self.platter.plate();
        plate.retired |= plate.life == self.life;
        Ok(PathBuf::from("aside"))
    }
}
