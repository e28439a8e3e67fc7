//! What a person reads of offers and transfers when they ask.

use std::collections::BTreeMap;

use anyhow::Result;
use tokio::time::Instant;

use super::{
    Desk,
    incoming::{Course, Theirs, shown},
    no_offer,
    outgoing::{Fate, Mine},
};
use crate::{
    size::{Size, counted, grouped},
    table::table,
    transfer::{manifest::Selection, message::Report},
    view::filter::clean,
};

/// How many rows of a list of files are shown at once.
pub const PAGE_ROWS: usize = 100;

/// How many offers and transfers of one's own there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Offers that are up.
    pub offered: usize,
    /// Receivers to whom something is being sent.
    pub sending: usize,
    /// Offers of others that are being received, or wait for their turn.
    pub receiving: usize,
}

impl Desk {
    /// All offers and transfers, one a row; on one's own side one for each receiver.
    pub fn overview(&self) -> String {
        let rows = self.with_quietly(|state| {
            let mut own: Vec<&Mine> = state.mine.values().collect();
            own.sort_by_key(|mine| mine.number);
            let mut rows: Vec<Vec<String>> = own.into_iter().flat_map(mine).collect();
            rows.extend(state.theirs.values().map(theirs));
            rows
        });
        if rows.is_empty() { "nothing is offered, and nothing was".to_owned() } else { table(&rows) }
    }

    /// What each number that is up stands for, in a few words: `photos.zip (2.1 GiB) from bob`.
    pub fn descriptions(&self) -> BTreeMap<u32, String> {
        self.with_quietly(|state| {
            let own = state.mine.values().filter_map(|mine| Some((mine.number?, mine.offer.describe() + ", yours")));
            let seen = state.theirs.values().filter(|theirs| theirs.up && !theirs.hidden);
            let others = seen.map(|theirs| {
                (theirs.number, format!("{} from {}", theirs.offer.describe(), clean(&theirs.from.name)))
            });
            own.chain(others).collect()
        })
    }

    /// How many offers and transfers there are.
    pub fn count(&self) -> Count {
        self.with_quietly(|state| {
            let receivers = state.mine.values().flat_map(|mine| &mine.receivers);
            Count {
                offered: state.mine.len(),
                sending: receivers.filter(|receiver| receiver.state == Fate::Sending).count(),
                receiving: state.theirs.values().filter(|theirs| theirs.is_busy()).count(),
            }
        })
    }

    /// What would be cut off by leaving now, one line each.
    pub fn under_way(&self) -> Vec<String> {
        let now = Instant::now().into_std();
        self.with_quietly(|state| {
            let receiving = state.theirs.values().filter(|theirs| theirs.is_busy()).map(|theirs| {
                format!("{} from {} ({} %)", theirs.offer.shown(), theirs.from.name, theirs.meter.look(now).percent())
            });
            let sending = state.mine.values().flat_map(|mine| {
                let busy = mine.receivers.iter().filter(|receiver| receiver.state == Fate::Sending);
                busy.map(|receiver| {
                    format!(
                        "{} to {} ({} %)",
                        mine.offer.shown(),
                        receiver.who.name,
                        receiver.meter.look(now).percent()
                    )
                })
            });
            receiving.chain(sending).collect()
        })
    }

    /// A page of what an offered folder holds, from 1, or of what the patterns name of it.
    ///
    /// # Errors
    ///
    /// If there is no such offer, its owner cannot be asked, or a pattern is none or names nothing.
    pub async fn files(&self, number: u32, patterns: &[String], page: usize) -> Result<String> {
        let own = self.with_quietly(|state| state.mine(number).map(|(_, mine)| mine.manifest()));
        let manifest = match own {
            Some(manifest) => manifest,
            None => {
                let id = self.with_quietly(|state| state.theirs(number).map(|(id, _)| id));
                let id = id.ok_or_else(|| no_offer(number))?;
                self.fetch_list(id).await?
            }
        };
        let selection = match patterns {
            [] => Selection::All,
            patterns => Selection::matching(&manifest, patterns)?,
        };
        let (mut count, mut rows) = (0_usize, Vec::new());
        let from = page.saturating_sub(1).saturating_mul(PAGE_ROWS);
        for (index, path, file) in manifest.paths() {
            if !selection.contains(index) {
                continue;
            }
            if (from..from.saturating_add(PAGE_ROWS)).contains(&count) {
                rows.push(vec![clean(&path).into_owned(), Size(file.len).to_string()]);
            }
            count += 1;
        }
        let len = manifest.len_of(&selection);
        let pages = count.div_ceil(PAGE_ROWS).max(1);
        let mut text = if rows.is_empty() { String::new() } else { table(&rows) + "\n" };
        text += &format!("{}, {}", counted(count as u64, "file"), Size(len));
        if pages > 1 {
            text += &format!("; page {} of {}", page, grouped(pages as u64));
        }
        Ok(text)
    }
}

fn mine(mine: &Mine) -> Vec<Vec<String>> {
    let number = mine.number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let whom = mine.to.as_ref().map_or("everyone", |to| &to.name);
    let paused = if mine.paused { "paused" } else { "up" };
    let mut rows = vec![vec![number, mine.offer.describe(), format!("for {whom}"), paused.to_owned()]];
    let now = Instant::now().into_std();
    for receiver in &mine.receivers {
        let state = match &receiver.state {
            Fate::Sending => receiver.meter.look(now).to_string().trim_start().to_owned(),
            Fate::Sent => "sent".to_owned(),
            Fate::Broken => "interrupted".to_owned(),
            Fate::Stopped => "stopped".to_owned(),
            Fate::Told(Report::Saved) => "saved".to_owned(),
            Fate::Told(Report::Present) => "was there already".to_owned(),
            Fate::Told(Report::Declined) => "declined".to_owned(),
            Fate::Told(Report::Cancelled) => "cancelled".to_owned(),
            Fate::Told(Report::Paused(reason)) => with_reason("paused", reason),
            Fate::Told(Report::Failed(reason)) => with_reason("failed", reason),
        };
        rows.push(vec![String::new(), String::new(), format!("to {}", receiver.who.name), state]);
    }
    rows
}

fn theirs(theirs: &Theirs) -> Vec<String> {
    let state = match &theirs.state {
        Course::Asked if theirs.hidden => "was not told of: its owner is ignored".to_owned(),
        Course::Asked => "waits for your answer".to_owned(),
        Course::Waiting => "waits for the others".to_owned(),
        Course::Receiving => theirs.meter.look(Instant::now().into_std()).to_string().trim_start().to_owned(),
        Course::Broken => "interrupted, trying again".to_owned(),
        Course::Paused(reason) => with_reason("paused", reason),
        Course::PausedThere => "paused by its owner".to_owned(),
        Course::Saved(path) => format!("saved {}", shown(path)),
        Course::Present(path) => format!("was there already: {}", shown(path)),
        Course::Declined => "declined".to_owned(),
        Course::Cancelled => "cancelled".to_owned(),
        Course::Failed(reason) => with_reason("failed", reason),
    };
    let number = if theirs.up { theirs.number.to_string() } else { "-".to_owned() };
    vec![number, theirs.offer.describe(), format!("from {}", theirs.from.name), state]
}

fn with_reason(state: &str, reason: &str) -> String {
    if reason.is_empty() { state.to_owned() } else { format!("{state}: {}", clean(reason)) }
}
