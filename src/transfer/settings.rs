//! What a person has set about files.

use std::{path::PathBuf, str::FromStr};

pub use crate::limits::file::{ENTRY_COST, LEAST_COST, SESSION_BYTES};
use crate::size::Size;

/// What is received without asking, from others than oneself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoAccept {
    /// Everything, in an open room too.
    All,
    /// Offers that take up to this many bytes of the disk, [`SESSION_BYTES`] in all; in an open room nothing. Of those who
    /// are trusted everything.
    UpTo(u64),
    /// Nothing, of those who are trusted neither: whoever says so wants to be asked.
    None,
    /// Nothing, of one's own key neither: something else decides.
    Never,
    /// Nothing, and each offer is declined at once: a program is there that only says or sends something, and nobody shall
    /// wait for it.
    Decline,
}

impl AutoAccept {
    /// Unless somebody says otherwise: photos and documents come by themselves, films do not.
    pub const DEFAULT: Self = Self::UpTo(64 << 20);
}

impl FromStr for AutoAccept {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            "none" => Ok(Self::None),
            size => match size.parse::<Size>() {
                Ok(Size(bytes)) => Ok(Self::UpTo(bytes)),
                Err(shape) => Err(format!("{shape}, all or none")),
            },
        }
    }
}

/// What a person has set about files.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is received without asking.
    pub auto_accept: AutoAccept,
    /// Where to.
    pub downloads: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_accepted_is_a_size_or_all_or_none() {
        assert_eq!("64M".parse(), Ok(AutoAccept::DEFAULT));
        assert_eq!(("all".parse(), "none".parse()), (Ok(AutoAccept::All), Ok(AutoAccept::None)));
        assert!("some".parse::<AutoAccept>().unwrap_err().ends_with("all or none"));
    }
}
