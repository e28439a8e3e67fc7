//! Who offers something, and what of theirs comes without being asked about.

use super::{Desk, State, incoming::Course};
use crate::limits::file::RESERVE;
use crate::{
    command::{Context, Event},
    session::Member,
    transfer::{
        message::Offer,
        settings::{AutoAccept, ENTRY_COST, LEAST_COST, SESSION_BYTES},
    },
    trust::Mark,
    wire::PublicKey,
};

/// Who offers something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Giver {
    /// This person, from another machine.
    Own,
    /// Somebody whose files this person wants.
    Trusted,
    /// Somebody of whom nothing is to be seen, trusted or not.
    Ignored,
    /// Anybody else.
    Other,
}

impl Giver {
    pub(super) fn of(from: &Member, cx: &Context) -> Self {
        match () {
            () if from.key == cx.me().key => Self::Own,
            () if cx.ignores(&from.key) => Self::Ignored,
            () if cx.people().is(&from.key, Mark::Trusted) => Self::Trusted,
            () => Self::Other,
        }
    }

    /// What has to stay free on the disk besides what comes by itself.
    pub(super) fn reserve(self) -> u64 {
        if self == Self::Own { 0 } else { RESERVE }
    }
}

/// What an offer takes of the disk.
fn cost(offer: &Offer) -> u64 {
    let entries = offer.folder.as_ref().map_or(0, |folder| u64::from(folder.files) + u64::from(folder.folders));
    offer.bytes.saturating_add(entries * ENTRY_COST)
}

impl State {
    /// Whether an offer is received without asking; counts it if so.
    pub(super) fn takes(&mut self, offer: &Offer, giver: Giver, open_room: bool) -> bool {
        let auto = self.settings.as_ref().map_or(AutoAccept::None, |settings| settings.auto_accept);
        match (giver, auto) {
            (_, AutoAccept::Never | AutoAccept::Decline) => false,
            (Giver::Own, _) => true,
            (Giver::Ignored, _) | (_, AutoAccept::None) => false,
            (Giver::Trusted, _) | (_, AutoAccept::All) => true,
            (Giver::Other, AutoAccept::UpTo(limit)) if !open_room && cost(offer) <= limit => {
                let cost = cost(offer).max(LEAST_COST);
                let fits = self.accepted.saturating_add(cost) <= SESSION_BYTES.max(limit);
                if fits {
                    self.accepted += cost;
                }
                fits
            }
            (Giver::Other, AutoAccept::UpTo(_)) => false,
        }
    }
}

/// Shows what somebody did, unless nothing of them is to be seen.
pub(super) fn tell(who: &Member, text: String, cx: &Context) {
    if !cx.ignores(&who.key) {
        cx.notice(text);
    }
}

/// As [`tell`], with values.
pub(super) fn tell_event(who: &Member, event: Event, cx: &Context) {
    if !cx.ignores(&who.key) {
        cx.event(event);
    }
}

impl Desk {
    /// Whether this person wants to be asked about everything that others offer, whoever they are.
    pub fn asks_always(&self) -> bool {
        self.with_quietly(|state| state.settings.as_ref().is_some_and(|set| set.auto_accept == AutoAccept::None))
    }

    /// Whether nothing that is offered is wanted.
    pub(super) fn declines_all(&self) -> bool {
        self.with_quietly(|state| state.settings.as_ref().is_some_and(|set| set.auto_accept == AutoAccept::Decline))
    }

    /// Asks about what a key offered while nothing of it was to be seen.
    pub fn reveal(&self, key: &PublicKey, cx: &Context) {
        let hidden = self.with(|state| {
            let theirs = state.theirs.iter_mut().filter(|(_, theirs)| theirs.from.key == *key && theirs.hidden);
            let shown = theirs.filter_map(|(id, theirs)| {
                theirs.hidden = false;
                (theirs.up && theirs.state == Course::Asked).then_some(*id)
            });
            shown.collect::<Vec<_>>()
        });
        for id in hidden {
            self.ask(id, cx);
        }
    }
}
