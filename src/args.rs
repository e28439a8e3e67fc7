//! Argument types that say what a word means. The grammar of a command that uses them tells completion and
//! dispatch, without either knowing the command.

use std::{any::TypeId, convert::Infallible, fmt, path::PathBuf, str::FromStr};

macro_rules! word {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub String);

        impl FromStr for $name {
            type Err = Infallible;

            fn from_str(word: &str) -> Result<Self, Infallible> {
                Ok(Self(word.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }
    };
}

word! {
    /// The name of a member.
    MemberName
}
word! {
    /// The name of somebody who waits at the door.
    KnockName
}
word! {
    /// The name of a command.
    CommandName
}
word! {
    /// The number of something that the room keeps for those who come later.
    KeptNumber
}
word! {
    /// What can be said yes or no to: the name of somebody at the door, or a [`KeptNumber`]. Nobody's name is a number.
    Pending
}

word! {
    /// The name of a setting.
    SettingKey
}
word! {
    /// A value of the setting that the word before it names.
    SettingValue
}

impl KeptNumber {
    /// The number.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn number(&self) -> anyhow::Result<u32> {
        number(&self.0).ok_or_else(|| anyhow::anyhow!("{} is not the number of an offer", self.0))
    }
}

impl Pending {
    /// The number, if it is one.
    pub fn number(&self) -> Option<u32> {
        number(&self.0)
    }
}

/// The number that a word is, as people write it.
pub fn number(word: &str) -> Option<u32> {
    let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    if digits { word.parse().ok().filter(|number| *number > 0) } else { None }
}

/// A path as a person typed it: `~` at its beginning is the home folder.
pub fn path(typed: &str) -> PathBuf {
    let rest = typed.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match rest.zip(std::env::home_dir()) {
        Some((rest, home)) => home.join(rest.trim_start_matches('/')),
        None => PathBuf::from(typed),
    }
}

/// What an argument's words mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A [`MemberName`].
    Member,
    /// A [`KnockName`].
    Knock,
    /// A [`CommandName`].
    Command,
    /// A [`KeptNumber`].
    Kept,
    /// A [`Pending`].
    Pending,
    /// A [`SettingKey`].
    Setting,
    /// A [`SettingValue`].
    Value,
    /// A path, by its clap [`ValueHint`](clap::ValueHint).
    Path,
    /// Anything else.
    Plain,
}

impl Meaning {
    /// What the words of `arg` mean.
    pub fn of(arg: &clap::Arg) -> Self {
        let kind = arg.get_value_parser().type_id();
        if kind == TypeId::of::<MemberName>() {
            Self::Member
        } else if kind == TypeId::of::<KnockName>() {
            Self::Knock
        } else if kind == TypeId::of::<CommandName>() {
            Self::Command
        } else if kind == TypeId::of::<KeptNumber>() {
            Self::Kept
        } else if kind == TypeId::of::<Pending>() {
            Self::Pending
        } else if kind == TypeId::of::<SettingKey>() {
            Self::Setting
        } else if kind == TypeId::of::<SettingValue>() {
            Self::Value
        } else if matches!(
            arg.get_value_hint(),
            clap::ValueHint::AnyPath | clap::ValueHint::FilePath | clap::ValueHint::DirPath
        ) {
            Self::Path
        } else {
            Self::Plain
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_72_numbers_are_what_people_write_and_nothing_else() {
        assert_eq!(number("3"), Some(3));
        for wrong in ["0", "-1", "+3", "", "3a", "18446744073709551616", "٣"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
        assert_eq!(KeptNumber("x".into()).number().unwrap_err().to_string(), "x is not the number of an offer");
    }

    #[test]
    fn only_a_tilde_alone_or_before_a_slash_is_the_home_folder() {
        let home = std::env::home_dir().expect("tests have one");
        assert_eq!((path("~"), path("~/a b")), (home.clone(), home.join("a b")));
        assert_eq!((path("~bob"), path("a~")), ("~bob".into(), "a~".into()));
    }
}
