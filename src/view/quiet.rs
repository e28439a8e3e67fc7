//! The form for one errand, such as saying one line: errors to standard error and nothing of the room. A person at a
//! terminal also sees there, in one row that is drawn over, what is waited for and how far it is.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal, Write},
    sync::{Mutex, PoisonError},
};

use super::{
    Backlog, Bar, Event, Line, View, filter, plain, wrap,
    writer::{Output, Writer},
};
use crate::size::{Size, brief};

/// Most columns of the row: it must not wrap, or it could not be drawn over.
const ROW: usize = 78;

/// What tells of further transfers takes so many columns of it.
const MORE: usize = 7;

/// Errors, and on a terminal the row.
pub struct Quiet {
    writer: Writer,
    row: Option<Mutex<Row>>,
    /// The kinds of events that a person at a terminal sees.
    told: &'static [&'static str],
}

/// The row at the bottom.
#[derive(Default)]
struct Row {
    bars: BTreeMap<u64, String>,
    shown: bool,
}

impl Quiet {
    /// Writes to standard error. If that is a terminal, events of the kinds `told` are shown there, too.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(told: &'static [&'static str]) -> io::Result<Self> {
        Self::with(io::stderr(), io::stderr().is_terminal(), told)
    }

    /// As [`new`](Self::new), to `err`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn with(
        err: impl Write + Send + 'static,
        is_terminal: bool,
        told: &'static [&'static str],
    ) -> io::Result<Self> {
        let row = is_terminal.then(Mutex::default);
        Ok(Self { writer: Writer::start(io::sink(), err)?, row, told })
    }

    /// Writes whole lines above the row.
    fn lines(&self, head: &str, text: &str) {
        let mut out = String::new();
        let mut row = self.row.as_ref().map(|row| row.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(row) = &mut row {
            row.clear(&mut out);
        }
        out += &plain::message(head, text);
        if let Some(row) = &mut row {
            row.draw(&mut out);
        }
        self.writer.put(out, Output::Err);
    }
}

impl Row {
    fn clear(&mut self, out: &mut String) {
        if std::mem::take(&mut self.shown) {
            out.push_str("\r\x1b[K");
        }
    }

    fn draw(&mut self, out: &mut String) {
        self.clear(out);
        let Some(first) = self.bars.values().next() else { return };
        if self.bars.len() > 1 {
            out.push_str(&format!("[+{}] ", (self.bars.len() - 1).min(999)));
        }
        out.push_str(first);
        self.shown = true;
    }
}

/// How many columns the row may have.
fn columns() -> usize {
    let columns = rustix::termios::tcgetwinsize(io::stderr()).map_or(0, |size| usize::from(size.ws_col));
    if columns == 0 { ROW } else { ROW.min(columns.saturating_sub(1)) }
}

/// A bar as a row of so many columns: whose name may be anything.
fn row(bar: &Bar, columns: usize) -> String {
    let percent = bar.hundredths() / 100;
    let mut numbers = format!("{percent:>3} %  {} of {}", Size(bar.done), Size(bar.total));
    match (bar.waits, bar.left) {
        (Some(waits), _) => numbers += &format!("  {waits}"),
        (None, Some(left)) => numbers += &format!("  {}/s  {} left", Size(bar.speed as u64), brief(left)),
        (None, None) => {}
    }
    let what = format!("{} {}", bar.what, bar.whom);
    let what = filter::clean(&what);
    let numbers: String = numbers.chars().take(columns.saturating_sub(MORE + 2)).collect();
    let fits = columns.saturating_sub(numbers.len() + MORE + 2);
    let cut = wrap::cut_with(&what, fits, "");
    format!("{}  {numbers}", filter::isolate(&cut))
}

impl View for Quiet {
    fn show(&self, line: Line) {
        match line {
            Line::Error(text) => self.lines("error: ", &text),
            Line::Event(Event { kind, text, .. }) if self.row.is_some() && self.told.contains(&kind) => {
                self.lines("* ", &text);
            }
            _ => {}
        }
    }

    fn wants_progress(&self) -> bool {
        self.row.is_some()
    }

    fn progress(&self, key: u64, bar: Option<&Bar>) {
        let Some(shown) = &self.row else { return };
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        match bar {
            Some(bar) => drop(shown.bars.insert(key, row(bar, columns()))),
            None => drop(shown.bars.remove(&key)),
        }
        let mut out = String::new();
        shown.draw(&mut out);
        self.writer.put(out, Output::Err);
    }

    fn settle(&self) {
        let Some(row) = &self.row else { return };
        let (mut row, mut out) = (row.lock().unwrap_or_else(PoisonError::into_inner), String::new());
        row.bars.clear();
        row.draw(&mut out);
        self.writer.put(out, Output::Err);
    }

    fn backlog(&self) -> Option<&Backlog> {
        Some(self.writer.backlog())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::view::{Direction, paper::Paper};

    async fn shown(is_terminal: bool, show: impl Fn(&Quiet)) -> String {
        let paper = Paper::default();
        let quiet = Quiet::with(paper.clone(), is_terminal, &["saved"]).expect("a thread");
        show(&quiet);
        let view: &dyn View = &quiet;
        tokio::time::timeout(Duration::from_secs(20), view.drained()).await.expect("written");
        paper.text()
    }

    fn bar(what: &str) -> Bar {
        Bar {
            offer: Some(1),
            what: what.into(),
            whom: "to bob".into(),
            direction: Direction::Out,
            done: 512,
            total: 1024,
            speed: 100.0,
            left: Some(Duration::from_secs(5)),
            waits: None,
            paused: false,
        }
    }

    #[tokio::test]
    async fn a_script_reads_errors_and_nothing_else() {
        let text = shown(false, |quiet| {
            quiet.show(Line::Notice("n".into()));
            quiet.show(Line::Event(Event::new("saved", "s")));
            quiet.progress(1, Some(&bar("a")));
            quiet.show(Line::Error("no \x1b[2J such\nfile".into()));
        });
        assert_eq!(text.await, "error: no <U+001B>[2J such\n  | file\n");
    }

    #[tokio::test]
    async fn a_person_sees_one_row_that_is_drawn_over_and_lines_above_it() {
        let text = shown(true, |quiet| {
            quiet.progress(1, Some(&bar("a\x1b[2J")));
            quiet.progress(2, Some(&bar("b")));
            quiet.show(Line::Event(Event::new("saved", "saved a")));
            quiet.show(Line::Event(Event::new("other", "not told")));
            quiet.progress(1, None);
            // Whatever is under way when it ends is not left on the screen.
            quiet.settle();
        });
        let first = "a<U+001B>[2J to bob   50 %  512 B of 1.0 KiB  100 B/s  5 s left";
        let second = "b to bob   50 %  512 B of 1.0 KiB  100 B/s  5 s left";
        let over = "\r\x1b[K";
        assert_eq!(text.await, format!("{first}{over}[+1] {first}{over}* saved a\n[+1] {first}{over}{second}{over}"));
    }

    #[test]
    fn a_row_never_wraps_whatever_is_in_a_name() {
        for (name, columns) in [("x".repeat(255), ROW), ("漢".repeat(80), ROW), ("a".into(), 40), ("漢".into(), 5)] {
            let row = row(&bar(&name), columns);
            assert!(unicode_width::UnicodeWidthStr::width(&*row) + MORE <= columns.max(MORE + 2), "{row}");
        }
        assert!(row(&bar("film.mkv"), ROW).starts_with("film.mkv to bob   50 %"));
    }
}
