//! Fixed-size identifiers on the wire.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A member's Ed25519 public key (32 bytes, [RFC 8032](https://www.rfc-editor.org/rfc/rfc8032)): who somebody is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PublicKey(pub [u8; 32]);

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey(")?;
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, "..)")
    }
}

/// One run of a member's program: 128 random bits, drawn at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Instance(pub [u8; 16]);

/// One life of a room's log: 128 random bits, drawn when the log begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Epoch(pub [u8; 16]);
