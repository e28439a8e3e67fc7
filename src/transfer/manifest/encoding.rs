//! One entry to bytes and back: form alone, not whether it may stand where it stands.

use super::{Entry, FileEntry, Limit, MAX_NAME, ManifestError, Modified};

const UP: u8 = 0;
const FOLDER: u8 = 1;
const FILE: u8 = 2;
const PROGRAM: u8 = 3;

/// Longest varint, in bytes: 64 bits of seven each.
const MAX_VARINT: usize = 10;

/// Longest entry, in bytes: tag, length of the name, name, and three numbers.
pub(super) const MAX_ENTRY: usize = 1 + 2 + MAX_NAME + 3 * MAX_VARINT;

/// Why nothing can be taken from bytes.
pub(super) enum Stop {
    /// They end too early, and more may come.
    Short,
    /// No bytes that follow can make them right.
    Wrong(ManifestError),
}

impl Stop {
    fn form<T>() -> Result<T, Self> {
        Err(Self::Wrong(ManifestError::Form))
    }
}

/// The first entry of `bytes` and its length, or none if they end within it.
///
/// # Errors
///
/// If no bytes that follow can make an entry of them.
pub(super) fn take(bytes: &[u8]) -> Result<Option<(Entry<'_>, usize)>, ManifestError> {
    let mut input = Input(bytes);
    match input.entry() {
        Ok(entry) => Ok(Some((entry, bytes.len() - input.0.len()))),
        Err(Stop::Short) => Ok(None),
        Err(Stop::Wrong(error)) => Err(error),
    }
}

/// Appends an entry.
pub(super) fn put(entry: &Entry<'_>, out: &mut Vec<u8>) {
    match entry {
        Entry::Up => out.push(UP),
        Entry::Folder { name } => {
            out.push(FOLDER);
            put_name(name, out);
        }
        Entry::File(file) => {
            out.push(if file.executable { PROGRAM } else { FILE });
            put_name(file.name, out);
            put_varint(file.len, out);
            put_varint(zigzag(file.modified.secs), out);
            put_varint(file.modified.nanos.into(), out);
        }
    }
}

/// Where the name begins in the encoding of an entry that has a name of `len` bytes.
pub(super) fn name_at(len: usize) -> usize {
    if len < 0x80 { 2 } else { 3 }
}

fn put_name(name: &str, out: &mut Vec<u8>) {
    put_varint(name.len() as u64, out);
    out.extend_from_slice(name.as_bytes());
}

/// Appends a number, least significant bits first, seven a byte.
pub(super) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes of which the first ones are taken.
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    /// One byte.
    pub(super) fn byte(&mut self) -> Result<u8, Stop> {
        let (first, rest) = self.0.split_first().ok_or(Stop::Short)?;
        self.0 = rest;
        Ok(*first)
    }

    /// A number in as few bytes as it needs.
    pub(super) fn varint(&mut self) -> Result<u64, Stop> {
        let mut value = 0;
        for at in 0..MAX_VARINT {
            let byte = self.byte()?;
            // The last byte has one bit left, and none to say that another follows.
            let over = at + 1 == MAX_VARINT && byte > 1;
            if over || (at > 0 && byte == 0) {
                return Stop::form();
            }
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Stop::form()
    }

    fn entry(&mut self) -> Result<Entry<'a>, Stop> {
        match self.byte()? {
            UP => Ok(Entry::Up),
            FOLDER => Ok(Entry::Folder { name: self.name()? }),
            tag @ (FILE | PROGRAM) => {
                let name = self.name()?;
                let len = self.varint()?;
                let secs = unzigzag(self.varint()?);
                let nanos = u32::try_from(self.varint()?).or_else(|_| Stop::form())?;
                let modified = Modified { secs, nanos };
                Ok(Entry::File(FileEntry { name, len, modified, executable: tag == PROGRAM }))
            }
            _ => Stop::form(),
        }
    }

    fn name(&mut self) -> Result<&'a str, Stop> {
        let len = self.varint()?;
        Limit::Name.check(len).map_err(Stop::Wrong)?;
        // The limit makes it small.
        let (name, rest) = self.0.split_at_checked(len as usize).ok_or(Stop::Short)?;
        self.0 = rest;
        str::from_utf8(name).or_else(|_| Stop::form())
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
