//! Wrapping by words at the width of the window, with a margin mark before every row but the first. It takes rows that
//! passed the filter, and gives rows that are never wider than the window, so that the terminal never wraps by itself.
//! Parts of the text may bear marks (how they look, say), which it carries along without knowing what they mean.

use std::ops::Range;

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
    cut_with(text, width, "…")
}

/// `text` cut to `width` columns, with `sign` at its end when something is missing.
pub fn cut_with(text: &str, width: usize, sign: &str) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    // Where the sign alone does not fit, a part of it says as much.
    let sign: String = sign.chars().take(width).collect();
    let room = width - columns(&sign);
    let mut kept = String::new();
    let mut used = 0;
    for cluster in text.graphemes(true) {
        used += columns(cluster);
        if used > room {
            break;
        }
        kept.push_str(cluster);
    }
    kept + &sign
}

/// A row of text, and what its parts are.
pub struct Text<'a, M> {
    /// The row, which has passed the filter.
    pub text: &'a str,
    /// Its parts that bear a mark, one after the other.
    pub parts: Vec<Part<M>>,
    /// Whether all of its spaces are kept, so that it is cut where the window ends.
    pub hard: bool,
}

/// A part of a row that bears a mark.
pub struct Part<M> {
    /// Its bytes.
    pub range: Range<usize>,
    /// What it is.
    pub mark: M,
    /// Whether it is not to be broken if it fits into a row of its own.
    pub whole: bool,
}

impl<'a, M> Text<'a, M> {
    /// A row without parts.
    pub fn plain(text: &'a str) -> Self {
        Self { text, parts: Vec::new(), hard: false }
    }
}

/// A row of the window.
pub struct Row<M> {
    /// What is ours, at its beginning.
    pub before: Vec<(M, String)>,
    /// The text.
    pub text: Vec<(M, String)>,
}

/// What stands before the rows of a message.
pub struct Frame<'a, M> {
    /// Before the first.
    pub head: &'a [(M, &'a str)],
    /// The mark of the margin before every other.
    pub margin: M,
    /// The columns of the margin, if that is more than it needs.
    pub indent: usize,
}

/// The rows of one message: `prefix` before the first, the margin mark before every other.
pub fn message<S: AsRef<str>>(prefix: &str, rows: &[S], width: usize) -> Vec<String> {
    let texts: Vec<Text<()>> = rows.iter().map(|row| Text::plain(row.as_ref())).collect();
    let frame = Frame { head: &[((), prefix)], margin: (), indent: 0 };
    let joined = |row: Row<()>| row.before.into_iter().chain(row.text).map(|((), text)| text).collect();
    marked(&frame, &texts, width).into_iter().map(joined).collect()
}

/// The rows of one message whose parts bear marks.
pub fn marked<M: Copy + Default + PartialEq>(frame: &Frame<M>, rows: &[Text<M>], width: usize) -> Vec<Row<M>> {
    let mut wrapper = Wrapper::new(width, frame);
    for (mark, piece) in frame.head {
        let parts = vec![Part { range: 0..piece.len(), mark: *mark, whole: false }];
        wrapper.word(&Text { text: piece, parts, hard: false }, 0..piece.len());
    }
    wrapper.in_text = true;
    for (i, row) in rows.iter().enumerate() {
        if i > 0 {
            wrapper.next();
        }
        wrapper.hard = row.hard;
        wrapper.row(row);
    }
    wrapper.finish();
    wrapper.done
}

struct Wrapper<M> {
    width: usize,
    margin: String,
    margin_mark: M,
    done: Vec<Row<M>>,
    before: Vec<(M, String)>,
    text: Vec<(M, String)>,
    /// Whether what stands before the first row is done.
    in_text: bool,
    hard: bool,
    used: usize,
    /// Where the text of the current row begins: a word moves to the next row only if that gains room.
    start: usize,
}

impl<M: Copy + Default + PartialEq> Wrapper<M> {
    fn new(width: usize, frame: &Frame<M>) -> Self {
        let width = width.max(1);
        let margin = match width {
            1 => String::new(),
            w if w < FULL_MARGIN => "|".to_owned(),
            w => format!("{MARGIN:<indent$}", indent = frame.indent.min(w / 2)),
        };
        let (done, before, text) = (Vec::new(), Vec::new(), Vec::new());
        let (in_text, hard, used, start) = (false, false, 0, 0);
        Self { width, margin, margin_mark: frame.margin, done, before, text, in_text, hard, used, start }
    }

    fn next(&mut self) {
        self.finish();
        self.before.push((self.margin_mark, self.margin.clone()));
        self.used = self.margin.len();
        self.start = self.used;
    }

    /// Every row gets isolates of its own: a terminal lays out each one for itself.
    fn finish(&mut self) {
        let (mut before, mut text) = (std::mem::take(&mut self.before), std::mem::take(&mut self.text));
        if !self.hard {
            trim(&mut text);
        }
        if text.is_empty() {
            trim(&mut before);
        }
        if text.iter().any(|(_, part)| filter::may_turn(part)) {
            if let Some((_, first)) = text.first_mut() {
                first.insert(0, filter::FIRST_STRONG_ISOLATE);
            }
            if let Some((_, last)) = text.last_mut() {
                last.push(filter::POP_ISOLATE);
            }
        }
        self.done.push(Row { before, text });
    }

    fn row(&mut self, row: &Text<M>) {
        let mut at = 0;
        while at < row.text.len() {
            let rest = &row.text[at..];
            let word = rest.find(' ').unwrap_or(rest.len());
            let spaces = rest[word..].len() - rest[word..].trim_start_matches(' ').len();
            if row.hard {
                self.clusters(row, at..at + word + spaces);
            } else {
                self.word(row, at..at + word);
                self.spaces(row, at + word..at + word + spaces);
            }
            at += word + spaces;
        }
    }

    fn elsewhere(&self) -> usize {
        self.width - self.margin.len()
    }

    fn word(&mut self, row: &Text<M>, range: Range<usize>) {
        let wide = columns(&row.text[range.clone()]);
        let may_move = self.in_text && self.used > self.start;
        if self.used + wide > self.width && wide <= self.elsewhere() && may_move {
            self.next();
        }
        if self.used + wide > self.width {
            return self.clusters(row, range);
        }
        self.push_range(row, range);
        self.used += wide;
    }

    fn clusters(&mut self, row: &Text<M>, range: Range<usize>) {
        for (at, cluster) in row.text[range.clone()].grapheme_indices(true) {
            let at = range.start + at;
            let part = part_at(row, at);
            if let Some(part) = part.filter(|part| part.whole && part.range.start == at) {
                let wide = columns(&row.text[part.range.clone()]);
                if self.used + wide > self.width && wide <= self.elsewhere() && self.used > self.start {
                    self.next();
                }
            }
            self.cluster(part.map_or_else(M::default, |part| part.mark), cluster);
        }
    }

    fn cluster(&mut self, mark: M, cluster: &str) {
        let mut cluster = cluster;
        let mut wide = columns(cluster);
        if wide > self.elsewhere() {
            cluster = TOO_WIDE;
            wide = 1;
        }
        if self.used + wide > self.width {
            self.next();
        }
        self.push(mark, cluster);
        self.used += wide;
    }

    /// Spaces that do not fit end the row: carried over they would only push text to the right.
    fn spaces(&mut self, row: &Text<M>, range: Range<usize>) {
        let count = range.len();
        if self.used + count < self.width {
            self.push_range(row, range);
            self.used += count;
        } else if count > 0 {
            self.used = self.width;
        }
    }

    fn push_range(&mut self, row: &Text<M>, range: Range<usize>) {
        let mut at = range.start;
        let first = row.parts.partition_point(|part| part.range.end <= at);
        for part in row.parts[first..].iter().take_while(|part| part.range.start < range.end) {
            if part.range.start > at {
                self.push(M::default(), &row.text[at..part.range.start]);
                at = part.range.start;
            }
            let end = part.range.end.min(range.end);
            self.push(part.mark, &row.text[at..end]);
            at = end;
        }
        if at < range.end {
            self.push(M::default(), &row.text[at..range.end]);
        }
    }

    fn push(&mut self, mark: M, text: &str) {
        let pieces = if self.in_text { &mut self.text } else { &mut self.before };
        match pieces.last_mut() {
            Some((last, piece)) if *last == mark => piece.push_str(text),
            _ => pieces.push((mark, text.to_owned())),
        }
    }
}

fn part_at<'a, M>(row: &'a Text<M>, at: usize) -> Option<&'a Part<M>> {
    let next = row.parts.partition_point(|part| part.range.end <= at);
    row.parts.get(next).filter(|part| part.range.start <= at)
}

fn trim<M>(pieces: &mut Vec<(M, String)>) {
    while let Some((_, last)) = pieces.last_mut() {
        last.truncate(last.trim_end_matches(' ').len());
        if !last.is_empty() {
            return;
        }
        pieces.pop();
    }
}

#[cfg(test)]
mod tests;
