//! What travels on a stream that fetches an offer, from the sender of the files (S) to their receiver (R) and back.
//!
//! R opens the stream; its purpose is a [`Purpose`]. Then come records: one byte of kind, four bytes of length
//! (big-endian, at most [`MAX_RECORD_LEN`], checked before anything is read), and the body.
//!
//! | kind | body | from |
//! |---|---|---|
//! | 0 | a [`Control`] in the encoding of the room's frames | both |
//! | 1 | the next bytes of the manifest | S |
//! | 2 | the next bytes of the content, at least one | S |
//!
//! Order: S sends the manifest and [`Control::Listed`]. With [`Then::List`] that is all. With [`Then::Ask`] S waits for
//! [`Control::Want`]. S then says [`Control::From`] where it begins: at what R claimed to have, if S's own bytes up to there
//! have the same hash, else at 0. The content follows from there to its end, then [`Control::End`] with the BLAKE3 hash
//! of all of it. While either end reads its own disk it says [`Control::Checking`] about once a second. S may end at
//! any point with [`Control::Stopped`]. What happens to R is told by messages through the room, which outlive a broken
//! stream.
//!
//! The content is the bytes of the selected files, one after the other in the order of the manifest: there is nothing
//! between two files, and a position in it is all that a resume needs.

use std::io::{self, Read, Write};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    manifest::{Manifest, Selection, SelectionError},
    pace::PIECE,
};
use crate::wire::{self, decode};

/// Longest body of a record, in bytes.
pub const MAX_RECORD_LEN: usize = PIECE;

/// Length of what stands before a body.
const HEAD_LEN: usize = 5;

/// Bytes that a resume is counted in: at most so many travel twice.
pub const CHUNK: u64 = 1 << 20;

/// Longest reason in a [`Control::Stopped`], in bytes.
const MAX_REASON_LEN: usize = 1024;

/// Why a stream for files is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purpose {
    /// The owner's mark of the offer.
    pub tag: u32,
    /// What is wanted of it.
    pub then: Then,
}

/// What follows the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Then {
    /// Nothing.
    List,
    /// All of the content, at once.
    Take,
    /// What R asks for.
    Ask,
}

/// A record that is not part of manifest or content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    /// The manifest is complete.
    Listed,
    /// R has chosen.
    Want {
        /// The encoded selection; empty for everything.
        selection: Bytes,
        /// How many bytes of the content R has already.
        have: u64,
        /// Their BLAKE3 hash.
        hash: [u8; 32],
    },
    /// The disk is being read; this many bytes are compared.
    Checking(u64),
    /// The content follows from this position.
    From(u64),
    /// That was all of it, and this is the BLAKE3 hash of the whole.
    End([u8; 32]),
    /// S sends no more.
    Stopped {
        /// Why.
        why: Stop,
        /// The same for people, in one line.
        reason: String,
    },
}

/// What R wants, once it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The files.
    pub selection: Selection,
    /// Length of their content.
    pub total: u64,
    /// How many bytes of it R claims to have, at least one and no more than there are, and their hash.
    pub have: Option<(u64, [u8; 32])>,
}

impl Wanted {
    /// What a [`Control::Want`] means of an offer. A claim that cannot be is none.
    ///
    /// # Errors
    ///
    /// If the selection is none of this manifest.
    pub fn check(selection: &[u8], have: u64, hash: [u8; 32], manifest: &Manifest) -> Result<Self, SelectionError> {
        let selection = if selection.is_empty() { Selection::All } else { Selection::decode(selection)? };
        selection.check(manifest)?;
        let total = manifest.len_of(&selection);
        let have = (1..=total).contains(&have).then_some((have, hash));
        Ok(Self { selection, total, have })
    }
}

/// Why S sends no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stop {
    /// The source is not what was offered any more.
    Changed,
    /// The source cannot be read.
    Unreadable,
    /// There is no such offer for R.
    Unknown,
    /// S's user paused it, and will tell when it goes on.
    Paused,
    /// S's user cancelled it.
    Cancelled,
    /// S serves as many as it can; R may try again.
    Busy,
}

/// A record as it arrives.
#[derive(Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// Neither manifest nor content.
    Control(Control),
    /// The next bytes of the manifest.
    Page(&'a [u8]),
    /// The next bytes of the content.
    Data(&'a [u8]),
}

/// Why there is no record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The stream broke, or nothing came in time.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What came is no record.
    #[error("what came is no part of a transfer")]
    Malformed,
}

const CONTROL: u8 = 0;
const PAGE: u8 = 1;
const DATA: u8 = 2;

/// Reads records.
pub struct Reader<R> {
    input: R,
    body: Vec<u8>,
}

impl<R: Read> Reader<R> {
    /// Reads from `input`. Memory is taken as records come, up to the longest one.
    pub fn new(input: R) -> Self {
        Self { input, body: Vec::new() }
    }

    /// The stream itself.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.input
    }

    /// The next record.
    ///
    /// # Errors
    ///
    /// [`RecordError`]; nothing more can be read then.
    pub fn take(&mut self) -> Result<Record<'_>, RecordError> {
        let mut head = [0; HEAD_LEN];
        self.input.read_exact(&mut head)?;
        let [kind, len @ ..] = head;
        let len = u32::from_be_bytes(len) as usize;
        if len == 0 || len > MAX_RECORD_LEN || kind > DATA {
            return Err(RecordError::Malformed);
        }
        if self.body.len() < len {
            self.body.resize(len, 0);
        }
        let body = &mut self.body[..len];
        self.input.read_exact(body)?;
        Ok(match kind {
            PAGE => Record::Page(body),
            DATA => Record::Data(body),
            _ => {
                let control = decode(body).map_err(|_| RecordError::Malformed)?;
                if let Control::Stopped { reason, .. } = &control
                    && reason.len() > MAX_REASON_LEN
                {
                    return Err(RecordError::Malformed);
                }
                Record::Control(control)
            }
        })
    }
}

/// Writes a control record.
///
/// # Errors
///
/// If the stream broke or takes nothing.
pub fn write_control(out: &mut impl Write, control: &Control) -> io::Result<()> {
    let body = wire::encode_body(control);
    let mut bytes = Vec::with_capacity(HEAD_LEN + body.len());
    head(CONTROL, body.len(), &mut bytes);
    bytes.extend_from_slice(&body);
    out.write_all(&bytes)?;
    out.flush()
}

/// Writes the pages of a manifest and the end of it.
///
/// # Errors
///
/// If the stream broke or takes nothing.
pub fn write_manifest(out: &mut impl Write, manifest: &[u8]) -> io::Result<()> {
    let mut bytes = Vec::new();
    for page in manifest.chunks(MAX_RECORD_LEN) {
        bytes.clear();
        head(PAGE, page.len(), &mut bytes);
        bytes.extend_from_slice(page);
        out.write_all(&bytes)?;
    }
    write_control(out, &Control::Listed)
}

/// A buffer for a content record, with room for the head before the bytes, so that both are one write.
pub struct DataBuffer {
    bytes: Vec<u8>,
}

impl DataBuffer {
    /// Room for `len` bytes of content.
    pub fn new(len: usize) -> Self {
        Self { bytes: vec![0; HEAD_LEN + len.min(MAX_RECORD_LEN)] }
    }

    /// Where the next `len` bytes go, or as many as there is room for.
    pub fn room(&mut self, len: usize) -> &mut [u8] {
        let end = self.bytes.len().min(HEAD_LEN + len);
        &mut self.bytes[HEAD_LEN..end]
    }

    /// The first `len` bytes of the room.
    pub fn data(&self, len: usize) -> &[u8] {
        &self.bytes[HEAD_LEN..HEAD_LEN + len]
    }

    /// Writes the first `len` bytes of the room as one record.
    ///
    /// # Errors
    ///
    /// If the stream broke or takes nothing.
    pub fn write(&mut self, len: usize, out: &mut impl Write) -> io::Result<()> {
        let mut start = Vec::with_capacity(HEAD_LEN);
        head(DATA, len, &mut start);
        self.bytes[..HEAD_LEN].copy_from_slice(&start);
        out.write_all(&self.bytes[..HEAD_LEN + len])
    }
}

fn head(kind: u8, len: usize, out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(&(len as u32).to_be_bytes());
}

/// A reason that fits a record.
pub fn reason(text: &str) -> String {
    let mut text = text.to_owned();
    text.truncate(text.floor_char_boundary(MAX_REASON_LEN));
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(control: &Control) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_control(&mut bytes, control).expect("memory takes all");
        bytes
    }

    #[test]
    fn records_arrive_as_they_were_sent() {
        let controls = [
            Control::Listed,
            Control::Want { selection: Bytes::from_static(b"sel"), have: CHUNK, hash: [7; 32] },
            Control::Checking(u64::MAX),
            Control::From(0),
            Control::End([9; 32]),
            Control::Stopped { why: Stop::Changed, reason: reason(&"ß".repeat(2_000)) },
        ];
        let mut bytes: Vec<u8> = controls.iter().flat_map(written).collect();
        let mut data = DataBuffer::new(10);
        data.room(3).copy_from_slice(b"abc");
        data.write(3, &mut bytes).expect("memory takes all");
        let manifest = vec![5; MAX_RECORD_LEN + 1];
        write_manifest(&mut bytes, &manifest).expect("memory takes all");

        let mut reader = Reader::new(&bytes[..]);
        for control in controls {
            assert_eq!(reader.take().expect("valid"), Record::Control(control));
        }
        assert_eq!(reader.take().expect("valid"), Record::Data(b"abc"));
        assert_eq!(reader.take().expect("valid"), Record::Page(&manifest[1..]));
        assert_eq!(reader.take().expect("valid"), Record::Page(&manifest[..1]));
        assert_eq!(reader.take().expect("valid"), Record::Control(Control::Listed));
        assert!(matches!(reader.take(), Err(RecordError::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof));
    }

    #[test]
    fn a_wrong_length_or_kind_is_refused_before_anything_is_taken() {
        for head in [[2, 0, 0, 0, 0], [2, 0, 4, 0, 1], [2, 255, 255, 255, 255], [3, 0, 0, 0, 1]] {
            let bytes = [&head[..], &[0; 64]].concat();
            let mut reader = Reader::new(&bytes[..]);
            assert!(matches!(reader.take(), Err(RecordError::Malformed)), "{head:?}");
            assert!(reader.body.is_empty());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_records_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0u8..4) {
            let mut bytes = bytes;
            if let [first, a, b, c, ..] = &mut bytes[..] {
                (*first, *a, *b, *c) = (kind, 0, 0, 0);
            }
            let mut reader = Reader::new(&bytes[..]);
            while reader.take().is_ok() {}
            prop_assert!(reader.body.len() <= MAX_RECORD_LEN);
        }
    }
}
