//! What the compiler checks of the commands' declarations.

use super::Entry;
use crate::wire::MAX_COMMAND_LEN;

/// Whether two names are equal.
pub const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Whether the names an entry answers to are `[a-z][a-z0-9_]*` and short enough for the wire.
pub const fn well_formed(entry: &Entry) -> bool {
    let mut i = 0;
    while i < names(entry) {
        if !is_name(name(entry, i)) {
            return false;
        }
        i += 1;
    }
    true
}

/// Whether no name or alias is used twice.
pub const fn distinct(entries: &[Entry]) -> bool {
    let mut a = 0;
    while a < entries.len() {
        let mut i = 0;
        while i < names(&entries[a]) {
            if count(entries, name(&entries[a], i)) != 1 {
                return false;
            }
            i += 1;
        }
        a += 1;
    }
    true
}

/// Whether exactly one entry is the default.
pub const fn one_default(entries: &[Entry]) -> bool {
    let (mut i, mut found) = (0, 0);
    while i < entries.len() {
        if entries[i].default {
            found += 1;
        }
        i += 1;
    }
    found == 1
}

const fn names(entry: &Entry) -> usize {
    1 + entry.aliases.len()
}

const fn name(entry: &Entry, i: usize) -> &'static str {
    if i == 0 { entry.name } else { entry.aliases[i - 1] }
}

/// How often `wanted` is a name or an alias.
const fn count(entries: &[Entry], wanted: &str) -> usize {
    let (mut a, mut found) = (0, 0);
    while a < entries.len() {
        let mut i = 0;
        while i < names(&entries[a]) {
            if same(name(&entries[a], i), wanted) {
                found += 1;
            }
            i += 1;
        }
        a += 1;
    }
    found
}

const fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() > MAX_COMMAND_LEN || !bytes[0].is_ascii_lowercase() {
        return false;
    }
    let mut i = 0;
    while i < bytes.len() {
        if !(bytes[i].is_ascii_lowercase() || bytes[i].is_ascii_digit() || bytes[i] == b'_') {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::command::{Command, Context, Flow};

    macro_rules! sample {
        ($type:ident, $name:literal, [$($alias:literal),*], $default:literal) => {
            /// A sample.
            #[derive(clap::Parser)]
            struct $type;

            #[async_trait]
            impl Command for $type {
                const NAME: &'static str = $name;
                const ALIASES: &'static [&'static str] = &[$($alias),*];
                const DEFAULT: bool = $default;

                async fn run(self, _: &mut Context) -> anyhow::Result<Flow> {
                    Ok(Flow::Continue)
                }
            }
        };
    }

    sample!(One, "one", ["uno"], true);
    sample!(Two, "two", ["one"], false);
    sample!(Twice, "twice", ["twice"], true);
    sample!(Loud, "loud", ["LOUD"], false);

    #[test]
    fn a_name_or_alias_used_twice_is_found() {
        assert!(distinct(&[Entry::of::<One>(), Entry::of::<Loud>()]));
        assert!(!distinct(&[Entry::of::<One>(), Entry::of::<Two>()]));
        assert!(!distinct(&[Entry::of::<Twice>()]));
    }

    #[test]
    fn no_default_and_two_defaults_are_found() {
        assert!(one_default(&[Entry::of::<One>(), Entry::of::<Two>()]));
        assert!(!one_default(&[Entry::of::<Two>()]));
        assert!(!one_default(&[Entry::of::<One>(), Entry::of::<Twice>()]));
    }

    #[test]
    fn only_plain_lower_case_names_are_well_formed() {
        assert!(well_formed(&Entry::of::<One>()));
        assert!(!well_formed(&Entry::of::<Loud>()));
        for bad in ["", "1a", "_a", "a-b", "ä", "a b", &"a".repeat(MAX_COMMAND_LEN + 1)] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
