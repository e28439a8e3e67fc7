//! A day, for lists that people read.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// Days in 400 years of the Gregorian calendar, after which it repeats.
const DAYS_AN_ERA: u64 = 146_097;

/// A day in UTC, shown as `2026-11-23`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The present day by the system's clock, which is only shown and decides nothing.
    pub fn today() -> Self {
        // A clock before 1970 is wrong anyway.
        let secs = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self::from_days(secs / SECONDS_A_DAY)
    }

    /// The date that is written as `2026-11-23`; nothing if it is no date.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut part = |len: usize| {
            let digits = parts.next().filter(|part| part.len() == len && part.bytes().all(|b| b.is_ascii_digit()))?;
            digits.parse::<u16>().ok()
        };
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        let fits = parts.next().is_none() && (1..=12).contains(&month) && (1..=31).contains(&day);
        fits.then_some(Self { year, month: month as u8, day: day as u8 })
    }

    /// The day that many days after 1970-01-01.
    fn from_days(days: u64) -> Self {
        // Howard Hinnant's `civil_from_days`: years begin in March, so that the leap day is their last.
        let days = days + 719_468;
        let era = days / DAYS_AN_ERA;
        let day_of_era = days % DAYS_AN_ERA;
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        Self { year: u16::try_from(year).unwrap_or(9999).min(9999), month: month as u8, day: day as u8 }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates_of_the_calendar() {
        for (days, date) in [
            (0, "1970-01-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_780, "2026-11-23"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(Date::from_days(days).to_string(), date);
            assert_eq!(Date::parse(date), Some(Date::from_days(days)));
        }
        assert_eq!(Date::from_days(u64::MAX / SECONDS_A_DAY).to_string().len(), "2026-11-23".len());
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in
            ["", "2026", "2026-11", "2026-13-01", "2026-00-01", "2026-01-32", "26-1-1", "2026-11-23-1", "+026-11-23"]
        {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }
}
