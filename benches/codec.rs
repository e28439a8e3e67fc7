//! How fast frames become bytes and bytes become frames.
//!
//! Frames of each kind are encoded into one buffer, and decoded from it by the codec, for a fixed time; the middle of
//! several such rounds is printed, in million frames and MB a second. `cargo bench --bench codec`; `-- --rounds N`
//! changes the number of rounds (7).

mod support;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use pchat::wire::{
    Body, Codec, Envelope, Event, FromRoom, Instance, Introduction, MAX_FRAME_LEN, MAX_PAYLOAD_LEN, PublicKey, Said,
    To, ToRoom, encode_into,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio_util::codec::Decoder;

/// Frames in the buffer: more than a link writes at once.
const FRAMES: usize = 1_000;

fn main() {
    let smoke = support::is_smoke();
    let rounds = if smoke { 1 } else { support::option("--rounds").unwrap_or(7) };
    let round = if smoke { Duration::from_millis(1) } else { Duration::from_millis(200) };
    let said = |len| Said { command: "text".to_owned(), payload: Bytes::from(vec![b'x'; len]) };
    let envelope =
        |len| ToRoom::Envelope(Envelope { n: 70_000, prev: 69_999, to: To::Everyone, body: Body::Say(said(len)) });
    let event = |len| FromRoom::Event {
        seq: 70_000,
        event: Event::Said { from: 300, n: 70_000, prev: 69_999, to: None, kept: None, said: said(len) },
    };
    let who = Introduction { number: 300, key: PublicKey([7; 32]), instance: Instance([7; 16]), name: "alice".into() };
    let case = |name, (encoded, decoded): (Rate, Rate)| {
        println!(
            "{name:<24} encode {:>7.2} M/s {:>7.0} MB/s   decode {:>7.2} M/s {:>7.0} MB/s",
            encoded.frames, encoded.bytes, decoded.frames, decoded.bytes
        );
    };
    case("said, 64 bytes", measure(&envelope(64), rounds, round));
    case("event, 64 bytes", measure(&event(64), rounds, round));
    case("event, 12 KiB", measure(&event(MAX_PAYLOAD_LEN), rounds, round));
    case("introduction", measure(&FromRoom::Member(who), rounds, round));
    case("ping", measure(&ToRoom::Ping(1_000_000), rounds, round));
}

/// Millions a second.
struct Rate {
    frames: f64,
    bytes: f64,
}

fn measure<T: Serialize + DeserializeOwned>(frame: &T, rounds: usize, round: Duration) -> (Rate, Rate) {
    let mut full = BytesMut::new();
    let encoding = || {
        full.clear();
        for _ in 0..FRAMES {
            encode_into(black_box(frame), &mut full).expect("it fits");
        }
    };
    let encoded = median_seconds(encoding, rounds, round);
    let len = full.len();
    let mut codec = Codec::<T>::new(MAX_FRAME_LEN);
    // The copy that the codec eats stands for the read from the socket.
    let mut copy = BytesMut::with_capacity(len);
    let decoding = || {
        copy.clear();
        copy.extend_from_slice(&full);
        while let Some(frame) = codec.decode(&mut copy).expect("it is valid") {
            black_box(frame);
        }
        assert!(copy.is_empty(), "all frames are whole");
    };
    let decoded = median_seconds(decoding, rounds, round);
    let rate = |seconds| Rate { frames: FRAMES as f64 / seconds / 1e6, bytes: len as f64 / seconds / 1e6 };
    (rate(encoded), rate(decoded))
}

/// Seconds that a run takes, the middle of several rounds of many runs.
fn median_seconds(mut run: impl FnMut(), rounds: usize, round: Duration) -> f64 {
    let mut one = || {
        let (start, mut runs) = (Instant::now(), 0);
        while start.elapsed() < round {
            run();
            runs += 1;
        }
        start.elapsed().as_secs_f64() / f64::from(runs)
    };
    support::median((0..rounds).map(|_| one()).collect())
}
