//! The rows above the prompt about what is under way.

use std::{collections::HashSet, time::Duration};

use tokio::time::{Instant, interval};

use super::{Desk, State, incoming::Course, outgoing::Fate};
use crate::command::Context;

/// How often the rows are drawn: a number that changes more often cannot be read.
const EVERY: Duration = Duration::from_millis(250);

impl Desk {
    /// Draws rows for as long as something is under way, if somebody sees them.
    pub(super) fn show(&self, cx: &Context) {
        if !cx.has_status() || self.with_quietly(|state| std::mem::replace(&mut state.drawn, true)) {
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
                shown.difference(&now).for_each(|gone| cx.status(*gone, None));
                rows.iter().for_each(|(id, row)| cx.status(*id, Some(row)));
                shown = now;
                if shown.is_empty() {
                    return Ok(());
                }
            }
        });
    }
}

impl State {
    /// A row for each transfer under way.
    fn rows(&self) -> Vec<(u64, String)> {
        let now = Instant::now().into_std();
        let mut rows = Vec::new();
        for (id, theirs) in &self.theirs {
            let what = format!("{} from {}", theirs.offer.shown(), theirs.from.name);
            let progress = match theirs.state {
                Course::Waiting => "waits for the others".to_owned(),
                Course::Receiving => theirs.meter.look(now).to_string(),
                Course::Broken => "interrupted, trying again".to_owned(),
                _ => continue,
            };
            rows.push((*id, format!("{what}  {progress}")));
        }
        for mine in self.mine.values() {
            for receiver in mine.receivers.iter().filter(|receiver| receiver.state == Fate::Sending) {
                let progress = receiver.meter.look(now);
                rows.push((receiver.id, format!("{} to {}  {progress}", mine.offer.shown(), receiver.who.name)));
            }
        }
        rows
    }
}
