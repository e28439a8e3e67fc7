//! The rows above the prompt about what is under way.

use std::{collections::HashSet, time::Duration};

use tokio::time::{Instant, interval};

use super::{Desk, State, incoming::Course, outgoing::Fate};
use crate::{
    command::Context,
    view::{Bar, Direction},
};

/// How often the rows are drawn: a number that changes more often cannot be read.
const EVERY: Duration = Duration::from_millis(250);

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
        for mine in self.mine.values() {
            for receiver in mine.receivers.iter().filter(|receiver| receiver.state == Fate::Sending) {
                let bar = receiver.meter.look(now).bar(Direction::Out, mine.number, mine.offer.shown());
                rows.push((receiver.id, Bar { whom: format!("to {}", receiver.who.name), ..bar }));
            }
        }
        rows
    }
}
