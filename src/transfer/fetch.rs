//! The receiver's side of a stream that fetches an offer: one thread that reads, checks and writes to the disk.

use std::{
    io,
    ops::ControlFlow,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    control::{Control, Wish},
    downloads::{DiskError, Downloads, Key, Kind, Plan, PlanError, Saved, Staging},
    manifest::{Builder, Manifest, ManifestError, PatternError, Selection},
    message::Offer,
    meter::Meter,
    name::{NameError, Place, received},
    pace::Pace,
    record::{CHUNK, Control as Word, MAX_RECORD_LEN, Reader, Record, RecordError, Stop, Then, write_control},
    serve::{PATIENCE, SIGN_OF_LIFE, wait},
};
use crate::{stream::Stream, view::filter::clean};

/// Room for what stands before the selection in a [`Word::Want`], in bytes.
const WANT_HEAD_LEN: usize = 64;

/// What is fetched, and how.
pub(super) struct Order {
    pub(super) offer: Offer,
    /// What of a folder; everything if empty.
    pub(super) patterns: Vec<String>,
    pub(super) downloads: Arc<Downloads>,
    pub(super) paces: [Arc<Pace>; 2],
    pub(super) meter: Arc<Meter>,
    pub(super) control: Arc<Control>,
    /// How long the sender may say nothing.
    pub(super) patience: Duration,
}

/// How fetching came to its end.
#[derive(Debug)]
pub(super) enum Fetched {
    /// It is there, whole and checked.
    Saved(Saved, u64),
    /// The same was there already.
    Present(PathBuf),
    /// The sender stopped it.
    Stopped(Stop, String),
    /// Somebody at this end stopped it.
    Wished(Wish),
    /// The disk is full; what came is kept.
    Full(String),
    /// It cannot be received; one line says why.
    Failed(String),
    /// The disk here does not take it; one line says why, for this end alone.
    Refused(String),
    /// The stream broke; what came is kept.
    Broken(String),
}

/// How long the sender has to part in good order, which it does at once unless something is wrong with it.
const FAREWELL: Duration = Duration::from_secs(5);

/// What has come, whole and checked.
enum Whole {
    /// To be given its name.
    Staged(Box<Staging>, u64, [u8; 32]),
    /// The same was there already.
    There(PathBuf),
}

/// Why fetching ends early.
enum End {
    Fetched(Fetched),
    Wish(Wish),
}

impl End {
    fn failed(reason: impl ToString) -> Self {
        Self::Fetched(Fetched::Failed(reason.to_string()))
    }
}

impl From<RecordError> for End {
    fn from(error: RecordError) -> Self {
        Self::Fetched(match error {
            RecordError::Io(error) => Fetched::Broken(error.to_string()),
            RecordError::Malformed => Fetched::Failed("its owner's pchat breaks the protocol".to_owned()),
        })
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        RecordError::Io(error).into()
    }
}

impl From<DiskError> for End {
    fn from(error: DiskError) -> Self {
        Self::Fetched(match error {
            DiskError::Full { .. } => Fetched::Full("the disk is full".to_owned()),
            error => Fetched::Refused(error.to_string()),
        })
    }
}

macro_rules! fails_with {
    ($($error:ty),*) => {
        $(impl From<$error> for End {
            fn from(error: $error) -> Self {
                Self::failed(error)
            }
        })*
    };
}
fails_with!(ManifestError, PatternError, NameError, PlanError);

impl Order {
    fn kind(&self) -> Kind {
        if self.offer.folder.is_some() { Kind::Folder } else { Kind::File }
    }

    /// What names the place on the disk where this is put together: the same offer, made again by anybody, goes on there.
    fn key(&self) -> Key {
        let mut hasher = blake3::Hasher::new();
        let files = self.offer.folder.as_ref().map_or(0, |folder| folder.files);
        for part in
            [&self.offer.bytes.to_le_bytes()[..], &files.to_le_bytes(), &[u8::from(self.offer.folder.is_some())]]
        {
            hasher.update(part);
        }
        hasher.update(self.offer.name.as_bytes());
        for pattern in &self.patterns {
            hasher.update(&[0]).update(pattern.as_bytes());
        }
        let mut key = [0; 16];
        key.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Key(key)
    }

    /// What to open the stream for: if there is something to compare or to choose, the sender waits for us.
    pub(super) fn then(&self) -> Result<Then, String> {
        let top = received(&self.offer.name, Place::Top).map_err(|error| error.to_string())?;
        let unknown = |error| format!("could not look for what came so far: {error}");
        let nothing = self.patterns.is_empty()
            && !self.downloads.has_partial(&self.key()).map_err(unknown)?
            && !self.downloads.has(&top);
        Ok(if nothing { Then::Take } else { Then::Ask })
    }
}

impl Order {
    /// Throws away what came of it.
    pub(super) fn forget(&self) {
        thrown(self.downloads.forget(&self.key()));
    }
}

/// Fetches what is ordered over the stream, which was opened for `then`.
pub(super) fn fetch(mut stream: Stream, order: &Order, then: Then) -> Fetched {
    let got = match stream.set_patience(order.patience) {
        Ok(()) => take(&mut stream, order, then),
        Err(error) => Err(error.into()),
    };
    // The sender has said its last word and waits to hear that it has come. Anything else is cut off.
    match &got {
        Ok(_) | Err(End::Fetched(Fetched::Stopped(..))) => part(stream, order.patience),
        Err(_) => drop(stream),
    }
    let fetched = got.and_then(|whole| match whole {
        Whole::Staged(staging, len, hash) => Ok(Fetched::Saved(Saved { hash: Some(hash), ..staging.save()? }, len)),
        Whole::There(path) => Ok(Fetched::Present(path)),
    });
    match (fetched, order.control.wish()) {
        // A stream that we closed ourselves has not broken.
        (Err(End::Fetched(Fetched::Broken(_))), wish) if wish != Wish::Go => Fetched::Wished(wish),
        (Ok(fetched) | Err(End::Fetched(fetched)), _) => fetched,
        (Err(End::Wish(wish)), _) => Fetched::Wished(wish),
    }
}

fn part(stream: Stream, patience: Duration) {
    let parted = stream.set_patience(patience.min(FAREWELL)).and_then(|()| stream.finish());
    if let Err(error) = parted {
        tracing::debug!(%error, "a sender did not part in good order");
    }
}

/// Reads what an offer holds, without fetching it.
pub(super) fn list(mut stream: Stream, offer: &Offer) -> Result<Manifest, String> {
    let read = stream.set_patience(PATIENCE).map_err(End::from).and_then(|()| {
        let mut records = Reader::new(&mut stream);
        manifest(&mut records, offer)
    });
    if read.is_ok() {
        part(stream, PATIENCE);
    }
    read.map_err(|end| match end {
        End::Fetched(Fetched::Broken(reason) | Fetched::Failed(reason)) => reason,
        End::Fetched(Fetched::Stopped(_, reason)) => clean(&reason).into_owned(),
        _ => "it was stopped".to_owned(),
    })
}

fn take(stream: &mut Stream, order: &Order, then: Then) -> Result<Whole, End> {
    let mut records = Reader::new(stream);
    let manifest = Arc::new(manifest(&mut records, &order.offer)?);
    let selection = match &order.patterns[..] {
        [] => Selection::All,
        patterns => Selection::matching(&manifest, patterns)?,
    };
    let top = received(&order.offer.name, Place::Top)?;
    let plan = Plan::new(order.kind(), top, manifest, selection.clone())?;
    let mut hasher = blake3::Hasher::new();
    let mut have = 0;
    let mut there = None;
    let mut staging = order.downloads.stage(&order.key(), plan.clone())?;
    if then == Then::Ask {
        if let Some(existing) = order.downloads.existing(&plan) {
            have = plan.content_len();
            let mut check = Check::new(records.get_mut(), order, &mut hasher);
            let fed = existing.hash(have, &mut |bytes| check.feed(bytes));
            // What cannot be read is not what is offered.
            match check.over(fed)? {
                true => there = Some(existing.path()),
                false => (have, hasher) = (0, blake3::Hasher::new()),
            }
        }
        if there.is_none() {
            // Not the stream's fault, which would be tried again.
            let present = staging.present().map_err(|error| {
                let reason = format!("could not look at what came so far: {error}");
                End::Fetched(Fetched::Refused(reason))
            })?;
            have = if present == plan.content_len() { present } else { present - present % CHUNK };
            let mut check = Check::new(records.get_mut(), order, &mut hasher);
            let fed = staging.hash(have, &mut |bytes| check.feed(bytes));
            if !check.over(fed)? {
                (have, hasher) = (0, blake3::Hasher::new());
            }
        }
        let selection = match &selection {
            Selection::All => Vec::new(),
            selection => selection.encode(),
        };
        if selection.len() > MAX_RECORD_LEN - WANT_HEAD_LEN {
            return Err(End::failed("what the patterns name is too scattered; take whole folders of it"));
        }
        let hash = *hasher.finalize().as_bytes();
        write_control(records.get_mut(), &Word::Want { selection: selection.into(), have, hash })?;
    }
    let from = from(&mut records)?;
    if from != have {
        if from != 0 {
            return Err(RecordError::Malformed.into());
        }
        there = None;
        hasher.reset();
    }
    order.meter.begin(from, plan.content_len());
    if there.is_none() {
        staging.begin(from)?;
    }
    let staged = there.is_none().then_some(&mut staging);
    let whole = content(&mut records, order, staged, &mut hasher, plan.content_len() - from)?;
    if hasher.finalize() != whole {
        // What is on the disk was written as it came, so it is worth nothing.
        thrown(staging.discard());
        return Err(End::failed("what came is not what was sent: the hashes differ; try again"));
    }
    Ok(match there {
        Some(path) => {
            thrown(staging.discard());
            Whole::There(path)
        }
        None => Whole::Staged(Box::new(staging), plan.content_len(), whole),
    })
}

/// What cannot be thrown away now is thrown away when it is old.
fn thrown(result: io::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(%error, "a partial file stays");
    }
}

/// Reads the manifest, which must be that of the offer.
fn manifest(records: &mut Reader<&mut Stream>, offer: &Offer) -> Result<Manifest, End> {
    let mut builder = Builder::new();
    let manifest = loop {
        match records.take()? {
            Record::Page(page) => builder.extend(page)?,
            Record::Control(Word::Listed) => break builder.finish()?,
            Record::Control(Word::Stopped { why, reason }) => return Err(End::Fetched(Fetched::Stopped(why, reason))),
            _ => return Err(RecordError::Malformed.into()),
        }
    };
    let as_offered = manifest.total() == offer.bytes
        && match &offer.folder {
            None => manifest.only_file().is_some_and(|file| file.name == offer.name),
            Some(folder) => folder.are_of(&manifest),
        };
    if as_offered { Ok(manifest) } else { Err(End::failed("what is sent is not what was offered")) }
}

/// Where the content begins.
fn from(records: &mut Reader<&mut Stream>) -> Result<u64, End> {
    loop {
        match records.take()? {
            Record::Control(Word::Checking(_)) => {}
            Record::Control(Word::From(from)) => return Ok(from),
            Record::Control(Word::Stopped { why, reason }) => return Err(End::Fetched(Fetched::Stopped(why, reason))),
            _ => return Err(RecordError::Malformed.into()),
        }
    }
}

/// Takes the rest of the content, and returns the hash that the sender has of all of it.
fn content(
    records: &mut Reader<&mut Stream>,
    order: &Order,
    mut staging: Option<&mut Staging>,
    hasher: &mut blake3::Hasher,
    mut rest: u64,
) -> Result<[u8; 32], End> {
    loop {
        let heed = || match order.control.wish() {
            Wish::Go => Ok(()),
            wish => Err(End::Wish(wish)),
        };
        heed()?;
        match records.take()? {
            Record::Data(bytes) => {
                rest = rest.checked_sub(bytes.len() as u64).ok_or(RecordError::Malformed)?;
                hasher.update(bytes);
                if let Some(staging) = &mut staging {
                    staging.write(bytes)?;
                }
                order.meter.add(bytes.len());
                wait(&order.paces, bytes.len(), heed)?;
            }
            Record::Control(Word::End(hash)) if rest == 0 => return Ok(hash),
            Record::Control(Word::Stopped { why, reason }) => return Err(End::Fetched(Fetched::Stopped(why, reason))),
            Record::Control(_) | Record::Page(_) => return Err(RecordError::Malformed.into()),
        }
    }
}

/// Hashes what is on the disk while the sender waits, and tells it that we live.
struct Check<'a> {
    stream: &'a mut Stream,
    order: &'a Order,
    hasher: &'a mut blake3::Hasher,
    done: u64,
    told: Instant,
    end: Option<End>,
}

impl<'a> Check<'a> {
    fn new(stream: &'a mut Stream, order: &'a Order, hasher: &'a mut blake3::Hasher) -> Self {
        Self { stream, order, hasher, done: 0, told: Instant::now(), end: None }
    }

    fn feed(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        self.hasher.update(bytes);
        self.done += bytes.len() as u64;
        let wish = self.order.control.wish();
        if wish != Wish::Go {
            self.end = Some(End::Wish(wish));
            return ControlFlow::Break(());
        }
        if self.told.elapsed() >= SIGN_OF_LIFE {
            self.told = Instant::now();
            if let Err(error) = write_control(self.stream, &Word::Checking(self.done)) {
                self.end = Some(error.into());
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// Whether all of it was read.
    fn over(self, fed: io::Result<ControlFlow<()>>) -> Result<bool, End> {
        match self.end {
            Some(end) => Err(end),
            None => Ok(matches!(fed, Ok(ControlFlow::Continue(())))),
        }
    }
}

/// The time between two tries to get a broken stream again, as they fail one after the other.
pub(super) fn pause(tries: u32) -> Duration {
    Duration::from_millis(500).saturating_mul(1 << tries.min(4)).min(Duration::from_secs(5))
}
