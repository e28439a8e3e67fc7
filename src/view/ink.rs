//! What parts of a line look like, and the colours of members. It gives escape sequences, and knows no text.

use std::borrow::Cow;

/// How many colours there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Depth {
    /// None, nor bold or dim either.
    #[default]
    None,
    /// The eight that every terminal has, whatever they look like there.
    Few,
    /// The 256 of xterm.
    Many,
}

/// The colour of a member, the same for a key wherever it is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hue(u8);

/// Colours of xterm's cube that read well on black as on white; a test computes it. Errors have a red of their own.
const MANY: [u8; 16] = [167, 130, 136, 100, 64, 28, 66, 30, 32, 63, 98, 134, 164, 199, 168, 131];

/// The colours that every terminal has, without black, white and the bright ones.
const FEW: [u8; 6] = [31, 32, 33, 34, 35, 36];

impl Hue {
    /// The colour of whoever has the key with this fingerprint, as it is written.
    pub(super) fn of(fingerprint: &str) -> Self {
        // FNV-1a, folded: a standard hash need not stay the same from one version of Rust to the next.
        let hash =
            fingerprint.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
        Self((hash ^ hash >> 8 ^ hash >> 16 ^ hash >> 24) as u8)
    }

    fn colour(self, depth: Depth) -> String {
        match depth {
            Depth::None => String::new(),
            Depth::Few => FEW[usize::from(self.0) % FEW.len()].to_string(),
            Depth::Many => format!("38;5;{}", MANY[usize::from(self.0) % MANY.len()]),
        }
    }
}

/// What a part of a line is, as far as that shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ink {
    /// Nothing special.
    #[default]
    Plain,
    /// A time, a row that says what is under way.
    Dim,
    /// This person's own name.
    Own,
    /// The name of somebody else.
    Name(Hue),
    /// The name of somebody who says something to this person.
    Calls(Hue),
    /// What tells a private message, and its margin.
    Private,
    /// See [`Private`](Self::Private).
    PrivateMargin,
    /// What tells an error.
    Error,
    /// Code.
    Code,
    /// The link with this number in its message.
    Link(usize),
}

impl Ink {
    /// The attributes of an escape sequence for it; empty for none.
    pub(super) fn attributes(self, depth: Depth) -> Cow<'static, str> {
        let many = depth == Depth::Many;
        match self {
            _ if depth == Depth::None => "".into(),
            Self::Plain | Self::Link(_) => "".into(),
            Self::Dim => "2".into(),
            Self::Own => "1".into(),
            Self::Name(hue) => format!("1;{}", hue.colour(depth)).into(),
            Self::Calls(hue) => format!("1;7;{}", hue.colour(depth)).into(),
            Self::Private if many => "1;38;5;231;48;5;90".into(),
            Self::Private => "1;37;45".into(),
            Self::PrivateMargin if many => "1;38;5;134".into(),
            Self::PrivateMargin => "1;35".into(),
            Self::Error if many => "1;38;5;160".into(),
            Self::Error => "1;31".into(),
            Self::Code if many => "38;5;30".into(),
            Self::Code => "36".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The luminance of a colour of the cube, by the Web Content Accessibility Guidelines.
    fn luminance(colour: u8) -> f64 {
        let level = |step: u8| f64::from([0, 95, 135, 175, 215, 255][usize::from(step)]) / 255.0;
        let linear = |level: f64| if level <= 0.04045 { level / 12.92 } else { ((level + 0.055) / 1.055).powf(2.4) };
        let at = colour.checked_sub(16).filter(|at| *at < 216).expect("a colour of the cube");
        0.2126 * linear(level(at / 36)) + 0.7152 * linear(level(at / 6 % 6)) + 0.0722 * linear(level(at % 6))
    }

    fn contrast(one: f64, other: f64) -> f64 {
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn every_colour_reads_well_on_black_and_on_white() {
        for colour in MANY.into_iter().chain([30, 134, 160]) {
            let own = luminance(colour);
            assert!(contrast(own, 0.0) >= 3.0 && contrast(own, 1.0) >= 3.0, "{colour}");
        }
        assert!(contrast(luminance(231), luminance(90)) >= 4.5, "what tells a private message");
        assert_eq!(MANY.iter().collect::<HashSet<_>>().len(), MANY.len());
    }

    #[test]
    fn a_key_keeps_its_colour_and_keys_share_them_evenly() {
        assert_eq!(
            Hue::of("mzuh-vlpy-mk6x-o3ep-ygfy").colour(Depth::Many),
            Hue::of("mzuh-vlpy-mk6x-o3ep-ygfy").colour(Depth::Many)
        );
        let mut counts = std::collections::HashMap::new();
        for i in 0..1_600 {
            *counts.entry(Hue::of(&format!("{i:04}-abcd-{i}")).colour(Depth::Many)).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), MANY.len());
        assert!(counts.values().all(|count| (50..200).contains(count)), "{counts:?}");
    }

    #[test]
    fn without_colours_nothing_is_said_of_looks() {
        for ink in [Ink::Dim, Ink::Own, Ink::Name(Hue(3)), Ink::Calls(Hue(3)), Ink::Private, Ink::Error, Ink::Code] {
            assert_eq!(ink.attributes(Depth::None), "");
            assert_ne!(ink.attributes(Depth::Few), "");
            assert!(!ink.attributes(Depth::Few).contains("38;5"), "{ink:?}");
        }
    }
}
