//! Sizes and speeds as people read and write them, in binary units: KiB is 1,024 bytes.

use std::{fmt, str::FromStr, time::Duration};

const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// A number of bytes, shown with the unit that suits it: `2.1 MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unit = 0;
        let mut rest = self.0 as f64;
        // 1023.95 KiB would be shown as 1024.0 KiB.
        while rest >= 1023.95 && unit + 1 < UNITS.len() {
            rest /= 1024.0;
            unit += 1;
        }
        if unit == 0 { write!(f, "{} B", self.0) } else { write!(f, "{rest:.1} {}", UNITS[unit]) }
    }
}

/// What a size looks like.
const SHAPE: &str = "a size such as 500K, 64M or 2G";

impl FromStr for Size {
    type Err = String;

    /// Reads a number, possibly with a fraction, and a unit: `K`, `KB` and `KiB` are all 1,024 bytes.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: f64 = number.parse().map_err(|_| SHAPE.to_owned())?;
        let unit = unit.trim_start().to_ascii_lowercase();
        let unit = unit.strip_suffix("ib").or(unit.strip_suffix('b')).unwrap_or(&unit);
        let power = ["", "k", "m", "g", "t", "p"].iter().position(|known| *known == unit).ok_or(SHAPE)?;
        // Numbers that are too large for a u64 become the largest one, which no disk holds.
        Ok(Self((number * 1024f64.powi(power as i32)) as u64))
    }
}

/// Bytes a second, `off` for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub Option<u64>);

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let shape = || "a speed a second such as 500K or 2M, or off".to_owned();
        let size = text.strip_suffix("/s").unwrap_or(text);
        // Without a unit it is more often a number of something else.
        if !size.ends_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(shape());
        }
        match size.parse::<Size>() {
            Ok(Size(bytes)) if bytes > 0 => Ok(Self(Some(bytes))),
            _ => Err(shape()),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(bytes) => write!(f, "{}/s", Size(bytes)),
            None => f.write_str("off"),
        }
    }
}

/// A number with separators between its thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.char_indices() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 file`, `2 files`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A time as short as it can be told: `8 s`, `3:05`, `2:10:00`.
pub fn brief(time: Duration) -> String {
    let secs = time.as_secs();
    match (secs / 3600, secs / 60 % 60, secs % 60) {
        (0, 0, secs) => format!("{secs} s"),
        (0, minutes, secs) => format!("{minutes}:{secs:02}"),
        (hours, minutes, secs) => format!("{hours}:{minutes:02}:{secs:02}"),
    }
}

/// A time in its two largest units: `5 s`, `2 h 5 min`, `1 d 3 h`.
pub fn stay(secs: u64) -> String {
    let (minutes, hours) = (secs / 60, secs / 3600);
    match secs {
        0..60 => format!("{secs} s"),
        60..3_600 => format!("{minutes} min"),
        3_600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_in_the_unit_that_suits_them() {
        let shown: Vec<String> = [0, 1, 1023, 1024, 1_048_575, 2_202_009, u64::MAX].map(|n| Size(n).to_string()).into();
        assert_eq!(shown, ["0 B", "1 B", "1023 B", "1.0 KiB", "1.0 MiB", "2.1 MiB", "16.0 EiB"]);
    }

    #[test]
    fn sizes_are_read_with_any_usual_unit() {
        for (text, bytes) in [
            ("0", 0),
            ("17", 17),
            ("1K", 1024),
            ("1.5 KiB", 1536),
            ("64MB", 64 << 20),
            ("2g", 2 << 30),
            ("9999999P", u64::MAX),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for wrong in ["", "K", "1X", "-1", "1 2", "1e3", ".", "NaN", "1ib5"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rate_needs_its_unit_and_is_not_nothing() {
        assert_eq!("2M".parse(), Ok(Rate(Some(2 << 20))));
        assert_eq!("500k/s".parse(), Ok(Rate(Some(500 << 10))));
        assert_eq!("off".parse(), Ok(Rate(None)));
        for wrong in ["3", "0K", "your time", "on"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
        assert_eq!(Rate(Some(2 << 20)).to_string(), "2.0 MiB/s");
    }

    #[test]
    fn a_stay_is_told_in_its_two_largest_units() {
        assert_eq!([5, 65, 7_500, 100_000].map(stay), ["5 s", "1 min", "2 h 5 min", "1 d 3 h"]);
    }

    #[test]
    fn numbers_and_times_are_short() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!((counted(1, "file"), counted(1_200, "file")), ("1 file".into(), "1,200 files".into()));
        assert_eq!([8, 65, 7_810].map(|secs| brief(Duration::from_secs(secs))), ["8 s", "1:05", "2:10:10"]);
    }
}
