//! Frames to bytes and back: the only decoder of what a peer sends.

use std::marker::PhantomData;

use bytes::{Buf, BufMut, BytesMut};
use serde::{Serialize, de::DeserializeOwned};
use tokio_util::codec::{Decoder, Encoder};

use super::MAX_FRAME_LEN;

/// Length of the length field, in bytes.
const HEAD_LEN: usize = 4;

/// Room made for reading beyond what has come, in bytes: small, so that a member who only listens costs the
/// room little memory.
const READ_AHEAD: usize = 1024;

/// What is wrong with a frame.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The length field is 0 or above the limit.
    #[error("a frame of {len} bytes, where 1 to {limit} are allowed")]
    Length {
        /// What the length field says.
        len: usize,
        /// The most that is allowed here.
        limit: usize,
    },
    /// The body is not the encoding of a frame.
    #[error("a frame that makes no sense")]
    Body,
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The body of a frame from its bytes.
///
/// # Errors
///
/// [`CodecError::Body`] if the bytes are not exactly the one encoding of a `T`: unknown variant, bytes
/// missing or left over, invalid UTF-8, a varint longer than needed.
pub fn decode<T: DeserializeOwned + Serialize>(body: &[u8]) -> Result<T, CodecError> {
    let (frame, rest) = postcard::take_from_bytes::<T>(body).map_err(|_| CodecError::Body)?;
    // postcard accepts over-long varints; only one encoding of a value is ours.
    let canonical = rest.is_empty() && postcard::serialize_with_flavor(&frame, Compare { expected: body }).is_ok();
    if canonical { Ok(frame) } else { Err(CodecError::Body) }
}

/// A serializer's output that only compares with bytes at hand, so that nothing is allocated for the check.
struct Compare<'a> {
    expected: &'a [u8],
}

impl postcard::ser_flavors::Flavor for Compare<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.expected = self.expected.strip_prefix(bytes).ok_or(postcard::Error::SerializeBufferFull)?;
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        if self.expected.is_empty() { Ok(()) } else { Err(postcard::Error::SerializeBufferFull) }
    }
}

/// A serializer's output that appends to a byte buffer.
struct Append<'a>(&'a mut BytesMut);

impl postcard::ser_flavors::Flavor for Append<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.put_u8(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Appends a whole frame, length field and body, to `out`.
///
/// # Errors
///
/// [`CodecError::Length`] if the body is longer than [`MAX_FRAME_LEN`]; `out` is then as it was.
pub fn encode_into<T: Serialize>(frame: &T, out: &mut BytesMut) -> Result<(), CodecError> {
    let start = out.len();
    out.put_u32(0);
    let written = postcard::serialize_with_flavor(frame, Append(out));
    let len = out.len() - start - HEAD_LEN;
    if written.is_err() || len == 0 || len > MAX_FRAME_LEN {
        out.truncate(start);
        return Err(CodecError::Length { len, limit: MAX_FRAME_LEN });
    }
    out[start..start + HEAD_LEN].copy_from_slice(&(len as u32).to_be_bytes());
    Ok(())
}

/// A body alone, for what travels within something else.
pub fn encode_body<T: Serialize>(value: &T) -> BytesMut {
    let mut out = BytesMut::new();
    postcard::serialize_with_flavor(value, Append(&mut out)).expect("flat types have an encoding, and memory takes it");
    out
}

/// A whole frame, length field and body.
///
/// # Errors
///
/// As [`encode_into`].
pub fn encode<T: Serialize>(frame: &T) -> Result<BytesMut, CodecError> {
    let mut out = BytesMut::new();
    encode_into(frame, &mut out)?;
    Ok(out)
}

/// Reads frames of type `In` and writes frames of any type.
#[derive(Debug)]
pub struct Codec<In> {
    limit: usize,
    frame: PhantomData<fn() -> In>,
}

impl<In> Codec<In> {
    /// A codec that accepts bodies of up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.min(MAX_FRAME_LEN), frame: PhantomData }
    }

    /// Accepts bodies of up to `limit` bytes from now on.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.min(MAX_FRAME_LEN);
    }
}

impl<In: DeserializeOwned + Serialize> Decoder for Codec<In> {
    type Item = In;
    type Error = CodecError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<In>, CodecError> {
        let Some(head) = src.first_chunk::<HEAD_LEN>() else {
            src.reserve(READ_AHEAD);
            return Ok(None);
        };
        let len = u32::from_be_bytes(*head) as usize;
        if len == 0 || len > self.limit {
            return Err(CodecError::Length { len, limit: self.limit });
        }
        if src.len() < HEAD_LEN + len {
            src.reserve(HEAD_LEN + len - src.len());
            return Ok(None);
        }
        let frame = decode(&src[HEAD_LEN..HEAD_LEN + len])?;
        src.advance(HEAD_LEN + len);
        Ok(Some(frame))
    }

    /// A frame that the end of the stream cuts is no frame: the connection broke.
    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<In>, CodecError> {
        let frame = self.decode(src)?;
        if frame.is_none() {
            src.clear();
        }
        Ok(frame)
    }
}

impl<In, Out: Serialize> Encoder<&Out> for Codec<In> {
    type Error = CodecError;

    fn encode(&mut self, frame: &Out, dst: &mut BytesMut) -> Result<(), CodecError> {
        encode_into(frame, dst)
    }
}

#[cfg(test)]
mod tests;
