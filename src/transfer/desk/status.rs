//! The rows above the prompt about what is under way.

use std::{collections::HashSet, time::Duration};

use tokio::time::{Instant, interval};

use super::{
    Desk, State,
    incoming::Course,
    outgoing::{Fate, Mine},
};
use crate::{
    command::Context,
    transfer::meter::Progress,
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
            let mut shown = HashSet::new();
            loop {
                ticks.tick().await;
                let rows = desk.with_quietly(|state| {
                    let rows = state.rows();
                    state.drawn = !rows.is_empty();
                    rows
                });
                let now: HashSet<u64> = rows.iter().map(|(id, _)| *id).collect();
                shown.difference(&now).for_each(|gone| cx.progress(*gone, None));
                rows.iter().for_each(|(id, bar)| cx.progress(*id, Some(bar)));
                shown = now;
                if shown.is_empty() {
                    return Ok(());
                }
            }
        });
    }
}

impl Mine {
    /// One bar for all who are being sent it.
    fn bar(&self, now: std::time::Instant) -> Option<Bar> {
        let busy: Vec<_> = self.receivers.iter().filter(|receiver| receiver.state == Fate::Sending).collect();
        let whom = match busy.as_slice() {
            [] => return None,
            [one] => format!("to {}", one.who.name),
            several => format!("to {} members", several.len()),
        };
        let each = busy.iter().map(|receiver| receiver.meter.look(now));
        let together = each.reduce(|one, other| Progress {
            done: one.done.saturating_add(other.done),
            total: one.total.saturating_add(other.total),
            speed: one.speed + other.speed,
        })?;
        Some(Bar { whom, ..together.bar(Direction::Out, self.number, self.offer.shown()) })
    }
}

impl State {
    /// A bar for each transfer under way.
    fn rows(&self) -> Vec<(u64, Bar)> {
        let now = Instant::now().into_std();
        let mut rows = Vec::new();
        for (id, theirs) in &self.theirs {
            let waits = match theirs.state {
                Course::Waiting => Some("waits for the others"),
                Course::Receiving => None,
                Course::Broken => Some("interrupted, trying again"),
                _ => continue,
            };
            let (offer, what) = (Some(theirs.number), theirs.offer.shown());
            let bar = theirs.meter.look(now).bar(Direction::In, offer, what);
            rows.push((*id, Bar { whom: format!("from {}", theirs.from.name), waits, ..bar }));
        }
        for (tag, mine) in &self.mine {
            rows.extend(mine.bar(now).map(|bar| (OWN | u64::from(*tag), bar)));
        }
        rows
    }
}
