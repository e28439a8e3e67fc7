//! What is told of offers and transfers as events: the values that programs read beside the sentence.

use super::{giver::tell_event, outgoing::Mine};
use crate::{
    command::{Context, Event},
    session::Member,
    transfer::message::{Offer, Report},
    trust::Fingerprint,
    view::filter::clean,
};

/// An event about an offer.
pub(super) fn about(kind: &'static str, text: impl Into<String>, number: Option<u32>, offer: &Offer) -> Event {
    let event = Event::new(kind, text).with("name", &*offer.name).with("bytes", offer.bytes);
    let event = event.with("folder", offer.folder.is_some());
    match number {
        Some(number) => event.with("offer", number),
        None => event,
    }
}

/// With whose offer it is.
pub(super) fn from(event: Event, who: &Member) -> Event {
    event.with("from", &*who.name).with("key", Fingerprint::of(&who.key).to_string())
}

/// With who receives it.
pub(super) fn to(event: Event, who: &Member) -> Event {
    event.with("to", &*who.name).with("key", Fingerprint::of(&who.key).to_string())
}

/// What a receiver of one's own offer has said.
pub(super) fn report(report: Report, who: &Member, mine: (Option<u32>, &Offer), cx: &Context) {
    let (number, offer) = mine;
    let (name, by) = (offer.shown(), &who.name);
    let event = |kind, text: String| to(about(kind, text, number, offer), who);
    let event = match report {
        Report::Saved => event("delivered", format!("{by} saved {name}")).with("already", false),
        Report::Present => event("delivered", format!("{by} has {name} already")).with("already", true),
        Report::Declined => event("declined", format!("{by} declined {name}")),
        Report::Paused(reason) if reason.is_empty() => event("paused", format!("{by} paused {name}")),
        Report::Paused(reason) => {
            event("paused", format!("{name} waits at {by}: {}", clean(&reason))).with("reason", reason)
        }
        Report::Cancelled => event("cancelled", format!("{by} cancelled {name}")),
        Report::Failed(reason) => {
            event("failed", format!("{by} could not receive {name}: {}", clean(&reason))).with("reason", reason)
        }
    };
    tell_event(who, event, cx);
}

impl Mine {
    /// That we have ended sending it to these, or its name if there are none.
    pub(super) fn cancelled(&self, stopped: &[Member]) -> Result<Event, String> {
        let name = self.offer.shown();
        let event = |whom: String| self.event("cancelled", format!("{name} is cancelled for {whom}")).with("own", true);
        match stopped {
            [] => Err(name),
            [one] => Ok(to(event(one.name.clone()), one)),
            several => Ok(event(format!("{} members", several.len()))),
        }
    }

    /// An event about it.
    pub(super) fn event(&self, kind: &'static str, text: impl Into<String>) -> Event {
        about(kind, text, self.number, &self.offer)
    }
}
