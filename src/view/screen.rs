//! What the terminal form is about to show: the queue of lines, and the rows above the prompt. It turns them into text
//! with colours for a given width; it neither writes nor knows who does.

mod above;
mod bars;
mod brush;
mod fold;
mod shown;
mod text;

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{
    Bar, Line, Look, Privacy, Said, abilities::Abilities, clock::Clock, filter, look::Bell, mention::mentions,
    title::Title, wrap,
};
use crate::limits::screen::{QUEUED_BYTES, QUEUED_ROWS};
use brush::Brush;
use fold::{Fold, Turn};
use shown::{LastShown, Shown};

/// How many rows of comings and goings stand above the prompt before they go into the scrollback.
const FOLD_ROWS: usize = 3;

/// The bell rings no sooner after it rang.
const RING_EVERY: Duration = Duration::from_secs(1);

/// Moves to the upper left and clears.
const WIPE: &str = "\x1b[H\x1b[2J";

/// To the first cell of the window.
const HOME: &str = "\x1b[H";

/// Clears to the end of the row, and of the window.
const CLEAR_ROW: &str = "\x1b[K";
const CLEAR: &str = "\x1b[J";

/// What waits to be drawn.
enum Item {
    Line(Line),
    Fold(Fold),
    Clear,
}

struct Queued {
    item: Item,
    at: Timestamp,
    rows: usize,
    bytes: usize,
    /// Whether it stood above the prompt before it was queued.
    stood: bool,
}

/// Lines that wait to be drawn, and what stands above the prompt.
pub(super) struct Screen {
    name: String,
    brush: Brush,
    clock: Clock,
    bell: Bell,
    queue: VecDeque<Queued>,
    queued_rows: usize,
    queued_bytes: usize,
    skipped: usize,
    /// Comings and goings that stand above the prompt.
    fold: Option<Fold>,
    /// Whether all of it is on the terminal.
    fold_drawn: bool,
    /// Whether the last line shown was said before this person came.
    past: bool,
    ring: bool,
    rang: Option<Instant>,
    pending: BTreeMap<u64, String>,
    settled: Option<u64>,
    status: BTreeMap<u64, String>,
    bars: BTreeMap<u64, Bar>,
    title: Title,
    /// How many rows above the prompt are on the terminal now.
    drawn: usize,
    /// How many there may be.
    room: Option<usize>,
    /// How many rows of lines may have been erased since the last drawing.
    lost: usize,
    /// The columns of the window at the last drawing.
    width: usize,
    last: LastShown,
}

impl Screen {
    /// A screen that shows lines and nothing around them.
    pub(super) fn new(colour: bool) -> Self {
        let look = Look { time: super::look::Time(None), bell: Bell::Off, ..Look::default() };
        Self::able(Abilities::simple(colour), &look)
    }

    /// A screen of a terminal that can do so much.
    pub(super) fn able(can: Abilities, look: &Look) -> Self {
        Self {
            name: String::new(),
            brush: Brush::new(can, look.colour),
            clock: Clock::new(look.time.clone()),
            bell: look.bell,
            queue: VecDeque::new(),
            queued_rows: 0,
            queued_bytes: 0,
            skipped: 0,
            fold: None,
            fold_drawn: false,
            past: false,
            ring: false,
            rang: None,
            pending: BTreeMap::new(),
            settled: None,
            status: BTreeMap::new(),
            bars: BTreeMap::new(),
            title: Title::default(),
            drawn: 0,
            room: None,
            lost: 0,
            width: 0,
            last: LastShown::default(),
        }
    }

    pub(super) fn look(&mut self, look: &Look) {
        self.brush.dip(look.colour);
        self.clock.set(look.time.clone());
        self.bell = look.bell;
    }

    pub(super) fn rename(&mut self, name: &str) {
        self.name = filter::clean(name).into_owned();
    }

    pub(super) fn prompt(&self, width: usize) -> String {
        // A prompt that fills the window would leave no room to type.
        format!("{}> ", self.brush.cut(&self.brush.fit(&self.name), (width / 2).max(1)))
    }

    pub(super) fn push(&mut self, line: Line) {
        let turn = if let Line::Event(event) = &line { Turn::of(event) } else { None };
        if let Some(turn) = turn {
            if !self.fold.as_ref().is_some_and(|fold| fold.takes(&turn)) {
                self.commit();
            }
            self.fold.get_or_insert_with(|| Fold::at(Timestamp::now())).add(turn);
            self.fold_drawn = false;
            return;
        }
        self.commit();
        let at = match &line {
            Line::Said(said) => {
                self.ring |= self.rings(said);
                said.at
            }
            _ => Timestamp::now(),
        };
        let text = line.text();
        let (rows, bytes) = (text.matches('\n').count() + 1, text.len());
        self.queue(Queued { item: Item::Line(line), at, rows, bytes, stood: false });
    }

    fn rings(&self, said: &Said) -> bool {
        let quiet = said.own || said.past;
        match self.bell {
            Bell::Off => false,
            Bell::Mention => !quiet && (said.privacy == Privacy::Private || mentions(&said.text, &self.name)),
            Bell::All => !quiet,
        }
    }

    fn queue(&mut self, queued: Queued) {
        self.queued_rows += queued.rows;
        self.queued_bytes += queued.bytes;
        self.queue.push_back(queued);
        while self.queue.len() > 1 && (self.queued_rows > QUEUED_ROWS || self.queued_bytes > QUEUED_BYTES) {
            if let Some(Queued { rows, bytes, .. }) = self.queue.pop_front() {
                self.queued_rows -= rows;
                self.queued_bytes -= bytes;
                self.skipped += 1;
            }
        }
    }

    /// Comings and goings so far are a line like any other from now on.
    pub(super) fn commit(&mut self) {
        if let Some(fold) = self.fold.take() {
            let (at, bytes, stood) = (fold.at, fold.bytes(), self.fold_drawn);
            self.queue(Queued { item: Item::Fold(fold), at, rows: 1, bytes, stood });
        }
    }

    /// Clears the window before what is shown next.
    pub(super) fn clear(&mut self) {
        self.commit();
        self.queue(Queued { item: Item::Clear, at: Timestamp::now(), rows: 1, bytes: 0, stood: false });
    }

    pub(super) fn title(&mut self, text: &str) {
        self.title.set(text, self.brush.can.unicode);
    }

    pub(super) fn pending(&mut self, id: u64, text: &str) {
        if self.settled.is_none_or(|upto| id > upto) {
            self.pending.insert(id, filter::rows(text).join(" "));
        }
    }

    pub(super) fn settle(&mut self, id: u64) {
        self.settled = self.settled.max(Some(id));
        self.pending.retain(|&other, _| other > id);
    }

    pub(super) fn status(&mut self, key: u64, row: Option<&str>) {
        match row {
            Some(row) => self.status.insert(key, filter::clean(row).into_owned()),
            None => self.status.remove(&key),
        };
    }

    pub(super) fn progress(&mut self, key: u64, bar: Option<&Bar>) {
        match bar {
            Some(bar) => self.bars.insert(key, bar.clone()),
            None => self.bars.remove(&key),
        };
    }

    /// Moves to where the rows above the prompt begin, and clears from there on. The cursor stands at the left edge,
    /// `below` rows under the first row of the prompt.
    pub(super) fn erase(&mut self, below: usize) -> String {
        match std::mem::take(&mut self.drawn) + below {
            0 => "\r\x1b[J".to_owned(),
            up => format!("\x1b[{up}A\r\x1b[J"),
        }
    }

    /// Everything from the first row above the prompt to the prompt, and what belongs around the window. In a window that
    /// has become wider, of which nothing is known but what is shown last, all of it is written anew.
    pub(super) fn draw(&mut self, width: usize) -> String {
        let title = match self.brush.is_coloured() {
            true => self.title.update(self.brush.can, self.bars.values()),
            false => String::new(),
        };
        if self.fold_rows(width).len() > FOLD_ROWS {
            self.commit();
        }
        let before = std::mem::replace(&mut self.width, width);
        let start = self.erase(0);
        let above = self.above(width);
        let room = self.room.filter(|_| before != 0 && before < width).map(|room| room.saturating_sub(self.drawn));
        let last = |count| self.last.rows(count, |shown| self.again(shown, width)).filter(|rows| !rows.is_empty());
        let start = match room.map(|room| (last(room), last(self.lost))) {
            Some((Some(rows), _)) => anew(&rows),
            // What does not fill the window may stand under what the shell wrote. Better twice than not at all.
            Some((None, Some(lost))) => start + &lost,
            _ => start,
        };
        title + &start + &self.drain(width) + &above
    }

    pub(super) fn drawn_in(&self) -> Option<usize> {
        Some(self.width).filter(|width| *width > 0)
    }

    pub(super) fn has_colour(&self) -> bool {
        self.brush.is_coloured()
    }

    /// The queued lines, each row ended.
    pub(super) fn drain(&mut self, width: usize) -> String {
        let mut out = String::new();
        let skipped = std::mem::take(&mut self.skipped);
        if skipped > 0 {
            let lines = if skipped == 1 { "line" } else { "lines" };
            self.line(Line::Notice(format!("{skipped} {lines} skipped")), Timestamp::now(), width, &mut out);
        }
        self.queued_rows = 0;
        self.queued_bytes = 0;
        for Queued { item, at, .. } in std::mem::take(&mut self.queue) {
            match item {
                Item::Line(line) => self.line(line, at, width, &mut out),
                Item::Fold(fold) => {
                    self.between(at, false, width, &mut out);
                    self.write(Shown::Fold(fold), width, &mut out);
                }
                Item::Clear if self.brush.can.moves => {
                    self.last = LastShown::default();
                    WIPE.clone_into(&mut out);
                }
                Item::Clear => {}
            }
        }
        out + self.ring()
    }

    /// Writes what may have to be written again.
    fn write(&mut self, shown: Shown, width: usize, out: &mut String) {
        *out += &self.again(&shown, width);
        self.last.push(shown);
    }

    fn again(&self, shown: &Shown, width: usize) -> String {
        let mut out = String::new();
        let brush = &self.brush;
        match shown {
            Shown::Line(line, at) => {
                let time = self.clock.tell(*at);
                brush.rows(&brush.line(line, (&self.name, time.as_deref()), width), &mut out);
            }
            Shown::Fold(fold) => {
                let time = self.clock.tell(fold.at);
                brush.rows(&brush.fold(fold, time.as_deref(), width), &mut out);
            }
            Shown::Rule(text) => brush.rows(&brush.rule(text, width), &mut out),
            Shown::Typed(prompt, text) => {
                let rows: Vec<String> = filter::rows(text).iter().map(|row| brush.fit(row).into_owned()).collect();
                let prompt = brush.fit(&filter::clean(prompt)).into_owned();
                brush.end_rows(&wrap::message(&prompt, &rows, width), &mut out);
            }
        }
        out
    }

    fn ring(&mut self) -> &'static str {
        if !std::mem::take(&mut self.ring) || self.rang.is_some_and(|rang| rang.elapsed() < RING_EVERY) {
            return "";
        }
        self.rang = Some(Instant::now());
        "\x07"
    }

    fn line(&mut self, line: Line, at: Timestamp, width: usize, out: &mut String) {
        let past = matches!(&line, Line::Said(said) if said.past);
        if !matches!(line, Line::Output(_)) {
            self.between(at, past, width, out);
        }
        self.write(Shown::Line(line, at), width, out);
    }

    /// What stands between the last line and one of this time: that another day has begun, and where what was said before
    /// this person came begins and ends.
    fn between(&mut self, at: Timestamp, past: bool, width: usize, out: &mut String) {
        let told = match (std::mem::replace(&mut self.past, past), past) {
            (false, true) => Some("before you came"),
            (true, false) => Some("since you came"),
            _ => None,
        };
        for text in told.map(str::to_owned).into_iter().chain(self.clock.turn(at)) {
            self.write(Shown::Rule(text), width, out);
        }
    }

    /// What stands above the prompt stays where it is; so comings and goings that stand there are told.
    pub(super) fn forget(&mut self) {
        self.drawn = 0;
        self.title.forget();
        if std::mem::take(&mut self.fold_drawn) {
            self.fold = None;
        }
    }

    /// A line as it was typed, for the scrollback.
    pub(super) fn typed(&mut self, prompt: &str, text: &str, width: usize) -> String {
        let mut out = String::new();
        // What came and went before the line was typed stands above it. Where others are queued before it, it came later.
        if self.queue.is_empty() && self.fold.is_some() {
            self.commit();
            out = self.drain(width);
        } else if let Some(first) = self.queue.pop_front_if(|first| first.stood) {
            self.queued_rows -= first.rows;
            self.queued_bytes -= first.bytes;
            if let Item::Fold(fold) = first.item {
                self.between(first.at, false, width, &mut out);
                self.write(Shown::Fold(fold), width, &mut out);
            }
        }
        self.write(Shown::Typed(prompt.to_owned(), text.to_owned()), width, &mut out);
        out
    }
}

/// Rows from the top of the window on, and nothing after them. Each is cleared by itself: a window that is cleared from its
/// first cell on goes into the scrollback of some terminals.
fn anew(rows: &str) -> String {
    let rows: String = rows.split_inclusive('\n').map(|row| CLEAR_ROW.to_owned() + row).collect();
    HOME.to_owned() + &rows + CLEAR
}

#[cfg(test)]
mod tests;
