//! A disk in memory that forgets what was not synced when its power goes.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use super::{
    Record, Restored, Saved,
    disk::Disk,
    image::{Cut, Image},
};
use crate::{room::log::LogLimits, wire::Epoch};

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
                image.epoch = epoch;
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
                Record::Held(entry) => entry.secs = 0,
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

fn batches(pieces: Vec<Vec<u8>>) -> Vec<u8> {
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
        self.platter.plate().retired = true;
        Ok(PathBuf::from("aside"))
    }
}
