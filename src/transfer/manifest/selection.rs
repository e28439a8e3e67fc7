//! Which files of a manifest are meant: checking, bytes, and the entries that follow from it.

use super::{Entries, Entry, MAX_ENTRIES, Manifest, Selection, encoding};

/// Most runs of a selection: every fourth file of the greatest manifest may stand alone.
pub const MAX_RUNS: usize = 65_536;

/// Longest encoding of a selection, in bytes: the tag, the number of runs, and two numbers a run, none of which is
/// above [`MAX_ENTRIES`].
pub const MAX_SELECTION_LEN: usize = 1 + 3 + MAX_RUNS * 2 * 3;

const ALL: u8 = 0;
const RUNS: u8 = 1;

/// What is wrong with a selection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// It means no file.
    #[error("a selection of nothing")]
    Nothing,
    /// It is in too many pieces.
    #[error("a selection of {found} pieces, where {MAX_RUNS} are allowed")]
    Runs {
        /// How many.
        found: u64,
    },
    /// It means files that there are not.
    #[error("a selection up to file {end} of {files}")]
    Range {
        /// The end of the run, the first file having the number 1.
        end: u64,
        /// How many files there are.
        files: u32,
    },
    /// A run is empty, touches the one before it, or comes before it; or the bytes are not the encoding of a selection.
    #[error("a selection that makes no sense")]
    Form,
}

impl Selection {
    /// Whether it is a selection of the files of `manifest`.
    ///
    /// # Errors
    ///
    /// If it is not: see [`SelectionError`].
    pub fn check(&self, manifest: &Manifest) -> Result<(), SelectionError> {
        let Self::Runs(runs) = self else { return Ok(()) };
        if runs.is_empty() {
            return Err(SelectionError::Nothing);
        }
        if runs.len() > MAX_RUNS {
            return Err(SelectionError::Runs { found: runs.len() as u64 });
        }
        let mut before = None;
        for &(start, len) in runs {
            if len == 0 || before.is_some_and(|end| u64::from(start) <= end) {
                return Err(SelectionError::Form);
            }
            let end = u64::from(start) + u64::from(len);
            if end > manifest.files().into() {
                return Err(SelectionError::Range { end, files: manifest.files() });
            }
            before = Some(end);
        }
        Ok(())
    }

    /// Its encoding, at most [`MAX_SELECTION_LEN`] bytes for a selection that [`Self::check`] takes.
    ///
    /// All files are `0`. Runs are `1`, how many, and for each how many files before it are left out and how many it
    /// means, both counted from the least that is possible, so that only ascending runs that do not touch can be said.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let Self::Runs(runs) = self else { return vec![ALL] };
        out.push(RUNS);
        encoding::put_varint(runs.len() as u64, &mut out);
        let mut least = 0_u32;
        for &(start, len) in runs {
            encoding::put_varint(start.wrapping_sub(least).into(), &mut out);
            encoding::put_varint(len.wrapping_sub(1).into(), &mut out);
            least = start.wrapping_add(len).wrapping_add(1);
        }
        out
    }

    /// A selection from its encoding. Whether a manifest has such files is for [`Self::check`].
    ///
    /// # Errors
    ///
    /// If the bytes are not the one encoding of a selection that some manifest could take.
    pub fn decode(bytes: &[u8]) -> Result<Self, SelectionError> {
        let mut input = encoding::Input(bytes);
        let selection = Self::take(&mut input)?;
        if input.0.is_empty() { Ok(selection) } else { Err(SelectionError::Form) }
    }

    fn take(input: &mut encoding::Input<'_>) -> Result<Self, SelectionError> {
        match input.byte()? {
            ALL => return Ok(Self::All),
            RUNS => {}
            _ => return Err(SelectionError::Form),
        }
        let found = input.varint()?;
        if found == 0 {
            return Err(SelectionError::Nothing);
        }
        // A run takes two bytes at least: a number that the bytes cannot hold makes no room.
        let most = (input.0.len() / 2).min(MAX_RUNS);
        let count = usize::try_from(found).ok().filter(|count| *count <= MAX_RUNS);
        let count = count.ok_or(SelectionError::Runs { found })?;
        if count > most {
            return Err(SelectionError::Form);
        }
        let mut runs = Vec::with_capacity(count);
        let mut least = 0;
        for _ in 0..count {
            let start = input.number()?.checked_add(least).ok_or(SelectionError::Form)?;
            let len = input.number()?.checked_add(1).ok_or(SelectionError::Form)?;
            let end = start.checked_add(len).filter(|end| *end <= MAX_ENTRIES);
            let end = end.ok_or(SelectionError::Form)?;
            runs.push((start, len));
            least = end + 1;
        }
        Ok(Self::Runs(runs))
    }
}

impl encoding::Input<'_> {
    fn number(&mut self) -> Result<u32, SelectionError> {
        self.varint()?.try_into().map_err(|_| SelectionError::Form)
    }
}

impl From<encoding::Stop> for SelectionError {
    fn from(_: encoding::Stop) -> Self {
        Self::Form
    }
}

/// Says of one file after the other whether a selection means it.
#[derive(Clone, Debug)]
pub(in crate::transfer) struct Picker<'a> {
    /// The runs that are not over, or none if all files are meant.
    runs: Option<&'a [(u32, u32)]>,
    index: u32,
}

impl<'a> Picker<'a> {
    pub(in crate::transfer) fn new(selection: &'a Selection) -> Self {
        let runs = match selection {
            Selection::All => None,
            Selection::Runs(runs) => Some(runs.as_slice()),
        };
        Self { runs, index: 0 }
    }

    /// Whether the next file is meant.
    pub(in crate::transfer) fn take_next(&mut self) -> bool {
        let index = self.index;
        self.index = index.saturating_add(1);
        let Some(runs) = &mut self.runs else { return true };
        while let Some((start, len)) = runs.first() {
            if index < start.saturating_add(*len) {
                return index >= *start;
            }
            *runs = &runs[1..];
        }
        false
    }
}

/// The entries that a selection means, see [`Manifest::selected`].
#[derive(Clone, Debug)]
pub struct Selected<'a> {
    entries: Entries<'a>,
    picker: Picker<'a>,
    /// The folders that are open.
    open: Vec<&'a str>,
    /// How many of them were given: the others have to show first that they hold a file which is meant.
    given: usize,
    /// The file that waits for the folders around it.
    file: Option<Entry<'a>>,
}

impl<'a> Selected<'a> {
    pub(super) fn new(entries: Entries<'a>, selection: &'a Selection) -> Self {
        Self { entries, picker: Picker::new(selection), open: Vec::new(), given: 0, file: None }
    }
}

impl<'a> Iterator for Selected<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        if self.picker.runs.is_none() {
            return self.entries.next();
        }
        loop {
            if self.file.is_some() {
                let Some(name) = self.open.get(self.given) else { return self.file.take() };
                self.given += 1;
                return Some(Entry::Folder { name });
            }
            match self.entries.next()? {
                Entry::Folder { name } => self.open.push(name),
                Entry::Up => {
                    self.open.pop();
                    if self.given > self.open.len() {
                        self.given = self.open.len();
                        return Some(Entry::Up);
                    }
                }
                file @ Entry::File(_) => self.file = self.picker.take_next().then_some(file),
            }
        }
    }
}
