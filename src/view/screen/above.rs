//! What stands above the prompt: comings and goings, bars, rows about what is under way, and lines that have not come back.

use jiff::Timestamp;

use super::{Screen, bars, brush};

/// How many rows of one kind stand above the prompt: the rest of a small window belongs to the talk.
pub(super) const STATUS_ROWS: usize = 4;

/// How many rows stand there at all, besides comings and goings.
const ABOVE_ROWS: usize = 8;

impl Screen {
    /// Nothing is under way any more.
    pub(in crate::view) fn rest(&mut self) {
        self.bars.clear();
        self.status.clear();
        self.pending.clear();
    }

    /// So many rows of the window are left for what stands above the prompt. Rows beyond them would scroll out of it and
    /// stay in the scrollback, at every drawing again.
    ///
    /// Where the typed line took `lost` rows more in the window as it was, that many rows above it may be gone.
    pub(in crate::view) fn fit(&mut self, rows: usize, lost: usize) {
        self.room = Some(rows);
        self.lost = lost;
    }

    /// What stands above the prompt from now on, each row ended.
    pub(in crate::view) fn above(&mut self, width: usize) -> String {
        let mut out = String::new();
        let room = self.room.unwrap_or(usize::MAX);
        let mut fold = self.fold_rows(width);
        fold.truncate(room);
        self.fold_drawn = !fold.is_empty();
        self.brush.rows(&fold, &mut out);
        let most = ABOVE_ROWS.min(room - fold.len());
        let mut rows = bars::rows(self.bars.values(), STATUS_ROWS.min(most), width, &self.brush);
        let indent = " "
            .repeat(self.brush.time(self.clock.tell(Timestamp::now()).as_deref(), width).map_or(0, |(_, wide)| wide));
        let pending = self.pending.values().map(|text| format!("{indent}{}: {text}", self.name));
        let others = self.status.values().cloned().chain(pending).map(|row| self.brush.fit(&row).into_owned());
        rows.extend(counted(others.collect(), STATUS_ROWS.min(most - rows.len().min(most))));
        self.drawn = fold.len() + rows.len();
        for row in rows {
            self.brush.status(&row, width, &mut out);
        }
        out
    }

    pub(super) fn fold_rows(&self, width: usize) -> Vec<brush::Painted> {
        let Some(fold) = &self.fold else { return Vec::new() };
        self.brush.fold(fold, self.clock.tell(fold.at).as_deref(), width)
    }
}

/// As many rows as may stand there, the last of which counts the others.
fn counted(mut rows: Vec<String>, most: usize) -> Vec<String> {
    let more = rows.len().saturating_sub(most);
    if more > 0 && most > 1 {
        rows.truncate(most - 1);
        rows.push(format!("... and {} more", more + 1));
    }
    rows.truncate(most);
    rows
}
