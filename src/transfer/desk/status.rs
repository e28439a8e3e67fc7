//! The rows above the prompt about what is under way.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::{Instant, interval};

use super::{
    Desk, State,
    incoming::Course,
    outgoing::{Fate, Mine, Receiver},
    same,
};
use crate::{
    command::{Context, Member},
    transfer::{message::Report, meter::Progress},
    view::{Bar, Direction},
};

/// How often the rows are drawn: a number that changes more often cannot be read.
const EVERY: Duration = Duration::from_millis(250);

/// Keys of rows about own offers, which those about others' do not reach: they count from 1.
const OWN: u64 = 1 << 63;

impl Desk {
    /// Draws rows for as long as something is under way, if somebody sees them.
    pub(super) fn show(&self, cx: &Context) {
        if !cx.wants_progress() || self.with_quietly(|state| std::mem::replace(&mut state.drawn, true)) {
            return;
        }
        let desk = self.clone();
        cx.spawn(async move |cx| {
            let mut ticks = interval(EVERY);
            let mut shown = BTreeMap::new();
            loop {
                ticks.tick().await;
                let here = |member: &Member| cx.members().iter().any(|other| same(other, member));
                let (rows, goes_on) = desk.with_quietly(|state| {
                    let rows = state.rows(here);
                    // Receivers of what is paused may be away for a moment.
                    let goes_on = !rows.is_empty() || state.mine.values().any(Mine::is_held);
                    state.drawn = goes_on;
                    (rows, goes_on)
                });
                shown.keys().filter(|id| !rows.contains_key(id)).for_each(|gone| cx.progress(*gone, None));
                let news = rows.iter().filter(|(id, bar)| !bar.paused || shown.get(*id) != Some(*bar));
                news.for_each(|(id, bar)| cx.progress(*id, Some(bar)));
                shown = rows;
                if !goes_on {
                    return Ok(());
                }
            }
        });
    }
}

impl Receiver {
    /// How far it is, as it counts in the bar of all. What nobody gets any more is not left to be done, so that the bar
    /// goes forward when somebody is out of it.
    fn progress(&self, paused: bool, now: std::time::Instant) -> Progress {
        let look = self.meter.look(now);
        match &self.state {
            Fate::Sending => look,
            Fate::Broken => Progress { speed: 0.0, ..look },
            Fate::Stopped if paused => Progress { speed: 0.0, ..look },
            Fate::Sent | Fate::Told(Report::Saved | Report::Present) => {
                Progress { done: look.total, speed: 0.0, ..look }
            }
            Fate::Stopped | Fate::Told(_) => Progress { total: look.done, speed: 0.0, ..look },
        }
    }

    /// Whether it would go on if the offer did.
    fn is_held(&self) -> bool {
        matches!(self.state, Fate::Stopped | Fate::Broken)
    }
}

impl Mine {
    /// Whether it is paused while somebody wants it.
    fn is_held(&self) -> bool {
        self.paused && self.receivers.iter().any(Receiver::is_held)
    }

    /// One bar for all who are being sent it, or who wait for it to go on and are `here`.
    fn bar(&self, here: impl Fn(&Member) -> bool, now: std::time::Instant) -> Option<Bar> {
        let those = |is: &dyn Fn(&Receiver) -> bool| {
            let found = self.receivers.iter().filter(|receiver| receiver.counts && is(receiver));
            found.map(|receiver| &receiver.who).collect::<Vec<_>>()
        };
        let mut busy = those(&|receiver| receiver.state == Fate::Sending);
        let paused = busy.is_empty() && self.paused;
        if paused {
            busy = those(&|receiver| receiver.is_held() && here(&receiver.who));
        }
        let whom = match busy.as_slice() {
            [] => return None,
            [one] => format!("to {}", one.name),
            several => format!("to {} members", several.len()),
        };
        let counted = self.receivers.iter().filter(|receiver| receiver.counts);
        let together = counted.map(|receiver| receiver.progress(self.paused, now)).reduce(|one, other| Progress {
            done: one.done.saturating_add(other.done),
            total: one.total.saturating_add(other.total),
            speed: one.speed + other.speed,
        })?;
        let bar = Bar { whom, ..together.bar(Direction::Out, self.number, self.offer.shown()) };
        Some(if paused { Bar { waits: Some("paused"), paused, ..bar } } else { bar })
    }
}

impl State {
    /// A bar for each transfer under way or paused.
    pub(super) fn rows(&self, here: impl Fn(&Member) -> bool) -> BTreeMap<u64, Bar> {
        let now = Instant::now().into_std();
        let mut rows = BTreeMap::new();
        for (id, theirs) in &self.theirs {
            let (waits, paused) = match theirs.state {
                Course::Waiting => (Some("waits for the others"), false),
                Course::Receiving => (None, false),
                Course::Broken => (Some("interrupted, trying again"), false),
                Course::Paused(_) if theirs.up => (Some("paused"), true),
                Course::PausedThere if theirs.up => (Some("paused by its owner"), true),
                _ => continue,
            };
            let look = theirs.meter.look(now);
            let look = if waits.is_some() { Progress { speed: 0.0, ..look } } else { look };
            let bar = look.bar(Direction::In, Some(theirs.number), theirs.offer.shown());
            rows.insert(*id, Bar { whom: format!("from {}", theirs.from.name), waits, paused, ..bar });
        }
        for (tag, mine) in &self.mine {
            rows.extend(mine.bar(&here, now).map(|bar| (OWN | u64::from(*tag), bar)));
        }
        rows
    }
}
