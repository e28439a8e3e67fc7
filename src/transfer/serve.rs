//! The sender's side of a stream that fetches an offer: one thread that reads the source, hashes it and writes it out.

use std::{
    io::{self, Write},
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use super::{
    control::{Control, Wish},
    manifest::{Manifest, Selection},
    meter::Meter,
    pace::{PIECE, Pace},
    record::{
        self, Control as Word, DataBuffer, Reader, Record, RecordError, Stop, Then, Wanted, write_control,
        write_manifest,
    },
    source::{ReadError, Source},
};
pub(super) use crate::limits::file::PATIENCE;
use crate::stream::Stream;

/// How often an end that reads its own disk says so.
pub(super) const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Bytes read at once by each of many streams.
const THRIFTY_PIECE: usize = 64 * 1024;

/// Longest time slept at once under a limit, after which wishes are heard again.
const NAP: Duration = Duration::from_millis(100);

/// What is served, and how.
pub(super) struct Job {
    /// The name of the offer, for people.
    pub(super) name: String,
    pub(super) source: Arc<Source>,
    pub(super) then: Then,
    pub(super) paces: [Arc<Pace>; 2],
    pub(super) meter: Arc<Meter>,
    pub(super) control: Arc<Control>,
    /// How long the receiver may take nothing, or say nothing when it is its turn.
    pub(super) patience: Duration,
    /// Whether there are so many that each takes less memory.
    pub(super) thrifty: bool,
}

/// How serving came to its end.
#[derive(Debug)]
pub(super) enum Served {
    /// Everything asked for is sent.
    All,
    /// Somebody at this end stopped it.
    Stopped,
    /// The source is not what was offered, or cannot be read; one line says how.
    Unreadable(String),
    /// The stream broke.
    Broken(RecordError),
}

/// Why serving ends early.
enum End {
    Broken(RecordError),
    Read(ReadError),
    Wish(Wish),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Broken(error.into())
    }
}

impl From<RecordError> for End {
    fn from(error: RecordError) -> Self {
        Self::Broken(error)
    }
}

impl From<ReadError> for End {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// Tells the opener of a stream why it gets nothing.
pub(super) fn refuse(mut stream: Stream, why: Stop, reason: &str) {
    let said = stream.set_patience(PATIENCE).and_then(|()| stop(&mut stream, why, reason));
    if let Err(error) = said.and_then(|()| stream.finish()) {
        tracing::debug!(%error, "a refusal was not heard");
    }
}

/// Serves the offer over the stream.
pub(super) fn serve(mut stream: Stream, job: &Job) -> Served {
    if let Err(error) = stream.set_patience(job.patience) {
        return Served::Broken(error.into());
    }
    let (served, said) = match give(&mut stream, job) {
        Ok(()) => (Served::All, Ok(())),
        Err(End::Broken(error)) => return Served::Broken(error),
        Err(End::Wish(wish)) => {
            let (why, reason) = match wish {
                Wish::Pause => (Stop::Paused, "its owner has paused it"),
                Wish::Cancel => (Stop::Cancelled, "its owner has cancelled it"),
                Wish::Go | Wish::Withdraw => (Stop::Unknown, "it is not offered any more"),
            };
            (Served::Stopped, stop(&mut stream, why, reason))
        }
        Err(End::Read(error)) => {
            let why = if is_change(&error) { Stop::Changed } else { Stop::Unreadable };
            let reason = explain(&error, &job.source);
            let said = stop(&mut stream, why, &reason);
            (Served::Unreadable(reason), said)
        }
    };
    match (served, said.and_then(|()| stream.finish())) {
        (Served::All, Err(error)) => Served::Broken(error.into()),
        // Why it ends is known here, whether the receiver has heard it or not.
        (served, _) => served,
    }
}

/// What is wrong with the source, in one line or, if several files are not what they were, some more.
fn explain(error: &ReadError, source: &Source) -> String {
    let mut text = error.to_string();
    if is_change(error) {
        // The first one is in the error.
        let others: Vec<String> =
            source.differences().into_iter().filter(|other| !text.contains(other.as_str())).collect();
        if !others.is_empty() {
            text = format!("{text}; also {}", others.join(", "));
        }
    }
    text
}

fn is_change(error: &ReadError) -> bool {
    matches!(error, ReadError::Changed { .. })
}

fn stop(out: &mut impl Write, why: Stop, reason: &str) -> io::Result<()> {
    write_control(out, &Word::Stopped { why, reason: record::reason(reason) })
}

fn give(stream: &mut Stream, job: &Job) -> Result<(), End> {
    write_manifest(stream, job.source.manifest().bytes())?;
    let manifest = job.source.manifest();
    let Wanted { selection, total, have } = match job.then {
        Then::List => return Ok(()),
        Then::Take => Wanted { selection: Selection::All, total: manifest.total(), have: None },
        Then::Ask => hear(stream, manifest)?,
    };
    let mut hasher = blake3::Hasher::new();
    let mut buffer = DataBuffer::new(if job.thrifty { THRIFTY_PIECE } else { PIECE });
    let mut from = 0;
    if let Some((have, hash)) = have {
        job.meter.begin(0, total);
        if compare(stream, job, &selection, have, &mut hasher, &mut buffer)? && hasher.finalize() == hash {
            from = have;
        } else {
            hasher.reset();
        }
    }
    write_control(stream, &Word::From(from))?;
    job.meter.begin(from, total);
    let mut reader = job.source.reader(&selection, from)?;
    loop {
        let piece = job.paces.iter().map(|pace| pace.piece()).min().unwrap_or(PIECE);
        let len = reader.read(buffer.room(piece))?;
        heed(&job.control)?;
        if len == 0 {
            break;
        }
        hasher.update(buffer.data(len));
        buffer.write(len, stream)?;
        job.meter.add(len);
        pass(&job.paces, len, &job.control)?;
    }
    write_control(stream, &Word::End(*hasher.finalize().as_bytes()))?;
    Ok(())
}

/// What the receiver wants.
fn hear(stream: &mut Stream, manifest: &Manifest) -> Result<Wanted, End> {
    let mut words = Reader::new(stream);
    loop {
        match words.take()? {
            Record::Control(Word::Checking(_)) => {}
            Record::Control(Word::Want { selection, have, hash }) => {
                let wanted = Wanted::check(&selection, have, hash, manifest);
                return Ok(wanted.map_err(|_| RecordError::Malformed)?);
            }
            _ => return Err(RecordError::Malformed.into()),
        }
    }
}

/// Hashes the first `have` bytes. Says whether the source has them as offered: what has changed here cannot be what
/// the receiver has.
fn compare(
    stream: &mut Stream,
    job: &Job,
    selection: &Selection,
    have: u64,
    hasher: &mut blake3::Hasher,
    buffer: &mut DataBuffer,
) -> Result<bool, End> {
    let mut reader = job.source.reader(selection, 0)?;
    let (mut rest, mut told) = (have, Instant::now());
    while rest > 0 {
        heed(&job.control)?;
        let most = usize::try_from(rest).unwrap_or(PIECE).min(PIECE);
        let len = reader.read(buffer.room(most))?;
        if len == 0 {
            return Ok(false);
        }
        hasher.update(buffer.data(len));
        rest -= len as u64;
        if told.elapsed() >= SIGN_OF_LIFE {
            told = Instant::now();
            write_control(stream, &Word::Checking(have - rest))?;
        }
    }
    Ok(true)
}

fn heed(control: &Control) -> Result<(), End> {
    match control.wish() {
        Wish::Go => Ok(()),
        wish => Err(End::Wish(wish)),
    }
}

/// Waits until more may move, or until something else is wanted.
fn pass(paces: &[Arc<Pace>], len: usize, control: &Control) -> Result<(), End> {
    wait(paces, len, || heed(control))
}

/// Waits until more may move at these paces after `len` bytes have, unless `heed` says that something else matters.
pub(super) fn wait<E>(paces: &[Arc<Pace>], len: usize, heed: impl Fn() -> Result<(), E>) -> Result<(), E> {
    let now = Instant::now();
    for pace in paces {
        let (rate, until) = (pace.rate(), now + pace.pass(len, now));
        // A limit that is changed meanwhile counts at once.
        while Instant::now() < until && pace.rate() == rate {
            heed()?;
            sleep(until.saturating_duration_since(Instant::now()).min(NAP));
        }
    }
    Ok(())
}
