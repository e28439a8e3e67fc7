//! What a session's events come to: lines for the person, and calls of the commands' handlers.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{namesakes::Namesakes, redial::Redial, title::Title};
use crate::limits::screen::MAX_UNKNOWN;
use crate::{
    command::{Context, Entry, Member, Message},
    registry::Registry,
    session::{Ending, Incoming, MemberEvent, SessionEvent, Withdrawal},
    trust::Fingerprint,
    view::{Event, View},
    wire::{Departure, Refusal, Term},
};

/// Hears of a room that moves, besides the person.
pub(super) type OnMoved = Box<dyn Fn(u16) + Send + Sync>;

/// How far in we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// The room has not answered yet.
    Outside,
    /// Somebody is being asked.
    AtTheDoor,
    /// We are in.
    Inside,
}

/// Turns events into lines and calls, one at a time.
pub(super) struct Listener {
    pub(super) registry: Registry,
    pub(super) cx: Context,
    pub(super) view: Arc<dyn View>,
    pub(super) stage: watch::Sender<Stage>,
    pub(super) on_moved: Option<OnMoved>,
    /// Whether the room has refused something.
    pub(super) refused: Arc<AtomicBool>,
    unknown: HashSet<(String, String)>,
    namesakes: Namesakes,
    cut: bool,
    redial: Redial,
    title: Title,
}

impl Listener {
    pub(super) fn new(registry: Registry, cx: Context, view: Arc<dyn View>, on_moved: Option<OnMoved>) -> Self {
        let (unknown, namesakes, cut) = (HashSet::new(), Namesakes::default(), false);
        let (redial, title) = (Redial::new(&cx), Title::default());
        let (stage, refused) = (watch::Sender::new(Stage::Outside), Arc::default());
        Self { registry, cx, view, stage, on_moved, refused, unknown, namesakes, cut, redial, title }
    }

    /// Handles an event. Returns how the session ended, if that is what happened.
    pub(super) async fn event(&mut self, event: SessionEvent) -> Option<Ending> {
        match event {
            SessionEvent::Waiting { name } => {
                self.stage.send_replace(Stage::AtTheDoor);
                let text = format!("you wait at the door as {name}: the host is being asked");
                self.cx.event(Event::new("waiting", text).with("name", name));
            }
            SessionEvent::Proved => {
                let text = "the code is right, and the room has proved that it knows it, too";
                self.cx.event(Event::new("proved", text));
            }
            SessionEvent::Slowed { rate } => self.cx.event(match rate {
                Some(rate) => Event::new(
                    "slowed",
                    format!(
                        "this room takes about {rate} lines a second from one member: what you say waits its turn, and \
                         none is lost"
                    ),
                )
                .with("rate", rate),
                None => Event::new("slowed", "this is more than the room takes at once: what you ask waits its turn"),
            }),
            SessionEvent::Entered { members, host } => self.enter(members, &host),
            SessionEvent::Cut { reason, retry_in } => {
                self.redial.cut(&reason, retry_in);
                if !std::mem::replace(&mut self.cut, true) {
                    let text = format!("{reason}; dialling again until it works");
                    self.cx.event(Event::new("disconnected", text).with("reason", reason));
                }
            }
            SessionEvent::Restored { restarted, missed } => {
                self.cut = false;
                self.redial.restored();
                self.title.restored(&self.cx);
                self.view.name(&self.cx.me().name);
                let text = match (restarted, missed) {
                    (true, _) => "connected again; the room was restarted",
                    (_, true) => "connected again, after so long that what was said in between is missing",
                    _ => "connected again",
                };
                let event = Event::new("reconnected", text).with("name", self.cx.me().name);
                self.cx.event(event.with("restarted", restarted).with("missed", missed));
                self.namesakes.enter(&self.cx);
            }
            SessionEvent::Message(incoming) => self.message(incoming).await,
            SessionEvent::Withdrawn { withdrawal, command } => self.withdrawn(withdrawal, &command).await,
            SessionEvent::Member(event) => self.member(event).await,
            SessionEvent::Missed { count } => {
                self.cx.event(Event::new("missed", format!("{count} lines missed")).with("lines", count));
            }
            SessionEvent::Lost { from } if self.cx.ignores(&from.key) => {}
            SessionEvent::Lost { from } => {
                let text = format!("something that {} said before this is missing", from.name);
                let key = Fingerprint::of(&from.key).to_string();
                self.cx.event(Event::new("lost", text).with("from", from.name).with("key", key));
            }
            SessionEvent::Acknowledged { n } => self.view.settled(n),
            SessionEvent::Undelivered { reason, line, .. } => {
                self.refused.store(true, Relaxed);
                let event = Event::new("undelivered", "").with("reason", &*reason);
                let (text, event) = match line {
                    Some(line) => (format!("{reason}: {line}"), event.with("line", &*line)),
                    None => (reason, event),
                };
                self.cx.error(text);
                self.cx.event(event);
            }
            SessionEvent::Moved { port } => {
                self.cx.event(Event::new("moved", format!("the room moved to port {port}")).with("port", port));
                if let Some(on_moved) = &self.on_moved {
                    on_moved(port);
                }
            }
            SessionEvent::Stream { from, token } => self.cx.accept_stream(from, token),
            SessionEvent::Ended(ending) => return Some(ending),
        }
        None
    }

    fn enter(&mut self, members: u32, host: &str) {
        let me = self.cx.me();
        self.view.name(&me.name);
        self.cx.tape().enter(host);
        let others = match members.saturating_sub(1) {
            0 => "nobody else is here".to_owned(),
            1 => "one other is here".to_owned(),
            others => format!("{others} others are here"),
        };
        // The host's own member has been told where its room is.
        let text = if host == me.name {
            format!("you are {}; {others}", me.name)
        } else {
            format!("you are {} in the room of {host}; {others}", me.name)
        };
        let key = Fingerprint::of(&me.key).to_string();
        let event = Event::new("entered", text).with("name", me.name).with("key", key);
        self.cx.event(event.with("host", host).with("members", members));
        self.title.enter(host, members, &self.cx);
        self.stage.send_replace(Stage::Inside);
        self.namesakes.enter(&self.cx);
    }

    async fn message(&mut self, incoming: Incoming) {
        let Incoming { from, private, own, seq, kept, past, command, payload, .. } = incoming;
        let ignored = self.cx.ignores(&from.key);
        self.namesakes.meet(&from.key, &from.name, &self.cx);
        let Some(entry) = self.registry.find(&command).filter(|entry| entry.name == command) else {
            let mark = (from.name.clone(), command);
            if !own && !ignored && past.is_none() && self.unknown.len() < MAX_UNKNOWN && !self.unknown.contains(&mark) {
                self.cx.notice(format!("{} used `{}`, which this pchat does not have", mark.0, mark.1));
                self.unknown.insert(mark);
            }
            return;
        };
        if ignored && !entry.hears_ignored || past.is_some() && !entry.past {
            return;
        }
        // Older than a clock can tell is as old as it can.
        let now = Timestamp::now();
        let at = past.map_or(now, |age| now.checked_sub(age).unwrap_or(Timestamp::MIN));
        let past = past.is_some();
        let message = Message { from, private, own, seq, kept, at, past, payload };
        let result = entry.receive(message, &mut self.cx.for_event(entry)).await;
        self.report(entry, result);
    }

    async fn withdrawn(&self, withdrawal: Withdrawal, command: &str) {
        let Some(entry) = self.registry.find(command) else { return };
        if entry.hears_ignored || !self.cx.ignores(&withdrawal.from.key) {
            let result = entry.withdrawn(withdrawal, &mut self.cx.for_event(entry)).await;
            self.report(entry, result);
        }
    }

    async fn member(&mut self, event: Arc<MemberEvent>) {
        let ignored = about(&event).is_some_and(|member| self.cx.ignores(&member.key));
        if let Some(told) = self.told(&event).filter(|_| !ignored) {
            self.cx.event(told);
        }
        for entry in self.registry.entries().iter().filter(|entry| entry.hears_ignored || !ignored) {
            let result = entry.member(event.clone(), &mut self.cx.for_event(entry)).await;
            self.report(entry, result);
        }
        self.title.event(&event, &self.cx);
        self.namesakes.event(&event, &self.cx);
    }

    fn report(&self, entry: &Entry, result: anyhow::Result<()>) {
        if let Err(error) = result {
            self.cx.error(format!("{}: {error:#}", entry.name));
        }
    }

    fn told(&self, event: &MemberEvent) -> Option<Event> {
        let of = |kind, member: &Member, text: String| {
            Event::new(kind, text).with("name", &*member.name).with("key", Fingerprint::of(&member.key).to_string())
        };
        Some(match event {
            MemberEvent::Joined(member) => of("join", member, format!("{} joined", member.name)),
            MemberEvent::Left { member, how } => {
                let (how, text) = match how {
                    Departure::Quit => ("left", format!("{} left", member.name)),
                    Departure::Lost => {
                        ("lost", format!("{} did not come back after the connection broke", member.name))
                    }
                    Departure::Kicked { by, reason, term } => {
                        let how_long = how_long(*term);
                        ("kicked", format!("{} was put out{how_long} by {by}{}", member.name, because(reason)))
                    }
                };
                of("leave", member, text).with("how", how)
            }
            MemberEvent::Renamed { member, old, own } => {
                let text = if *own {
                    self.view.name(&member.name);
                    format!("you are now {}", member.name)
                } else {
                    format!("{old} is now {}", member.name)
                };
                of("rename", member, text).with("old", &**old)
            }
            MemberEvent::Away(member) => {
                of("cut", member, format!("{} is away: the connection is broken", member.name))
            }
            MemberEvent::Back(member) => of("back", member, format!("{} is back", member.name)),
            MemberEvent::Crowd { joined, left, members } => {
                Event::new("crowd", format!("{joined} joined, {left} left, {members} here now"))
                    .with("joined", *joined)
                    .with("left", *left)
                    .with("members", *members)
            }
            MemberEvent::Muted { member, own, by, muted } => {
                let text = match (own, muted) {
                    (true, true) => {
                        format!(
                            "{by} has muted you: you can read and use private messages, but say nothing to everyone"
                        )
                    }
                    (true, false) => format!("{by} lets you speak again"),
                    (false, true) => format!("{} was muted by {by}", member.name),
                    (false, false) => format!("{by} lets {} speak again", member.name),
                };
                of(if *muted { "muted" } else { "unmuted" }, member, text).with("by", &**by)
            }
            MemberEvent::Locked { by, locked } => {
                let text = if *locked {
                    format!("{by} locked the room: nobody new gets in")
                } else {
                    format!("{by} unlocked the room")
                };
                Event::new(if *locked { "locked" } else { "unlocked" }, text).with("by", &**by)
            }
            // Whoever may answer has a command that says so.
            MemberEvent::Knock { .. }
            | MemberEvent::KnockOver { .. }
            | MemberEvent::Invited { .. }
            | MemberEvent::Guesses { .. }
            | MemberEvent::CodeOver { .. } => return None,
        })
    }
}

fn how_long(term: Term) -> &'static str {
    match term {
        Term::Minutes => "",
        Term::Good => " for good",
    }
}

/// The one member that an event is about, if it is about one. Who waits at the door has to be seen to be answered, even
/// if it is somebody ignored.
fn about(event: &MemberEvent) -> Option<&Member> {
    match event {
        MemberEvent::Joined(member)
        | MemberEvent::Left { member, .. }
        | MemberEvent::Renamed { member, .. }
        | MemberEvent::Away(member)
        | MemberEvent::Back(member)
        | MemberEvent::Muted { member, .. } => Some(member),
        MemberEvent::Crowd { .. }
        | MemberEvent::Knock { .. }
        | MemberEvent::KnockOver { .. }
        | MemberEvent::Invited { .. }
        | MemberEvent::Guesses { .. }
        | MemberEvent::CodeOver { .. }
        | MemberEvent::Locked { .. } => None,
    }
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

/// What a program reads when the session is over without a failure.
pub(super) fn closed(ending: &Ending, text: String) -> Event {
    let event = Event::new("closed", text);
    if let Ending::Closed { by } = ending { event.with("by", &**by) } else { event }
}

/// What a person reads when the session is over, and whether that is a failure. Leaving says nothing.
pub(super) fn ending(ending: &Ending, key: &Fingerprint) -> Option<(String, bool)> {
    Some(match ending {
        Ending::Left => return None,
        Ending::Closed { by } => (format!("{by} closed the room"), false),
        Ending::Kicked { by, reason, term } => {
            (format!("{by} put you out of the room{}{}", how_long(*term), because(reason)), true)
        }
        Ending::Failed(reason) => (reason.clone(), true),
        Ending::Refused(refusal) => (refused(refusal, key), true),
    })
}

/// What a person reads after too many wrong codes.
pub(super) fn guesses(secs: u64) -> String {
    format!("too many wrong codes came from your address; the next one is looked at in {secs} s, or knock")
}

fn refused(refusal: &Refusal, key: &Fingerprint) -> String {
    match refusal {
        Refusal::Banned { secs: Some(secs) } => {
            format!("you were put out of this room; it takes no call of yours for another {} min", secs.div_ceil(60))
        }
        Refusal::Banned { secs: None } => "you were put out of this room for good".to_owned(),
        Refusal::Stranger => "the room does not know you any more; join it again".to_owned(),
        Refusal::WrongCode => "that is not the code of this room".to_owned(),
        Refusal::Guesses { secs } => guesses(*secs),
        Refusal::Locked => "the room is locked: its host lets nobody new in at the moment".to_owned(),
        Refusal::Enough { limit } => {
            format!("you are in this room {limit} times already; leave it somewhere else first")
        }
        Refusal::TooOften { secs } => format!("you came too often in a short time; wait {secs} s"),
        Refusal::Declined => "you were not let in".to_owned(),
        Refusal::NobodyToAsk => format!(
            "this room lets in only those it knows, and nobody is there to be asked; ask its host to be there \
             when you knock, or to open the room. Your fingerprint is {key}"
        ),
        Refusal::Crowded => "too many knock at this door already; try again in a few minutes".to_owned(),
        Refusal::Full { limit } => format!("the room is full: it takes {limit} members"),
        Refusal::Name(reason) => format!("{reason}; choose another one with --name"),
        Refusal::Moved { port } => format!("the room moved to port {port}"),
        Refusal::Yourself => "this is the very program that keeps the room".to_owned(),
        Refusal::Closing => "the room is closing".to_owned(),
    }
}

#[cfg(test)]
mod tests;
