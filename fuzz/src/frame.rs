use std::fmt::Debug;

use bytes::BytesMut;
use pchat::wire::{Codec, CodecError, FromRoom, MAX_FRAME_LEN, MAX_HELLO_LEN, ToRoom, encode_into};
use tokio_util::codec::Decoder;

use super::take;

/// Bytes of a length field.
const HEAD_LEN: usize = 4;

/// Any bytes as the frames of a peer, which arrive in pieces of any length.
///
/// The input is the number of pieces modulo 8, a byte for the length of each, and the stream.
pub fn frame(data: &[u8]) {
    let mut data = data;
    let pieces = take(&mut data) % 8;
    let pieces: Vec<usize> = (0..pieces).map(|_| usize::from(take(&mut data)).max(1)).collect();
    check::<ToRoom>(data, &pieces, MAX_HELLO_LEN);
    check::<ToRoom>(data, &pieces, MAX_FRAME_LEN);
    check::<FromRoom>(data, &pieces, MAX_FRAME_LEN);
}

fn check<T>(stream: &[u8], pieces: &[usize], limit: usize)
where
    T: serde::de::DeserializeOwned + serde::Serialize + PartialEq + Debug,
{
    let (whole, wrong) = read::<T>(stream, &[], limit);
    let (parts, wrong_parts) = read::<T>(stream, pieces, limit);
    assert_eq!(whole, parts, "the pieces change the frames");
    assert_eq!(wrong, wrong_parts, "the pieces change what is wrong");

    let mut again = BytesMut::new();
    for frame in &whole {
        encode_into(frame, &mut again).expect("what came in a frame fits a frame");
    }
    assert!(stream.starts_with(&again), "a frame has two encodings: {whole:?}");
    let rest = &stream[again.len()..];
    if !wrong && let Some(head) = rest.first_chunk::<HEAD_LEN>() {
        assert!(rest.len() < HEAD_LEN + u32::from_be_bytes(*head) as usize, "a whole frame was left");
    }
}

/// The frames of a stream, and whether something that is no frame ended it.
fn read<T>(mut stream: &[u8], pieces: &[usize], limit: usize) -> (Vec<T>, bool)
where
    T: serde::de::DeserializeOwned + serde::Serialize,
{
    let mut codec = Codec::<T>::new(limit);
    let mut frames = Vec::new();
    let mut buffer = BytesMut::new();
    let most = 2 * stream.len() + 4 * MAX_FRAME_LEN;
    let mut pieces = pieces.iter().copied().cycle();
    while !stream.is_empty() {
        let (piece, rest) = stream.split_at(pieces.next().unwrap_or(stream.len()).min(stream.len()));
        stream = rest;
        buffer.extend_from_slice(piece);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(CodecError::Io(error)) => panic!("there is no input that could fail: {error}"),
                Err(_) => return (frames, true),
            }
        }
        assert!(buffer.capacity() <= most, "{} bytes of memory for a frame", buffer.capacity());
    }
    // What a frame lacks at the end is a break and no frame.
    assert!(matches!(codec.decode_eof(&mut buffer), Ok(None)));
    (frames, false)
}
