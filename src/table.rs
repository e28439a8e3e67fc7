//! Aligned columns for what commands print.

use unicode_width::UnicodeWidthStr;

/// The rows in columns, each as wide as its widest cell and two spaces apart. A control character in a
/// cell, which may be of peer origin, becomes a replacement character: a cell cannot begin another row.
pub fn table(rows: &[Vec<String>]) -> String {
    let clean = |cell: &String| cell.replace(|c: char| c.is_control(), "\u{fffd}");
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(clean).collect()).collect();
    let mut widths = Vec::new();
    for row in &rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let line = |row: &Vec<String>| {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_what_is_seen() {
        let rows = [["name", "age"], ["日本", "1"], ["é", "22"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), "name  age\n日本  1\né     22");
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn a_cell_cannot_begin_another_row() {
        assert_eq!(table(&[vec!["a\nb\u{1b}".into()]]), "a\u{fffd}b\u{fffd}");
    }
}
