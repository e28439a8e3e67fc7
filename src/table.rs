//! Aligned columns for what commands print.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

use crate::view::filter::clean;

/// The rows in columns, each as wide as its widest cell and two spaces apart. A cell, which may
/// be of peer origin, passes the display filter as one field: it cannot begin another row.
pub fn table(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<Cow<str>>> = rows.iter().map(|row| row.iter().map(|cell| clean(cell)).collect()).collect();
    let mut widths = Vec::new();
    for row in &rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let line = |row: &Vec<Cow<str>>| {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width + 2 - cell.width()));
        }
        line.truncate(line.trim_end().len());
        line
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Words of ours in rows of at most `width` columns, where no word is longer.
pub fn folded(text: &str, width: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match rows.last_mut().filter(|row| row.width() + 1 + word.width() <= width) {
            Some(row) => {
                row.push(' ');
                row.push_str(word);
            }
            None => rows.push(word.to_owned()),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_folded_between_words() {
        assert_eq!(folded("one two three", 7), ["one two", "three"]);
        assert_eq!(folded("one  incomprehensible\ntwo", 5), ["one", "incomprehensible", "two"]);
        assert_eq!(folded("", 5), [""; 0]);
    }

    #[test]
    fn columns_align_by_what_is_seen() {
        let rows = [["name", "age"], ["日本", "1"], ["é", "22"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), "name  age\n日本  1\né     22");
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn a_cell_cannot_begin_another_row() {
        assert_eq!(table(&[vec!["a\nb\u{1b}".into()]]), "a<U+000A>b<U+001B>");
        assert_eq!(table(&[vec!["a\u{2028}b\u{202e}".into()]]), "a<U+2028>b<U+202E>");
    }
}
