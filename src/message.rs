//! A line of text as the payload of a message: which lines may be sent, and which payloads are text.

use anyhow::{Result, ensure};
use bytes::Bytes;

/// Longest text of one message, in bytes of UTF-8: what a person writes in one go, and room for its head in
/// a frame.
pub const MAX_TEXT_LEN: usize = 4096;

/// The payload that says `text`, or nothing if it is blank. Line ends at its end do not count.
///
/// # Errors
///
/// If it is longer than [`MAX_TEXT_LEN`].
pub fn encode(text: &str) -> Result<Option<Bytes>> {
    let text = text.trim_end_matches(['\n', '\r']);
    let len = text.len();
    ensure!(len <= MAX_TEXT_LEN, "not sent: a message holds at most 4,096 bytes of text, this one has {len}");
    Ok((!text.trim().is_empty()).then(|| Bytes::copy_from_slice(text.as_bytes())))
}

/// What a payload says, unless it is no text or too long for one.
pub fn decode(payload: &[u8]) -> Option<&str> {
    if payload.len() > MAX_TEXT_LEN { None } else { std::str::from_utf8(payload).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_68_4096_bytes_are_sent_4097_refused_and_blank_lines_ignored() {
        let longest = "ß".repeat(MAX_TEXT_LEN / 2);
        assert_eq!(encode(&longest).expect("fits").as_deref(), Some(longest.as_bytes()));
        let error = encode(&format!("{longest}x")).expect_err("one byte too long").to_string();
        assert!(error.contains("4,096") && error.contains("4097"), "{error}");
        for blank in ["", "   ", "\t\u{a0}", "\n"] {
            assert_eq!(encode(blank).expect("no error"), None, "{blank:?}");
        }
    }

    #[test]
    fn a_payload_that_is_no_text_or_too_long_says_nothing() {
        assert_eq!(decode("grüß dich".as_bytes()), Some("grüß dich"));
        assert_eq!(decode(b"\xff"), None);
        assert_eq!(decode(&[b'x'; MAX_TEXT_LEN + 1]), None);
    }
}
