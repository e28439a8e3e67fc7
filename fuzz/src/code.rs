use pchat::{
    code::{
        Code, Slip, WORDS,
        pake::{Ends, Host, Joiner},
        words,
    },
    wire::{Confirmation, Element, PublicKey},
};

use super::take;

/// Any text as a code that somebody typed, and any bytes as the other end of its proof.
///
/// The first byte says which; for a proof 32 bytes of element and 32 of confirmation follow.
pub fn code(data: &[u8]) {
    let mut data = data;
    match take(&mut data) % 2 {
        0 => typed(&String::from_utf8_lossy(data)),
        _ => proof(data),
    }
}

fn typed(text: &str) {
    match Code::typed(text) {
        Ok(code) => {
            let shown = code.shown();
            assert_eq!(shown.split('-').filter(|word| words::index(word).is_some()).count(), WORDS, "{shown}");
            let again = Code::typed(shown).expect("a code reads as it is shown");
            assert_eq!(again.shown(), shown);
            let wide: String = shown.chars().map(|c| if c == '-' { '\u{3000}' } else { full_width(c) }).collect();
            assert!(Code::typed(&wide).is_ok_and(|code| code.shown() == shown));
        }
        Err(slip) => {
            assert!(slip.to_string().lines().count() == 1);
            assert!(slip != Slip::Word(0));
        }
    }
}

fn full_width(letter: char) -> char {
    char::from_u32(letter as u32 - 'a' as u32 + 'ａ' as u32).expect("the list has small letters")
}

fn proof(data: &[u8]) {
    let mut bytes = [0; 64];
    let len = data.len().min(64);
    bytes[..len].copy_from_slice(&data[..len]);
    let (element, confirmation) = bytes.split_at(32);
    let element = Element(element.try_into().expect("half of it"));
    let confirmation = Confirmation(confirmation.try_into().expect("half of it"));

    let code = Code::typed("zoo abandon lens").expect("a code");
    let ends = Ends { exporter: [3; 32], joiner: PublicKey([1; 32]), host: PublicKey([2; 32]) };
    let joined = Joiner::start(&code, &ends).0.finish(&element);
    let hosted = Host::start(Some(&code), &ends).0.finish(&element);
    assert_eq!(joined.is_ok(), hosted.is_ok(), "the ends differ about a point");
    if let Ok((doubting, own)) = joined {
        assert_ne!(own, confirmation);
        assert!(!doubting.believes(&confirmation), "a confirmation that nobody made is believed");
    }
    if let Ok(asking) = hosted {
        assert!(asking.judge(&confirmation).is_none(), "a confirmation that nobody made lets in");
    }
}
