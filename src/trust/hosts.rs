//! The keys of the rooms that this person joined: a room's key is remembered the first time and must be the
//! same from then on.
//!
//! The file has a line for each room, `HOST:PORT KEY`, with the key in hexadecimal:
//!
//! ```text
//! pchat hosts 1
//! 192.168.1.5:5000 66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925
//! end
//! ```

use std::path::PathBuf;

use data_encoding::HEXLOWER;

use super::file::{Changed, Entry, FileError, LineFile};
use super::{Fingerprint, HostAddr};
use crate::wire::PublicKey;

const HEAD: &str = "pchat hosts 1";

/// Why a room's key is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum HostsError {
    /// Another key than the one that is remembered.
    #[error(
        "the key of {addr} is not the one it had before\n  \
         before: {}\n  \
         now:    {}\n\
         Somebody may be between you and that room, or it has a new identity. Ask the person who opened it,\n\
         and only if the new key is theirs: pchat forget {addr}",
        Fingerprint::of(known),
        Fingerprint::of(offered)
    )]
    Changed {
        /// The key that is remembered.
        known: PublicKey,
        /// The key it has now.
        offered: PublicKey,
        /// The room.
        addr: HostAddr,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Whether a room is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    /// No key is remembered for the address.
    New,
    /// The key is the one that is remembered.
    Known,
}

/// The remembered keys of rooms, in a file.
#[derive(Clone, Debug)]
pub struct Hosts {
    file: LineFile,
}

impl Hosts {
    /// The list in the file at `path`, which need not exist.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { file: LineFile::new(path.into(), HEAD) }
    }

    /// Compares a room's key with the one that is remembered. Nothing is written.
    ///
    /// # Errors
    ///
    /// [`HostsError::Changed`] if it is another one, [`HostsError::File`] if the file cannot be understood: it
    /// might hold another key.
    pub fn check(&self, addr: &HostAddr, key: &PublicKey) -> Result<Pin, HostsError> {
        compare(&self.file.read()?, addr, key)
    }

    /// Whether a key could be remembered now, as far as that shows without doing it.
    ///
    /// # Errors
    ///
    /// [`HostsError::File`] if it could not.
    pub fn can_remember(&self) -> Result<(), HostsError> {
        self.file.update(|_: &mut Vec<PinnedHost>| Ok((Changed::No, ())))
    }

    /// Remembers a room's key.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check): a key that is remembered is never replaced. [`HostsError::File`] also if the
    /// key could not be saved, and the caller then does not enter.
    pub fn remember(&self, addr: &HostAddr, key: &PublicKey) -> Result<(), HostsError> {
        self.file.update(|pins| Ok((add(pins, addr, key)?, ())))
    }

    /// Forgets a room's key; whether there was one.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written.
    pub fn forget(&self, addr: &HostAddr) -> Result<bool, FileError> {
        self.file.update(|pins: &mut Vec<PinnedHost>| {
            let before = pins.len();
            pins.retain(|pin| pin.addr != *addr);
            let forgotten = pins.len() < before;
            Ok((forgotten.into(), forgotten))
        })
    }

    /// Remembers the key of `from` for `to` as well, where the same room is from now on; whether there was one. It is a
    /// room that says where it went: at port 0, which is no place, nothing is remembered, and the list stays readable.
    ///
    /// # Errors
    ///
    /// [`HostsError::Changed`] if another key is remembered for `to`; [`HostsError::File`] if the file cannot be
    /// read or written.
    pub fn copy(&self, from: &HostAddr, to: &HostAddr) -> Result<bool, HostsError> {
        self.file.update(|pins: &mut Vec<PinnedHost>| match find(pins, from).copied() {
            Some(key) if to.port() != 0 => Ok((add(pins, to, &key)?, true)),
            _ => Ok((Changed::No, false)),
        })
    }
}

fn find<'a>(pins: &'a [PinnedHost], addr: &HostAddr) -> Option<&'a PublicKey> {
    pins.iter().find(|pin| pin.addr == *addr).map(|pin| &pin.key)
}

fn compare(pins: &[PinnedHost], addr: &HostAddr, key: &PublicKey) -> Result<Pin, HostsError> {
    match find(pins, addr) {
        None => Ok(Pin::New),
        Some(known) if known == key => Ok(Pin::Known),
        Some(known) => Err(HostsError::Changed { known: *known, offered: *key, addr: addr.clone() }),
    }
}

fn add(pins: &mut Vec<PinnedHost>, addr: &HostAddr, key: &PublicKey) -> Result<Changed, HostsError> {
    let new = compare(pins, addr, key)? == Pin::New;
    if new {
        pins.push(PinnedHost { addr: addr.clone(), key: *key });
    }
    Ok(new.into())
}

struct PinnedHost {
    addr: HostAddr,
    key: PublicKey,
}

impl Entry for PinnedHost {
    fn parse(line: &str) -> Result<Self, String> {
        let (addr, key) = line.split_once(' ').ok_or("this should be `HOST:PORT KEY`")?;
        let parsed: HostAddr = addr.parse().map_err(|error| format!("{error}"))?;
        if parsed.to_string() != addr {
            return Err(format!("`{addr}` should be written `{parsed}`"));
        }
        Ok(Self { addr: parsed, key: parse_key(key)? })
    }

    fn to_line(&self) -> String {
        format!("{} {}", self.addr, HEXLOWER.encode(&self.key.0))
    }

    fn conflict(&self, earlier: &Self) -> Option<String> {
        (self.key != earlier.key).then(|| format!("a second key for {}", self.addr))
    }

    fn unique(&self) -> String {
        self.addr.to_string()
    }
}

/// A key from its hexadecimal form.
pub(super) fn parse_key(text: &str) -> Result<PublicKey, String> {
    let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(PublicKey).ok_or_else(|| "the key should be 64 digits, 0 to 9 and a to f".to_owned())
}

#[cfg(test)]
mod tests;
