use std::io::{self, Read};

use pchat::transfer::record::{
    Control, DataBuffer, MAX_RECORD_LEN, Reader, Record, RecordError, write_control, write_manifest,
};

use super::take;

/// Any bytes as the records of either end of a transfer, which arrive in pieces of any length.
///
/// The input is the number of pieces modulo 8, a byte for the length of each, and the stream.
pub fn records(data: &[u8]) {
    let mut data = data;
    let pieces = take(&mut data) % 8;
    let pieces: Vec<usize> = (0..pieces).map(|_| usize::from(take(&mut data)).max(1)).collect();
    let (whole, broken) = read(data, &[]);
    let (parts, broken_parts) = read(data, &pieces);
    assert_eq!(whole, parts, "the pieces change the records");
    assert_eq!(broken, broken_parts, "the pieces change what is wrong");
    let again: Vec<u8> = whole.iter().flat_map(Found::written).collect();
    assert!(data.starts_with(&again), "a record has two encodings");
}

/// A record on its own.
#[derive(Debug, PartialEq)]
enum Found {
    Control(Control),
    Page(Vec<u8>),
    Data(Vec<u8>),
}

impl Found {
    /// The record as its sender writes it.
    fn written(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Control(control) => write_control(&mut out, control).expect("memory takes all"),
            Self::Page(page) => {
                write_manifest(&mut out, page).expect("memory takes all");
                let mut listed = Vec::new();
                write_control(&mut listed, &Control::Listed).expect("memory takes all");
                assert!(out.ends_with(&listed));
                out.truncate(out.len() - listed.len());
            }
            Self::Data(bytes) => {
                let mut buffer = DataBuffer::new(bytes.len());
                buffer.room(bytes.len()).copy_from_slice(bytes);
                buffer.write(bytes.len(), &mut out).expect("memory takes all");
            }
        }
        out
    }
}

/// The records of a stream, and whether something that is no record ended it.
fn read(stream: &[u8], pieces: &[usize]) -> (Vec<Found>, bool) {
    let mut reader = Reader::new(Pieces { stream, pieces, next: 0 });
    let mut found = Vec::new();
    loop {
        let record = match reader.take() {
            Ok(Record::Control(control)) => Found::Control(control),
            Ok(Record::Page(page)) => Found::Page(page.to_vec()),
            Ok(Record::Data(bytes)) => Found::Data(bytes.to_vec()),
            Err(RecordError::Malformed) => return (found, true),
            Err(RecordError::Io(error)) => {
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
                return (found, false);
            }
        };
        if let Found::Page(bytes) | Found::Data(bytes) = &record {
            assert!((1..=MAX_RECORD_LEN).contains(&bytes.len()));
        }
        found.push(record);
    }
}

/// A stream that gives so many bytes at a time.
struct Pieces<'a> {
    stream: &'a [u8],
    pieces: &'a [usize],
    next: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = if self.pieces.is_empty() { usize::MAX } else { self.pieces[self.next % self.pieces.len()] };
        self.next += 1;
        let most = most.min(buf.len());
        self.stream.read(&mut buf[..most])
    }
}
