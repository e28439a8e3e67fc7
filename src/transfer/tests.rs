//! Transfers over streams: between honest ends, and against ends that are written by hand.

mod cuts;
// mod desk;
mod disk;
mod honest;
// mod incoming;
mod receiver;
mod sender;

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use super::{
    downloads::Downloads,
    fetch::{Fetched, Order, fetch},
    message::Offer,
    record::{Then, write_control, write_manifest},
    serve::{Job, Served, serve},
    source::Source,
};
use crate::{
    dice::Dice,
    session::Member,
    stream::{Stream, pair},
    trust::scratch::Scratch,
    wire::{Instance, PublicKey},
};

/// Longer than anything here takes that is not meant to time out.
const LONG: Duration = Duration::from_secs(30);

/// For what is meant to.
const SHORT: Duration = Duration::from_millis(200);

fn member(of: u8) -> Member {
    Member { number: of.into(), key: PublicKey([of; 32]), instance: Instance([of; 16]), name: format!("member-{of}") }
}

/// The receiver's end and the sender's.
fn two() -> (Stream, Stream) {
    let (receiver, sender) = pair(member(1), member(2)).unwrap();
    receiver.set_patience(LONG).unwrap();
    sender.set_patience(LONG).unwrap();
    (receiver, sender)
}

fn content(len: usize) -> Vec<u8> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut bytes: Vec<u8> = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(&dice.below(u64::MAX).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// What one end has, and where the other one keeps it.
struct Place {
    scratch: Scratch,
    downloads: Arc<Downloads>,
}

impl Place {
    fn new() -> Self {
        let scratch = Scratch::in_memory();
        fs::create_dir(scratch.join("own")).unwrap();
        let downloads = Arc::new(Downloads::open(&scratch.join("got")).unwrap());
        Self { scratch, downloads }
    }

    fn own(&self, name: &str) -> PathBuf {
        self.scratch.join("own").join(name)
    }

    fn got(&self, name: &str) -> PathBuf {
        self.scratch.join("got").join(name)
    }

    /// A file with these bytes, and its offer.
    fn file(&self, name: &str, bytes: &[u8]) -> (Arc<Source>, Offer) {
        fs::write(self.own(name), bytes).unwrap();
        offered(&self.own(name))
    }

    fn order(&self, offer: &Offer) -> Order {
        Order {
            offer: offer.clone(),
            patterns: Vec::new(),
            downloads: self.downloads.clone(),
            paces: Default::default(),
            meter: Arc::default(),
            control: Arc::default(),
            patience: LONG,
        }
    }

    /// The names under which something was saved.
    fn saved(&self) -> Vec<String> {
        let names = fs::read_dir(self.scratch.join("got")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| !name.starts_with(".pchat-")).collect();
        names.sort();
        names
    }

    /// How many bytes wait for another attempt.
    fn partial(&self) -> u64 {
        self.downloads.partials().unwrap().1
    }
}

fn offered(path: &Path) -> (Arc<Source>, Offer) {
    let source = Source::open(path, &|| false).unwrap();
    let offer = Offer::of(&source);
    (Arc::new(source), offer)
}

fn job(source: &Arc<Source>, then: Then) -> Job {
    Job {
        name: source.name().to_owned(),
        source: source.clone(),
        then,
        paces: Default::default(),
        meter: Arc::default(),
        control: Arc::default(),
        patience: LONG,
        thrifty: false,
    }
}

/// Fetches from somebody who does what `sender` says, and then says that it is all.
fn fetched(order: &Order, then: Then, sender: impl FnOnce(&mut Stream) -> io::Result<()> + Send) -> Fetched {
    let (ours, mut theirs) = two();
    thread::scope(|scope| {
        scope.spawn(move || {
            // The receiver may have had enough before it was all said.
            let _ = sender(&mut theirs).and_then(|()| theirs.finish());
        });
        fetch(ours, order, then)
    })
}

/// Serves somebody who does what `receiver` says, and then is gone.
fn served<T: Send>(job: &Job, receiver: impl FnOnce(&mut Stream) -> T + Send) -> (Served, T) {
    let (mut theirs, ours) = two();
    thread::scope(|scope| {
        let receiving = scope.spawn(move || receiver(&mut theirs));
        let served = serve(ours, job);
        (served, receiving.join().unwrap())
    })
}

/// Two honest ends.
fn both(order: &Order, source: &Arc<Source>) -> (Fetched, Served) {
    let then = order.then().unwrap();
    both_for(order, source, then)
}

fn both_for(order: &Order, source: &Arc<Source>, then: Then) -> (Fetched, Served) {
    let job = job(source, then);
    let (ours, theirs) = two();
    thread::scope(|scope| {
        let serving = scope.spawn(|| serve(theirs, &job));
        let fetched = fetch(ours, order, then);
        (fetched, serving.join().unwrap())
    })
}

/// A record of any kind.
fn raw(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32).to_be_bytes(), body].concat()
}

fn data(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    bytes.chunks(100_000).try_for_each(|piece| out.write_all(&raw(2, piece)))
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}
