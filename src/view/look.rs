//! How lines look, as a person chooses it.

use std::{fmt, str::FromStr};

use jiff::{Zoned, fmt::strtime};

/// What a person has chosen about the looks of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The time before each line.
    pub time: Time,
    /// Whether there are colours.
    pub colour: When,
    /// What rings the bell.
    pub bell: Bell,
}

impl Default for Look {
    fn default() -> Self {
        Self { time: Time::default(), colour: When::Auto, bell: Bell::Mention }
    }
}

/// The time before each line: a format of `strftime`, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Time(pub Option<String>);

impl Time {
    /// Hours and minutes.
    pub const DEFAULT: &'static str = "%H:%M";

    /// The time as it is told; nothing if the person wants none.
    pub fn tell(&self, at: &Zoned) -> Option<String> {
        // It was tried when it was chosen.
        let told = strtime::format(self.0.as_ref()?, at).ok()?;
        (!told.is_empty() && !told.contains(|c: char| c.is_control())).then_some(told)
    }
}

impl Default for Time {
    fn default() -> Self {
        Self(Some(Self::DEFAULT.to_owned()))
    }
}

/// The longest time that stands before a line, in columns: the text needs room, too.
const TIME_COLUMNS: usize = 32;

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let shown = strtime::format(text, &Zoned::now()).map_err(|error| error.to_string())?;
        if shown.is_empty() || shown.len() > TIME_COLUMNS || shown.contains(|c: char| c.is_control()) {
            return Err(format!("it has to give 1 to {TIME_COLUMNS} characters in one row"));
        }
        Ok(Self(Some(text.to_owned())))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("off"))
    }
}

/// Whether something is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum When {
    /// Where it is understood.
    #[default]
    Auto,
    /// In any case.
    Always,
    /// Not at all.
    Never,
}

/// What rings the terminal's bell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Bell {
    /// Nothing.
    Off,
    /// What is said to this person alone, or names them.
    #[default]
    Mention,
    /// Everything that others say.
    All,
}
