//! The short printable form of a public key.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE32_NOPAD;

use crate::wire::PublicKey;

/// Characters of a fingerprint, at 5 bits each: 100 bits, beyond the reach of a search for a key with the same one.
const CHARS: usize = 20;

/// Characters between two dashes.
const GROUP: usize = 4;

/// A public key in a form that people compare.
///
/// It is the SHA-256 of the 32 key bytes, its first 100 bits in base32 (alphabet `a` to `z`, `2` to `7` of
/// [RFC 4648](https://www.rfc-editor.org/rfc/rfc4648#section-6), in lower case), as 5 groups of 4 characters
/// joined by `-`: `mzuh-vlpy-mk6x-o3ep-ygfy`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; CHARS]);

impl Fingerprint {
    /// The fingerprint of `key`.
    pub fn of(key: &PublicKey) -> Self {
        let text = BASE32_NOPAD.encode(digest(&SHA256, &key.0).as_ref());
        let mut chars = [0; CHARS];
        for (to, from) in chars.iter_mut().zip(text.bytes()) {
            *to = from.to_ascii_lowercase();
        }
        Self(chars)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(CHARS + CHARS / GROUP);
        for (at, char) in self.0.iter().enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(char::from(*char));
        }
        f.pad(&text)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_first_100_bits_of_the_sha_256_in_base32() {
        // Computed with Python: base64.b32encode(hashlib.sha256(bytes(32)).digest()).
        assert_eq!(Fingerprint::of(&PublicKey([0; 32])).to_string(), "mzuh-vlpy-mk6x-o3ep-ygfy");
        assert_eq!(
            Fingerprint::of(&PublicKey(std::array::from_fn(|at| at as u8))).to_string(),
            "mmg4-2klg-yqzw-neis-krel"
        );
    }
}
