//! Receiving an offer: tries until it is there, or somebody or something says otherwise.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{sync::oneshot, task::spawn_blocking, time::timeout};

use super::{
    Desk, Hint,
    incoming::{Course, shown},
    told::{self, about},
};
use crate::{
    command::{Context, Result},
    session::Member,
    size::Size,
    stream::StreamError,
    transfer::{
        control::{Control, Wish},
        downloads::Saved,
        fetch::{self, Fetched, Order, pause},
        manifest::Manifest,
        message::{Message, Offer, Report},
        record::{Purpose, Stop, Then},
        serve::PATIENCE,
    },
    trust::{Fingerprint, Mark},
    view::{Line, Manner, Privacy, Said},
    wire::encode_body,
};

/// How many bytes and lines of a text file are also shown in the talk.
const SHOWN_BYTES: u64 = 4096;
const SHOWN_LINES: usize = 20;

/// How long the owner of an offer has to list what it holds: somebody waits for it at the prompt.
const LISTING: Duration = Duration::from_secs(30);

/// What a try came to.
enum Tried {
    /// It is over, in this way.
    Over(Fetched),
    /// Another try may succeed.
    Again(String),
}

/// What the end of a transfer means.
struct Verdict {
    course: Course,
    /// What this end's person reads.
    line: Option<Line>,
    /// What the owner is told.
    report: Option<Report>,
}

/// What is to be received, as it is now: the offer may have come back under another number.
struct Task {
    owner: Member,
    tag: u32,
    up: bool,
    order: Arc<Order>,
    cx: Context,
}

impl Desk {
    /// Begins to receive an offer, or what of it the patterns name, if it is up and `may` be received as it is now: what
    /// came between asking and answering counts. Says whether it does.
    pub(super) fn start(&self, id: u64, patterns: Vec<String>, may: impl FnOnce(&Course) -> bool) -> bool {
        let cx = self.with(|state| {
            let theirs = state.theirs.get_mut(&id)?;
            if !theirs.up || theirs.is_busy() || !may(&theirs.state) {
                return None;
            }
            theirs.resumed = false;
            theirs.patterns = patterns;
            theirs.state = Course::Waiting;
            theirs.control = Arc::new(Control::default());
            theirs.meter.begin(0, theirs.offer.bytes);
            Some(theirs.cx.clone())
        });
        let Some(cx) = cx else { return false };
        self.mark();
        self.show(&cx);
        let desk = self.clone();
        cx.spawn(async move |cx| {
            desk.receive(id, &cx).await;
            desk.mark();
            Ok(())
        });
        true
    }

    fn course(&self, id: u64, course: Course) {
        self.with(|state| {
            if let Some(theirs) = state.theirs.get_mut(&id) {
                theirs.state = course;
            }
        });
    }

    async fn task(&self, id: u64) -> Result<Option<Task>> {
        let downloads = self.downloads().await?;
        Ok(self.with_quietly(|state| {
            let theirs = state.theirs.get(&id)?;
            let order = Order {
                offer: theirs.offer.clone(),
                patterns: theirs.patterns.clone(),
                downloads,
                paces: [theirs.pace.clone(), self.0.pace.clone()],
                meter: theirs.meter.clone(),
                control: theirs.control.clone(),
                patience: PATIENCE,
            };
            let (owner, cx) = (theirs.from.clone(), theirs.cx.clone());
            Some(Task { owner, tag: theirs.tag, up: theirs.up, order: Arc::new(order), cx })
        }))
    }

    /// Tries until it is over.
    async fn receive(&self, id: u64, cx: &Context) {
        let control = self.with_quietly(|state| state.theirs.get(&id).map(|theirs| theirs.control.clone()));
        let Some(control) = control else { return };
        let mut tries = 0;
        loop {
            // Taken for a try only: a stream that breaks again and again keeps nobody else waiting.
            let slot = tokio::select! {
                slot = self.0.slots.acquire() => slot.ok(),
                () = unwanted(&control) => None,
            };
            if control.wish() != Wish::Go {
                return self.over(id, Fetched::Wished(control.wish()), cx).await;
            }
            let task = match self.task(id).await {
                Ok(Some(task)) => task,
                Ok(None) => return,
                Err(error) => return self.over(id, Fetched::Refused(format!("{error:#}")), cx).await,
            };
            let before = task.order.meter.moved();
            let tried = if task.up { self.attempt(id, &task).await } else { Tried::Again("its owner is away".into()) };
            match tried {
                Tried::Over(fetched) => return self.over(id, fetched, cx).await,
                Tried::Again(reason) => {
                    tracing::info!(reason, tries, "an offer is tried again");
                    self.course(id, Course::Broken);
                    tries = if task.order.meter.moved() > before { 0 } else { tries + 1 };
                }
            }
            drop(slot);
            // A wish ends the wait, and so does the owner's return.
            let _ = timeout(pause(tries), control.changed()).await;
        }
    }

    /// One try.
    async fn attempt(&self, id: u64, task: &Task) -> Tried {
        let order = task.order.clone();
        let then = match spawn_blocking(move || order.then()).await {
            Ok(Ok(then)) => then,
            Ok(Err(reason)) => return Tried::Over(Fetched::Refused(reason)),
            Err(error) => return Tried::Over(Fetched::Failed(error.to_string())),
        };
        let purpose = encode_body(&Purpose { tag: task.tag, then });
        let stream = match task.cx.open_stream(&task.owner, purpose).await {
            Ok(stream) => stream,
            Err(StreamError::Temporary(reason)) => return Tried::Again(reason),
            Err(StreamError::Final(reason)) => return Tried::Over(Fetched::Failed(reason)),
        };
        task.order.control.uses(Some(stream.closer()));
        // One that came while there was no stream to interrupt.
        if let wish @ (Wish::Pause | Wish::Cancel | Wish::Withdraw) = task.order.control.wish() {
            return Tried::Over(Fetched::Wished(wish));
        }
        self.course(id, Course::Receiving);
        let (over, fetched) = oneshot::channel();
        let order = task.order.clone();
        task.cx.thread(move |_| {
            // Nobody listens when the session is over; what came is on the disk.
            let _ = over.send(fetch::fetch(stream, &order, then));
            Ok(())
        });
        let fetched = fetched.await;
        task.order.control.uses(None);
        match fetched {
            Ok(Fetched::Broken(reason)) => Tried::Again(reason),
            Ok(Fetched::Stopped(Stop::Busy, reason)) => Tried::Again(reason),
            Ok(Fetched::Stopped(Stop::Paused, reason)) if self.went_on(id) => Tried::Again(reason),
            Ok(fetched) => Tried::Over(fetched),
            Err(_) => Tried::Over(Fetched::Failed("it was interrupted".to_owned())),
        }
    }

    /// Whether the owner has gone on before we heard that it had paused.
    fn went_on(&self, id: u64) -> bool {
        self.with_quietly(|state| state.theirs.get_mut(&id).is_some_and(|theirs| std::mem::take(&mut theirs.resumed)))
    }

    /// Tells the person and the owner how it came to its end.
    pub(super) async fn over(&self, id: u64, fetched: Fetched, cx: &Context) {
        let known = self.with_quietly(|state| {
            let theirs = state.theirs.get(&id)?;
            Some((theirs.offer.clone(), theirs.from.clone(), theirs.tag, theirs.number, theirs.private))
        });
        let Some((offer, from, tag, number, private)) = known else { return };
        let Verdict { course, line, report } = self.judge(&fetched, &offer, (&from, number));
        if course == Course::Cancelled && report.is_some() {
            self.forget_partial(id).await;
        }
        let failed = course.clone();
        let is_error = matches!(line, Some(Line::Error(_)));
        // First, so that whoever reads the line finds it so.
        self.with(|state| {
            if let Some(theirs) = state.theirs.get_mut(&id) {
                (theirs.state, theirs.telling) = (course, true);
            }
        });
        line.into_iter().for_each(|line| cx.show(line));
        if let Course::Failed(reason) | Course::Paused(reason) = &failed {
            let kind = if matches!(failed, Course::Failed(_)) { "failed" } else { "paused" };
            if is_error {
                cx.event(told::from(about(kind, "", Some(number), &offer), &from).with("reason", &**reason));
            }
        }
        if let Fetched::Saved(saved, ..=SHOWN_BYTES) = &fetched
            && offer.folder.is_none()
            && !cx.ignores(&from.key)
        {
            self.show_text(saved.clone(), &offer, &from, private, cx).await;
        }
        // The owner may be gone, and then needs no word.
        if let Some(report) = report
            && let Err(error) = self.context(cx).send_to(&from, Message::report(tag, report).encode()).await
        {
            tracing::debug!(%error, "the owner of an offer was not told");
        }
        self.with(|state| state.theirs.get_mut(&id).map(|theirs| theirs.telling = false));
    }

    /// What the end of a try means: for this end, its person, and the owner.
    fn judge(&self, fetched: &Fetched, offer: &Offer, (from, number): (&Member, u32)) -> Verdict {
        let (name, who) = (offer.shown(), &from.name);
        let go_on = self.hint(Hint::GoOn(number));
        let event = |kind, text: String| told::from(about(kind, text, Some(number), offer), from);
        let notice = |kind, text: String| Some(Line::Event(event(kind, text)));
        let not_received = |reason: &str| Some(Line::Error(format!("{name} from {who} was not received: {reason}")));
        let (course, line, report) = match fetched {
            Fetched::Saved(saved, len) => {
                let text = format!("saved {} ({} from {who})", shown(&saved.path), Size(*len));
                let line = event("saved", text).with("path", saved.path.to_string_lossy()).with("already", false);
                let line = line.with("bytes", *len);
                let line = match saved.hash {
                    Some(hash) => line.with("hash", blake3::Hash::from_bytes(hash).to_hex().as_str()),
                    None => line,
                };
                (Course::Saved(saved.path.clone()), Some(Line::Event(line)), Some(Report::Saved))
            }
            Fetched::Present(path) => {
                let text = format!("{name} from {who} is there already: {}", shown(path));
                let line = event("saved", text).with("path", path.to_string_lossy()).with("already", true);
                (Course::Present(path.clone()), Some(Line::Event(line)), Some(Report::Present))
            }
            Fetched::Full(reason) => {
                let line = Line::Error(format!("{name} from {who} is paused: {reason}; {go_on}"));
                (Course::Paused(reason.clone()), Some(line), Some(Report::Paused(reason.clone())))
            }
            Fetched::Failed(reason) => {
                (Course::Failed(reason.clone()), not_received(reason), Some(Report::Failed(reason.clone())))
            }
            // The owner need not know what is called how on this disk.
            Fetched::Refused(reason) => {
                let told = Report::Failed("it cannot be kept there".to_owned());
                (Course::Failed(reason.clone()), not_received(reason), Some(told))
            }
            Fetched::Broken(reason) => (Course::Failed(reason.clone()), None, None),
            Fetched::Wished(Wish::Pause) => {
                let line = notice("paused", format!("{name} is paused; {go_on}"));
                (Course::Paused(String::new()), line, Some(Report::Paused(String::new())))
            }
            Fetched::Wished(Wish::Cancel) => {
                (Course::Cancelled, notice("cancelled", format!("{name} is cancelled")), Some(Report::Cancelled))
            }
            Fetched::Wished(_) | Fetched::Stopped(Stop::Unknown, _) => {
                let line = format!("{name} of {who} is not offered any more; what came is kept for another time");
                (Course::Failed("not offered any more".to_owned()), notice("withdrawn", line), None)
            }
            Fetched::Stopped(Stop::Paused, _) => {
                (Course::PausedThere, notice("paused", format!("{who} has paused {name}")), None)
            }
            Fetched::Stopped(Stop::Cancelled, _) => {
                (Course::Cancelled, notice("cancelled", format!("{who} has cancelled {name}")), None)
            }
            Fetched::Stopped(_, reason) => {
                let reason = crate::view::filter::clean(reason);
                (Course::Failed(reason.to_string()), not_received(&reason), None)
            }
        };
        Verdict { course, line, report }
    }

    /// Throws away what came of an offer that is not wanted any more.
    async fn forget_partial(&self, id: u64) {
        let Ok(Some(task)) = self.task(id).await else { return };
        let order = task.order;
        // What stays is thrown away when it is old.
        let _ = spawn_blocking(move || order.forget()).await;
    }

    /// Shows a short text file as what its owner says.
    async fn show_text(&self, saved: Saved, offer: &Offer, from: &Member, private: bool, cx: &Context) {
        let Ok(downloads) = self.downloads().await else { return };
        let read = spawn_blocking(move || downloads.read_small(&saved, SHOWN_BYTES as usize)).await;
        let Ok(Ok(bytes)) = read else { return };
        let Some(text) = as_text(&bytes) else { return };
        let privacy = if private { Privacy::Private } else { Privacy::Room };
        let text = format!("[{}]\n{text}", offer.shown());
        let verified = cx.people().is(&from.key, Mark::Verified);
        let (name, key, at) = (from.name.clone(), Fingerprint::of(&from.key), Timestamp::now());
        let (own, past, manner) = (false, false, Manner::Says);
        cx.show(Line::Said(Said { name, key, verified, privacy, own, manner, at, past, text }));
    }

    /// What an offer holds, asked of its owner.
    ///
    /// # Errors
    ///
    /// If its owner cannot be asked.
    pub(super) async fn fetch_list(&self, id: u64) -> Result<Arc<Manifest>> {
        let listed = self.with_quietly(|state| state.listed.clone());
        if let Some((_, manifest)) = listed.filter(|(listed, _)| *listed == id) {
            return Ok(manifest);
        }
        let found = self.with_quietly(|state| {
            state
                .theirs
                .get(&id)
                .map(|theirs| (theirs.from.clone(), theirs.tag, theirs.offer.clone(), theirs.cx.clone()))
        });
        let Some((from, tag, offer, cx)) = found else { anyhow::bail!("it is not offered any more") };
        let purpose = encode_body(&Purpose { tag, then: Then::List });
        let stream = cx.open_stream(&from, purpose).await?;
        let (over, read) = oneshot::channel();
        let closer = stream.closer();
        cx.thread(move |_| {
            let _ = over.send(fetch::list(stream, &offer));
            Ok(())
        });
        let Ok(read) = timeout(LISTING, read).await else {
            closer.close();
            anyhow::bail!("{} takes too long to list it", from.name);
        };
        let manifest = Arc::new(read?.map_err(anyhow::Error::msg)?);
        self.with(|state| state.listed = Some((id, manifest.clone())));
        Ok(manifest)
    }
}

/// Waits until it is not wanted any more.
async fn unwanted(control: &Control) {
    while control.wish() == Wish::Go {
        control.changed().await;
    }
}

/// The text of a short file: UTF-8 without control characters but line ends and tabs.
fn as_text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?.trim_end_matches(['\n', '\r']);
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    (!text.trim().is_empty() && !text.contains(control) && text.lines().count() <= SHOWN_LINES).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_is_shown_and_nothing_else() {
        assert_eq!(as_text("grüß\tdich\r\nbob\n\n".as_bytes()), Some("grüß\tdich\r\nbob"));
        assert_eq!(as_text("x\n".repeat(20).as_bytes()), Some(&"x\n".repeat(20)[..39]));
        for bytes in [&b""[..], b" \n", b"\xff", b"a\0b", b"\x1b[2J", "x\n".repeat(21).as_bytes()] {
            assert_eq!(as_text(bytes), None, "{bytes:?}");
        }
    }
}
