//! Where rustyline leaves the cursor. It lays out prompt and line by rules of its own and tells nobody the result, so
//! they are repeated here, for erasing what it drew.

use rustyline::GraphemeClusterMode;
use unicode_segmentation::UnicodeSegmentation;

/// The columns of a tabulator, as rustyline is told.
pub(super) const TAB: u8 = 8;

/// How many rows under the prompt's first one the cursor stands after a line was entered.
pub(super) fn rows(prompt: &str, line: &str, columns: usize, mode: GraphemeClusterMode) -> usize {
    let columns = columns.max(1);
    let end = place(line, place(prompt, (0, 0), columns, mode), columns, mode);
    end.0 + 1
}

/// The column behind `line`, unless it ends exactly where its row does: terminals do not agree where that is.
pub(super) fn column_after(prompt: &str, line: &str, columns: usize, mode: GraphemeClusterMode) -> Option<usize> {
    let columns = columns.max(1);
    let (row, column) = place(line, place(prompt, (0, 0), columns, mode), columns, mode);
    (column > 0 || row == 0 || line.ends_with('\n')).then_some(column)
}

fn place(text: &str, from: (usize, usize), columns: usize, mode: GraphemeClusterMode) -> (usize, usize) {
    let (mut row, mut column) = from;
    for cluster in text.graphemes(true) {
        if cluster == "\n" {
            (row, column) = (row + 1, 0);
            continue;
        }
        let wide = match cluster {
            "\t" => usize::from(TAB) - column % usize::from(TAB),
            cluster => usize::from(mode.width(cluster)),
        };
        column += wide;
        if column > columns {
            (row, column) = (row + 1, wide);
        }
    }
    if column == columns { (row + 1, 0) } else { (row, column) }
}

/// The rows of the window; 24 when it does not say.
pub(super) fn height() -> usize {
    match rustix::termios::tcgetwinsize(std::io::stdout()) {
        Ok(size) if size.ws_row > 0 => usize::from(size.ws_row),
        _ => 24,
    }
}

/// How many rows of the window prompt and line leave, if they fit.
pub(super) fn room(prompt: &str, line: &str, mode: GraphemeClusterMode) -> Option<usize> {
    height().checked_sub(rows(prompt, line, columns(), mode))
}

/// The columns of the window; 80 when it does not say.
pub(super) fn columns() -> usize {
    match rustix::termios::tcgetwinsize(std::io::stdout()) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
        _ => 80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(line: &str) -> usize {
        rows("> ", line, 10, GraphemeClusterMode::WcWidth)
    }

    #[test]
    fn a_line_that_fills_the_window_ends_on_the_next_row() {
        assert_eq!(after("1234567"), 1);
        assert_eq!(after("12345678"), 2);
        assert_eq!(after("123456789"), 2);
    }

    #[test]
    fn a_wide_character_is_not_split_and_pasted_rows_count() {
        assert_eq!(after("1234567日"), 2);
        assert_eq!(after("a\nb\nc"), 3);
        assert_eq!(after("a\tbc"), 2);
    }
}
