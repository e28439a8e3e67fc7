//! Argument types that say what a word means. The grammar of a command that uses them tells completion and
//! dispatch, without either knowing the command.

use std::{any::TypeId, convert::Infallible, fmt, str::FromStr};

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

/// What an argument's words mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A [`MemberName`].
    Member,
    /// A [`KnockName`].
    Knock,
    /// A [`CommandName`].
    Command,
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
