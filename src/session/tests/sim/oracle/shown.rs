//! What the events of a room show to one of its members.

use super::reader::Reader;
use crate::{
    session::{
        MemberEvent,
        tests::sim::truth::{Known, Stay},
    },
    wire::Event,
};

/// What an event of a room shows to its reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Said(u64),
    Undelivered(u64),
    Joined(u32, String),
    Left(u32),
    Renamed(u32, String),
    Away(u32),
    Back(u32),
    Muted(u32, bool),
    Locked(bool),
}

impl Shown {
    /// What is shown when somebody comes, goes or changes; nothing if nobody is to hear of such a thing here.
    pub(super) fn of(event: &MemberEvent) -> Option<Self> {
        Some(match event {
            MemberEvent::Joined(member) => Self::Joined(member.number, member.name.clone()),
            MemberEvent::Left { member, .. } => Self::Left(member.number),
            MemberEvent::Renamed { member, .. } => Self::Renamed(member.number, member.name.clone()),
            MemberEvent::Away(member) => Self::Away(member.number),
            MemberEvent::Back(member) => Self::Back(member.number),
            MemberEvent::Muted { member, muted, .. } => Self::Muted(member.number, *muted),
            MemberEvent::Locked { locked, .. } => Self::Locked(*locked),
            _ => return None,
        })
    }
}

impl Reader<'_, '_> {
    /// What an event shows to this reader. The second says whether it must.
    pub(super) fn shown(&self, stay: &Stay, seq: u64, known: &Known) -> Option<(Shown, bool)> {
        if !known.is_for(stay.number) {
            return None;
        }
        let must = |shown| Some((shown, true));
        match &known.event {
            Event::Said { from, n, to, kept, .. } => {
                let sender = self.judge.truth.who.get(&(stay.room, *from))?;
                let track = self.tracks.get(sender);
                let past = track.is_some_and(|track| to.is_none() && kept.is_none() && *n <= track.past);
                let late = track.is_some_and(|track| *n <= track.highest);
                // What is up again after it was taken back is shown again.
                let up = kept.is_some_and(|kept| !self.kept.contains(&kept.number));
                if (!late && !past) || up {
                    let perhaps = track.is_some_and(|track| *n < track.perhaps);
                    return Some((Shown::Said(seq), up || !perhaps));
                }
                // What no room has said before comes late, if the reader can know.
                let first = late && !past && !self.judge.said_before((*sender, *n), (stay.room, seq));
                let due = track.is_some_and(|track| track.open.contains(n));
                (first && !self.heard.contains(&(*sender, *n))).then_some((Shown::Said(seq), due))
            }
            Event::Refused { n, .. } => {
                let pointless = self.judge.sent(self.at, *n).is_some_and(|sent| sent.withdraws);
                if pointless { None } else { must(Shown::Undelivered(*n)) }
            }
            Event::Joined(who) if who.number == stay.number => None,
            // Those who were known before a seat was lost are not announced.
            Event::Joined(who) => Some((Shown::Joined(who.number, who.name.clone()), !self.again)),
            Event::Left { member, .. } => must(Shown::Left(*member)),
            Event::Renamed { member, name } => must(Shown::Renamed(*member, name.clone())),
            Event::Away { member } => must(Shown::Away(*member)),
            Event::Back { member } => must(Shown::Back(*member)),
            Event::Muted { member, muted, .. } => must(Shown::Muted(*member, *muted)),
            Event::Locked { locked, .. } => must(Shown::Locked(*locked)),
            _ => None,
        }
    }
}
