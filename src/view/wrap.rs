//! Wrapping by words at the width of the window, with a margin mark before every row but the first. It takes rows that
//! passed the filter, and gives rows that are never wider than the window, so that the terminal never wraps by itself.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::filter;

/// What every further row of a message begins with. Peers cannot produce it at the left edge.
pub const MARGIN: &str = "  | ";

/// Below this width the margin shrinks to its bar: it would leave no room for text.
const FULL_MARGIN: usize = 12;

/// Stands for a character that is wider than the whole window.
const TOO_WIDE: &str = "?";

/// How many columns `text` may take. Terminals differ on joined emoji; this is the most that any of them takes.
pub fn columns(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.width().max(text.chars().map(|c| c.width().unwrap_or(0)).sum())
}

/// `text` cut to `width` columns, with an ellipsis when something is missing.
pub fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for cluster in text.graphemes(true) {
        used += columns(cluster);
        if used + 1 > width {
            break;
        }
        kept.push_str(cluster);
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}

/// The rows of one message: `prefix` before the first, the margin mark before every other.
pub fn message<S: AsRef<str>>(prefix: &str, rows: &[S], width: usize) -> Vec<String> {
    let mut wrapper = Wrapper::new(width);
    wrapper.word(prefix);
    wrapper.text = wrapper.current.len();
    for (i, row) in rows.iter().enumerate() {
        if i > 0 {
            wrapper.next();
        }
        wrapper.row(row.as_ref());
    }
    wrapper.finish();
    wrapper.done
}

struct Wrapper {
    width: usize,
    margin: &'static str,
    done: Vec<String>,
    current: String,
    used: usize,
    /// Where the text of the current row begins: a word moves to the next row only if that gains room.
    start: usize,
    /// The byte of the current row at which the text begins.
    text: usize,
}

impl Wrapper {
    fn new(width: usize) -> Self {
        let width = width.max(1);
        let margin = match width {
            1 => "",
            w if w < FULL_MARGIN => "|",
            _ => MARGIN,
        };
        Self { width, margin, done: Vec::new(), current: String::new(), used: 0, start: 0, text: 0 }
    }

    fn next(&mut self) {
        self.finish();
        self.current.push_str(self.margin);
        self.used = self.margin.len();
        self.start = self.used;
        self.text = self.used;
    }

    /// Every row gets isolates of its own: a terminal lays out each one for itself.
    fn finish(&mut self) {
        let row = std::mem::take(&mut self.current);
        let (before, text) = row.split_at(self.text.min(row.len()));
        let row = format!("{before}{}", filter::isolate(text.trim_end_matches(' ')));
        self.done.push(row.trim_end_matches(' ').to_owned());
    }

    fn row(&mut self, row: &str) {
        let mut rest = row;
        while !rest.is_empty() {
            let word = &rest[..rest.find(' ').unwrap_or(rest.len())];
            rest = &rest[word.len()..];
            let spaces = rest.len() - rest.trim_start_matches(' ').len();
            self.word(word);
            self.spaces(spaces);
            rest = &rest[spaces..];
        }
    }

    fn word(&mut self, word: &str) {
        let wide = columns(word);
        let elsewhere = self.width - self.margin.len();
        if self.used + wide > self.width && wide <= elsewhere && self.used > self.start {
            self.next();
        }
        if self.used + wide <= self.width {
            self.current.push_str(word);
            self.used += wide;
            return;
        }
        for cluster in word.graphemes(true) {
            self.cluster(cluster);
        }
    }

    fn cluster(&mut self, cluster: &str) {
        let mut cluster = cluster;
        let mut wide = columns(cluster);
        if wide > self.width - self.margin.len() {
            cluster = TOO_WIDE;
            wide = 1;
        }
        if self.used + wide > self.width {
            self.next();
        }
        self.current.push_str(cluster);
        self.used += wide;
    }

    /// Spaces that do not fit end the row: carried over they would only push text to the right.
    fn spaces(&mut self, count: usize) {
        if self.used + count < self.width {
            self.current.extend(std::iter::repeat_n(' ', count));
            self.used += count;
        } else if count > 0 {
            self.used = self.width;
        }
    }
}

#[cfg(test)]
mod tests;
