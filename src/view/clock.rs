//! The time before a line, and the days between lines.

use jiff::{Timestamp, civil::Date, fmt::strtime, tz::TimeZone};

use super::look::Time;

/// Tells times in a format and zone, and notices when another day begins.
pub(super) struct Clock {
    time: Time,
    zone: TimeZone,
    day: Date,
}

impl Clock {
    /// In the zone of this machine, from now on.
    pub(super) fn new(time: Time) -> Self {
        Self::at(time, TimeZone::system(), Timestamp::now())
    }

    /// In any zone, from any time on.
    pub(super) fn at(time: Time, zone: TimeZone, now: Timestamp) -> Self {
        let day = now.to_zoned(zone.clone()).date();
        Self { time, zone, day }
    }

    /// Another format from now on.
    pub(super) fn set(&mut self, time: Time) {
        self.time = time;
    }

    /// Whether times are told at all.
    pub(super) fn is_on(&self) -> bool {
        self.time.0.is_some()
    }

    /// The time as it stands before a line; nothing if the person wants none.
    pub(super) fn tell(&self, at: Timestamp) -> Option<String> {
        self.time.tell(&at.to_zoned(self.zone.clone()))
    }

    /// The day of `at`, if it is another one than that of the line before and times are told at all.
    pub(super) fn turn(&mut self, at: Timestamp) -> Option<String> {
        self.time.0.as_ref()?;
        let day = at.to_zoned(self.zone.clone()).date();
        if std::mem::replace(&mut self.day, day) == day {
            return None;
        }
        strtime::format("%A, %-d %B %Y", day).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(time: Option<&str>) -> Clock {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        Clock::at(Time(time.map(str::to_owned)), zone, "2026-11-24T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn times_are_those_of_the_zone_in_the_format() {
        let at = "2026-11-24T22:59:07Z".parse().unwrap();
        assert_eq!(clock(Some("%H:%M")).tell(at).as_deref(), Some("23:59"));
        assert_eq!(clock(Some("%I:%M:%S %p")).tell(at).as_deref(), Some("11:59:07 PM"));
        assert_eq!(clock(None).tell(at), None);
    }

    #[test]
    fn a_day_is_told_once_when_it_begins_in_the_zone_and_when_it_is_gone_back_to() {
        let mut told = clock(Some("%H:%M"));
        let days: Vec<_> =
            ["2026-11-24T22:59:59Z", "2026-11-24T23:00:00Z", "2026-11-25T08:00:00Z", "2026-11-23T08:00:00Z"]
                .map(|at| told.turn(at.parse().unwrap()))
                .into();
        let expected = [None, Some("Wednesday, 25 November 2026"), None, Some("Monday, 23 November 2026")];
        assert_eq!(days.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
        assert_eq!(clock(None).turn("2026-12-24T12:00:00Z".parse().unwrap()), None);
    }
}
