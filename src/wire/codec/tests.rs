use std::net::Ipv6Addr;

use bytes::Bytes;
use futures_util::StreamExt;
use proptest::{collection::vec, prelude::*};
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio_util::codec::FramedRead;

use super::*;
use crate::wire::*;

mod any;

fn body(frame: &impl Serialize) -> Vec<u8> {
    encode(frame).expect("fits")[HEAD_LEN..].to_vec()
}

/// All frames of a stream that comes in these pieces.
fn decode_all<T: DeserializeOwned + Serialize>(pieces: impl IntoIterator<Item = Vec<u8>>) -> Vec<T> {
    let mut codec = Codec::<T>::new(MAX_FRAME_LEN);
    let mut buffer = BytesMut::new();
    let mut frames = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(&piece);
        while let Some(frame) = codec.decode(&mut buffer).expect("good frames") {
            frames.push(frame);
        }
    }
    assert!(codec.decode_eof(&mut buffer).expect("no error").is_none() && buffer.is_empty());
    frames
}

fn said(len: usize) -> Said {
    Said { command: "x".repeat(MAX_COMMAND_LEN), payload: Bytes::from(vec![0xff; len]) }
}

fn widest_member() -> Introduction {
    Introduction {
        number: u32::MAX,
        key: PublicKey([0xff; 32]),
        instance: Instance([0xff; 16]),
        name: "x".repeat(MAX_NAME_LEN),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_frame_of_a_member_survives_the_wire(frame in any::to_room()) {
        prop_assert_eq!(decode::<ToRoom>(&body(&frame)).expect("decodes"), frame);
    }

    #[test]
    fn every_frame_of_a_room_survives_the_wire(frame in any::from_room()) {
        prop_assert_eq!(decode::<FromRoom>(&body(&frame)).expect("decodes"), frame);
    }

    #[test]
    fn any_split_of_the_bytes_gives_the_same_frames(
        frames in vec(any::from_room(), 0..8),
        cuts in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut bytes = BytesMut::new();
        frames.iter().for_each(|frame| encode_into(frame, &mut bytes).expect("fits"));
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let pieces = at.windows(2).map(|ends| bytes[ends[0]..ends[1]].to_vec());
        prop_assert_eq!(decode_all::<FromRoom>(pieces), frames);
    }

    #[test]
    fn any_bytes_give_no_panic_and_what_they_decode_to_has_those_bytes(bytes in vec(any::<u8>(), 0..400)) {
        if let Ok(frame) = decode::<ToRoom>(&bytes) {
            prop_assert_eq!(body(&frame), bytes.clone());
        }
        if let Ok(frame) = decode::<FromRoom>(&bytes) {
            prop_assert_eq!(body(&frame), bytes.clone());
        }
        let mut codec = Codec::<FromRoom>::new(MAX_FRAME_LEN);
        let mut buffer = BytesMut::from(&bytes[..]);
        while let Ok(Some(_)) = codec.decode(&mut buffer) {}
    }

    #[test]
    fn any_flipped_byte_of_a_frame_gives_no_panic_and_no_second_encoding(
        frame in any::from_room(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = body(&frame);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(frame) = decode::<FromRoom>(&bytes) {
            prop_assert_eq!(body(&frame), bytes);
        }
    }

    #[test]
    fn case_42_bytes_left_over_are_refused(frame in any::to_room(), rest in vec(any::<u8>(), 1..5)) {
        let mut bytes = body(&frame);
        bytes.extend(rest);
        prop_assert!(decode::<ToRoom>(&bytes).is_err());
    }
}

#[test]
fn case_37_a_length_of_zero_or_above_the_limit_closes_before_allocation() {
    for (len, limit) in [
        (0, MAX_FRAME_LEN),
        (MAX_FRAME_LEN as u32 + 1, MAX_FRAME_LEN),
        (u32::MAX, MAX_FRAME_LEN),
        (MAX_HELLO_LEN as u32 + 1, MAX_HELLO_LEN),
        (MAX_FRAME_LEN as u32 + 1, usize::MAX),
    ] {
        let mut codec = Codec::<ToRoom>::new(limit);
        let mut buffer = BytesMut::from(&len.to_be_bytes()[..]);
        let before = buffer.capacity();
        assert!(matches!(codec.decode(&mut buffer), Err(CodecError::Length { .. })), "{len}");
        assert_eq!(buffer.capacity(), before);
    }
}

#[test]
fn the_limit_of_those_admitted_is_larger_and_holds_too() {
    let frame = ToRoom::Envelope(Envelope { n: 1, prev: 0, to: To::Everyone, body: Body::Say(said(2000)) });
    let mut codec = Codec::<ToRoom>::new(MAX_HELLO_LEN);
    assert!(matches!(codec.decode(&mut encode(&frame).expect("fits")), Err(CodecError::Length { .. })));
    codec.set_limit(MAX_FRAME_LEN);
    assert_eq!(codec.decode(&mut encode(&frame).expect("fits")).expect("fits"), Some(frame));
    let long = ToRoom::Envelope(Envelope { n: 1, prev: 0, to: To::Everyone, body: Body::Say(said(MAX_FRAME_LEN)) });
    let mut out = BytesMut::from("before");
    assert!(encode_into(&long, &mut out).is_err());
    assert_eq!(&out[..], b"before");
}

#[tokio::test]
async fn case_38_a_frame_that_the_end_cuts_is_no_frame_and_no_error() {
    let bytes = encode(&ToRoom::Ask(Request::Find { name: "bob".into() })).expect("fits");
    for len in 0..bytes.len() {
        let mut frames = FramedRead::new(&bytes[..len], Codec::<ToRoom>::new(MAX_FRAME_LEN));
        assert!(frames.next().await.is_none(), "cut after {len}");
    }
}

#[test]
fn case_39_single_bytes_and_a_thousand_frames_at_once_decode_the_same() {
    let frames: Vec<ToRoom> = (0..1000).map(ToRoom::Ping).collect();
    let mut bytes = BytesMut::new();
    frames.iter().for_each(|frame| encode_into(frame, &mut bytes).expect("fits"));
    assert_eq!(decode_all::<ToRoom>([bytes.to_vec()]), frames);
    assert_eq!(decode_all::<ToRoom>(bytes.iter().map(|byte| vec![*byte])), frames);
}

#[tokio::test]
async fn case_40_a_cancelled_read_in_mid_frame_loses_nothing() {
    let (mut near, far) = tokio::io::duplex(64);
    let mut frames = FramedRead::new(far, Codec::<ToRoom>::new(MAX_FRAME_LEN));
    for number in 0..20 {
        let bytes = encode(&ToRoom::Ping(u64::MAX - number)).expect("fits");
        for byte in bytes.iter().take(bytes.len() - 1) {
            near.write_all(&[*byte]).await.expect("written");
            tokio::select! {
                biased;
                frame = frames.next() => panic!("too early: {frame:?}"),
                () = std::future::ready(()) => {}
            }
        }
        near.write_all(&bytes[bytes.len() - 1..]).await.expect("written");
        let frame = frames.next().await.expect("open").expect("good");
        assert_eq!(frame, ToRoom::Ping(u64::MAX - number));
    }
}

#[test]
fn case_41_an_unknown_variant_is_refused() {
    for variant in 6..=127 {
        assert!(decode::<ToRoom>(&[variant]).is_err());
        assert!(decode::<ToRoom>(&[variant, 0, 0, 0, 0]).is_err());
    }
    for variant in 10..=127 {
        assert!(decode::<FromRoom>(&[variant, 0, 0, 0, 0]).is_err());
    }
    let mut event = body(&FromRoom::Event { seq: 1, event: Event::Away { member: 1 } });
    event[2] = 12;
    assert!(decode::<FromRoom>(&event).is_err());
}

#[test]
fn case_42_an_over_long_varint_is_refused() {
    assert_eq!(body(&ToRoom::Ping(5)), [4, 5]);
    assert!(decode::<ToRoom>(&[4, 5]).is_ok());
    for bad in [&[4, 0x85, 0][..], &[4, 0x85, 0x80, 0], &[0x84, 0, 5], &[4, 0x80, 0]] {
        assert!(decode::<ToRoom>(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn case_43_a_count_far_above_the_bytes_present_is_refused_quickly() {
    // Answer::Names, Answer::Knocks, Answer::Who, Gap::kept: every list on the wire.
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    for head in [&[6, 3][..], &[6, 5], &[6, 2], &[5, 0, 0, 0]] {
        for count in [&huge[..], &[0xff, 0xff, 0xff, 0xff, 0x0f], &[0x7f]] {
            let bytes = [head, count].concat();
            assert!(decode::<FromRoom>(&bytes).is_err(), "{bytes:?}");
        }
    }
}

#[test]
fn case_44_bytes_that_would_nest_deeply_are_refused_at_once() {
    // No type on the wire contains itself, so depth is that of the declarations whatever the bytes say.
    for byte in 0..=255 {
        let bytes = vec![byte; 60 * 1024];
        assert!(decode::<FromRoom>(&bytes).is_err() && decode::<ToRoom>(&bytes).is_err());
    }
}

#[test]
fn case_45_text_that_is_no_utf_8_is_refused() {
    for bad in [&b"\xff"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"] {
        let mut bytes = vec![2, 2, bad.len() as u8];
        bytes.extend_from_slice(bad);
        assert!(decode::<ToRoom>(&bytes).is_err(), "{bad:?}");
    }
    assert!(decode::<ToRoom>(&[2, 2, 3, b'b', b'o', b'b']).is_ok());
}

#[test]
fn case_46_lengths_and_numbers_beyond_their_type_are_refused() {
    let too_far = |head: &[u8], rest: &[u8]| decode::<ToRoom>(&[head, rest].concat()).is_err();
    // A u64 of 65 bits, of 2^70, and one that never ends.
    assert!(too_far(&[4], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]));
    assert!(too_far(&[4], &[0xff; 9]) && too_far(&[4], &[0x80; 40]));
    // A text of 2^63 and of 2^64 - 1 bytes; a member number of 2^32.
    assert!(too_far(&[2, 2], &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]));
    assert!(too_far(&[2, 2], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]));
    assert!(too_far(&[2, 0], &[0x80, 0x80, 0x80, 0x80, 0x10]));
}

#[test]
fn the_widest_frames_that_the_limits_allow_fit() {
    let address = Some(Ipv6Addr::from_bits(u128::MAX).into());
    let name = || "x".repeat(MAX_NAME_LEN);
    let row = WhoRow {
        member: widest_member(),
        address,
        since_secs: u64::MAX,
        rtt_micros: Some(u32::MAX),
        host: true,
        away: true,
        muted: true,
    };
    let key = PublicKey([0xff; 32]);
    let knock = KnockRow { name: name(), key, address, claims: Some(name()) };
    let ban = BanRow { key, name: name(), secs: Some(u64::MAX) };
    let kept = Some(Kept { number: u32::MAX, tag: u32::MAX });
    let (n, prev) = (u64::MAX, u64::MAX);
    let event = Event::Said { from: u32::MAX, n, prev, to: Some(u32::MAX), kept, said: said(MAX_PAYLOAD_LEN) };
    let gap = Gap { missed: n, accepted: n, seq: n, kept: vec![u32::MAX; MAX_KEPT_IN_ROOM] };
    let frames = [
        FromRoom::Answer(Answer::Who { rows: vec![row; PAGE_ROWS], more: true }),
        FromRoom::Answer(Answer::Names(vec![name(); PAGE_ROWS])),
        FromRoom::Answer(Answer::Knocks(vec![knock; 16])),
        FromRoom::Event { seq: n, event },
        FromRoom::Gap(gap),
        FromRoom::Ended(End::Kicked { by: name(), reason: "x".repeat(MAX_REASON_LEN), term: Term::Good }),
        FromRoom::Answer(Answer::Bans { rows: vec![ban; PAGE_ROWS], more: true }),
    ];
    for frame in frames {
        assert!(encode(&frame).is_ok(), "{frame:?}");
    }
    let to = To::Member { key, instance: Instance([0xff; 16]) };
    let body = Body::Keep { tag: u32::MAX, said: said(MAX_PAYLOAD_LEN) };
    encode(&ToRoom::Envelope(Envelope { n, prev, to, body })).expect("an envelope fits");
    let resume = Some(Resume { epoch: Epoch([0xff; 16]), seq: n, count: n });
    let otherwise = Otherwise::Code(Element([0xff; 32]));
    let hello = Hello { features: n, name: name(), instance: Instance([0xff; 16]), next: n, resume, otherwise };
    assert!(encode(&ToRoom::Hello(hello)).expect("fits").len() - HEAD_LEN <= MAX_HELLO_LEN);
}

/// Bytes of an older or newer frame type with one more field do not pass for ours.
#[test]
fn a_frame_with_one_field_more_or_less_is_refused() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Longer(u32, String, u8);
    let longer = postcard::to_stdvec(&Longer(5, "bob".into(), 1)).expect("encodes");
    assert!(decode::<(u32, String)>(&longer).is_err());
    assert!(decode::<(u32, String)>(&longer[..longer.len() - 1]).is_ok());
    assert!(decode::<(u32, String)>(&longer[..longer.len() - 2]).is_err());
}

#[test]
fn the_longest_first_frame_of_a_stream_fits_its_limit_and_comes_back() {
    let hello = StreamHello {
        opener: Instance([0xff; 16]),
        target: Instance([0xff; 16]),
        command: "x".repeat(MAX_COMMAND_LEN),
        purpose: vec![0xff; MAX_PURPOSE_LEN].into(),
    };
    let frame = encode(&hello).unwrap();
    assert!(frame.len() - 4 <= MAX_STREAM_HELLO_LEN);
    assert_eq!(decode::<StreamHello>(&frame[4..]).unwrap(), hello);
    let answer = FromRoom::Answer(Answer::NoStream { temporary: true, reason: "x".repeat(MAX_NAME_LEN + 100) });
    assert_eq!(decode::<FromRoom>(&encode(&answer).unwrap()[4..]).unwrap(), answer);
}

#[test]
fn names_of_commands_have_few_letters_and_some() {
    assert!(is_command_name("send_file2") && is_command_name(&"x".repeat(MAX_COMMAND_LEN)));
    for wrong in ["", "Send", "send file", "sénd", "send\n", &"x".repeat(MAX_COMMAND_LEN + 1)] {
        assert!(!is_command_name(wrong), "{wrong:?}");
    }
}
