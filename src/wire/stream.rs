//! The beginnings of a stream.

use std::{fmt, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Instance;

/// What the connection of a stream's end begins with. Its first byte begins neither TLS nor text.
pub const STREAM_MAGIC: [u8; 8] = *b"\xf0pchat/s";

/// The magic and the token.
pub const STREAM_HEAD_LEN: usize = STREAM_MAGIC.len() + 32;

/// The ALPN protocol name of the TLS connection between the two members: that of a link can never be taken for it.
pub const STREAM_ALPN: &[u8] = b"pchat-stream/1";

/// How long after it was given out a token is good.
pub const TOKEN_LIFE: Duration = Duration::from_secs(30);

/// Longest purpose of a stream, in bytes.
pub const MAX_PURPOSE_LEN: usize = 4 * 1024;

/// Longest body of a [`StreamHello`], in bytes.
pub const MAX_STREAM_HELLO_LEN: usize = MAX_PURPOSE_LEN + 256;

/// The right to be one end of one stream: 256 random bits, for one connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Token(pub [u8; 32]);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The first frame inside a stream, from its opener: who means whom, and what for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamHello {
    /// The opener's instance.
    pub opener: Instance,
    /// The instance that it means to reach.
    pub target: Instance,
    /// The command whose stream it is.
    pub command: String,
    /// What for, in the command's own encoding; at most [`MAX_PURPOSE_LEN`] bytes.
    pub purpose: Bytes,
}
