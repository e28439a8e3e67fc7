//! The commands, one a file. A file dropped in here is a command; nothing else needs to change.

use crate::command::{Entry, distinct, one_default, same, well_formed};

include!(concat!(env!("OUT_DIR"), "/commands.rs"));

macro_rules! register {
    ($($module:ident),*) => {
        $(mod $module;)*

        /// All commands, by name.
        pub const ALL: &[Entry] = &[$($module::COMMAND),*];

        const _: () = {
            $(
                assert!(
                    same($module::COMMAND.name, stringify!($module)),
                    concat!("commands/", stringify!($module), ".rs must declare the name of its file")
                );
                assert!(
                    well_formed(&$module::COMMAND),
                    concat!("commands/", stringify!($module), ".rs: names and aliases are [a-z][a-z0-9_]*, 32 bytes at most")
                );
            )*
            assert!(distinct(ALL), "two commands answer to one name");
            assert!(one_default(ALL), "exactly one command must be the default");
        };
    };
}

each_command!(register);
