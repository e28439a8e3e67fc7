//! What the terminal form is about to show: the queue of lines, and the rows above the prompt. It turns them into text
//! with colours for a given width; it neither writes nor knows who does.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
};

use super::{
    Bar, Event, Line, Manner, Privacy, Said, filter,
    shown::{LastShown, Shown},
    wrap,
};
use crate::{
    limits::screen::{QUEUED_BYTES, QUEUED_ROWS},
    size::{Size, brief},
};

/// How many rows stand above the prompt: the rest of a small window belongs to the talk.
const STATUS_ROWS: usize = 4;

/// Stands after the name of somebody whose key this person has verified. No name contains it.
const VERIFIED: &str = "✓";

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

/// To the first cell of the window.
const HOME: &str = "\x1b[H";
/// Clears to the end of the row, and of the window.
const CLEAR_ROW: &str = "\x1b[K";
const CLEAR: &str = "\x1b[J";

/// Lines that wait to be drawn, and what stands above the prompt.
#[derive(Default)]
pub(super) struct Screen {
    name: String,
    plain: bool,
    queue: VecDeque<(Line, usize, usize)>,
    queued_rows: usize,
    queued_bytes: usize,
    skipped: usize,
    pending: BTreeMap<u64, String>,
    settled: Option<u64>,
    status: BTreeMap<u64, String>,
    bars: BTreeMap<u64, Bar>,
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
    pub(super) fn new(colour: bool) -> Self {
        Self { plain: !colour, ..Self::default() }
    }

    pub(super) fn rename(&mut self, name: &str) {
        self.name = filter::clean(name).into_owned();
    }

    pub(super) fn prompt(&self, width: usize) -> String {
        // A prompt that fills the window would leave no room to type.
        format!("{}> ", wrap::cut(&self.name, (width / 2).max(1)))
    }

    pub(super) fn push(&mut self, line: Line) {
        let text = text(&line);
        let (rows, bytes) = (text.matches('\n').count() + 1, text.len());
        self.queued_rows += rows;
        self.queued_bytes += bytes;
        self.queue.push_back((line, rows, bytes));
        while self.queue.len() > 1 && (self.queued_rows > QUEUED_ROWS || self.queued_bytes > QUEUED_BYTES) {
            if let Some((_, rows, bytes)) = self.queue.pop_front() {
                self.queued_rows -= rows;
                self.queued_bytes -= bytes;
                self.skipped += 1;
            }
        }
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

    /// The queued lines, each row ended.
    pub(super) fn drain(&mut self, width: usize) -> String {
        let mut out = String::new();
        let skipped = std::mem::take(&mut self.skipped);
        if skipped > 0 {
            let lines = if skipped == 1 { "line" } else { "lines" };
            let line = Line::Notice(format!("{skipped} {lines} skipped"));
            self.line(&line, width, &mut out);
            self.last.push(Shown::Line(line));
        }
        self.queued_rows = 0;
        self.queued_bytes = 0;
        for (line, ..) in std::mem::take(&mut self.queue) {
            self.line(&line, width, &mut out);
            self.last.push(Shown::Line(line));
        }
        out
    }

    /// What replaces the rows above the prompt, with the queued lines before them. In a window that has become wider, of
    /// which nothing is known but what is shown last, all of it is written anew.
    pub(super) fn draw(&mut self, width: usize) -> String {
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
        start + &self.drain(width) + &above
    }

    fn again(&self, shown: &Shown, width: usize) -> String {
        let mut out = String::new();
        match shown {
            Shown::Line(line) => self.line(line, width, &mut out),
            Shown::Typed(prompt, text) => self.entered(prompt, text, width, &mut out),
        }
        out
    }

    /// So many rows of the window are left for what stands above the prompt. Rows beyond them would scroll out of it and
    /// stay in the scrollback, at every drawing again.
    ///
    /// Where the typed line took `lost` rows more in the window as it was, that many rows above it may be gone.
    pub(super) fn fit(&mut self, rows: usize, lost: usize) {
        self.room = Some(rows);
        self.lost = lost;
    }

    pub(super) fn drawn_in(&self) -> Option<usize> {
        Some(self.width).filter(|width| *width > 0)
    }

    /// What stands above the prompt from now on, each row ended.
    pub(super) fn above(&mut self, width: usize) -> String {
        let mut rows: Vec<String> = self.bars.values().map(bar).collect();
        rows.extend(self.status.values().cloned());
        let name = &self.name;
        rows.extend(self.pending.values().map(|text| format!("{name}: {text}")));
        let most = self.room.map_or(STATUS_ROWS, |room| room.min(STATUS_ROWS));
        let more = rows.len().saturating_sub(most);
        if more > 0 && most > 1 {
            rows.truncate(most - 1);
            rows.push(format!("... and {} more", more + 1));
        }
        rows.truncate(most);
        self.drawn = rows.len();
        let mut out = String::new();
        for row in rows {
            // One column stays free: a full row would move the cursor in a way that terminals do not agree on.
            let row = wrap::cut(&row, width.saturating_sub(1));
            self.styled(DIM, &filter::isolate(&row), &mut out);
            out.push_str("\r\n");
        }
        out
    }

    pub(super) fn forget(&mut self) {
        self.drawn = 0;
    }

    /// A line as it was typed, for the scrollback.
    pub(super) fn typed(&mut self, prompt: &str, text: &str, width: usize) -> String {
        let mut out = String::new();
        self.entered(prompt, text, width, &mut out);
        self.last.push(Shown::Typed(prompt.to_owned(), text.to_owned()));
        out
    }

    fn entered(&self, prompt: &str, text: &str, width: usize, out: &mut String) {
        let rows = filter::rows(text);
        self.rows(wrap::message(&filter::clean(prompt), &rows, width), out);
    }

    fn line(&self, line: &Line, width: usize, out: &mut String) {
        let (prefix, text) = match line {
            Line::Said(Said { name, verified, privacy, own, manner, text, .. }) => {
                let name = filter::name(name);
                let name = filter::isolate(&name);
                let mark = if *verified { VERIFIED } else { "" };
                let prefix = match (privacy, own) {
                    (Privacy::Room, _) if *manner == Manner::Does => format!("~ {name}{mark} "),
                    (Privacy::Room, _) => format!("{name}{mark}: "),
                    (Privacy::Private, false) => format!("({name}{mark}) "),
                    (Privacy::Private, true) => format!("(to {name}{mark}) "),
                };
                (prefix, text)
            }
            Line::Event(Event { text, .. }) | Line::Notice(text) => ("* ".to_owned(), text),
            Line::Error(text) => ("error: ".to_owned(), text),
            Line::Output(text) => {
                for row in filter::rows(text) {
                    self.rows(wrap::message("", &[row], width), out);
                }
                return;
            }
        };
        let bold = matches!(line, Line::Said(_) | Line::Error(_)) && !self.plain;
        let mut rows = wrap::message(&prefix, &filter::rows(text), width);
        let mark = prefix.trim_end();
        if let Some(rest) = rows[0].strip_prefix(mark).filter(|_| bold) {
            rows[0] = format!("{BOLD}{mark}{RESET}{rest}");
        }
        self.rows(rows, out);
    }

    fn styled(&self, style: &str, text: &str, out: &mut String) {
        if self.plain {
            out.push_str(text);
        } else {
            let _ = write!(out, "{style}{text}{RESET}");
        }
    }

    /// Every row ends with a reset, whatever was in it; without colours there is nothing to reset.
    fn rows(&self, rows: Vec<String>, out: &mut String) {
        for row in rows {
            out.push_str(&row);
            out.push_str(if self.plain { "\r\n" } else { "\x1b[0m\r\n" });
        }
    }
}

/// Rows from the top of the window on, and nothing after them. Each is cleared by itself: a window that is cleared from its
/// first cell on goes into the scrollback of some terminals.
fn anew(rows: &str) -> String {
    let rows: String = rows.split_inclusive('\n').map(|row| CLEAR_ROW.to_owned() + row).collect();
    HOME.to_owned() + &rows + CLEAR
}

/// What a line says.
pub(super) fn text(line: &Line) -> &str {
    match line {
        Line::Said(Said { text, .. })
        | Line::Event(Event { text, .. })
        | Line::Notice(text)
        | Line::Output(text)
        | Line::Error(text) => text,
    }
}

/// A bar in one row.
fn bar(bar: &Bar) -> String {
    let head = format!("{} {}  ", filter::clean(&bar.what), filter::clean(&bar.whom));
    if let Some(waits) = bar.waits {
        return head + waits;
    }
    let percent = if bar.total == 0 { 100 } else { (u128::from(bar.done) * 100 / u128::from(bar.total)).min(100) };
    let mut row = format!("{head}{percent:>3} %  {} of {}", Size(bar.done), Size(bar.total));
    if bar.speed >= 1.0 {
        row += &format!("  {}/s", Size(bar.speed as u64));
    }
    // Beyond a hundred hours the number says nothing.
    match bar.left.filter(|left| left.as_secs() < 360_000) {
        Some(left) if bar.done < bar.total => row + &format!("  {} left", brief(left)),
        _ => row,
    }
}

#[cfg(test)]
mod tests;
