//! What a terminal can do, as far as the environment tells.

use super::{ink::Depth, look::When};

/// What a terminal can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Abilities {
    /// The colours that it has if any are used.
    pub(super) colours: Depth,
    /// Whether colours are used unless the person says otherwise.
    pub(super) coloured: bool,
    /// Whether it reads UTF-8.
    pub(super) unicode: bool,
    /// Whether its cursor can be moved.
    pub(super) moves: bool,
    /// Whether operating system commands do what they should, or nothing: titles, links.
    pub(super) commands: bool,
    /// Whether it shows progress. To some of those that do not, the same sequence is a message to pop up.
    pub(super) progress: bool,
}

impl Abilities {
    /// As the environment of this process tells.
    pub(super) fn from_env() -> Self {
        Self::read(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// A terminal without a title, for what is not about abilities.
    pub(super) fn simple(colour: bool) -> Self {
        let colours = if colour { Depth::Many } else { Depth::None };
        Self { colours, coloured: colour, unicode: true, moves: true, commands: colour, progress: false }
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| variable(name).unwrap_or_default();
        let term = get("TERM");
        let able = !term.is_empty() && term != "dumb";
        let many = term.contains("256color") || !get("COLORTERM").is_empty();
        // The console of Linux reads other sequences where commands are; old terminals show them.
        let old = ["linux", "cons", "vt", "ansi", "eterm", "unknown"].iter().any(|old| term.starts_with(old));
        Self {
            colours: if many { Depth::Many } else { Depth::Few },
            coloured: able && get("NO_COLOR").is_empty(),
            unicode: unicode(&get),
            moves: able,
            commands: able && !old,
            progress: able && !old && get("STY").is_empty() && shows_progress(&get),
        }
    }

    /// The colours that are used.
    pub(super) fn depth(&self, when: When) -> Depth {
        match when {
            When::Never => Depth::None,
            When::Auto if !self.coloured => Depth::None,
            When::Auto | When::Always => self.colours,
        }
    }
}

/// Whether what is written to a terminal has colours.
pub fn is_coloured(when: When) -> bool {
    Abilities::from_env().depth(when) != Depth::None
}

/// The first of the three that is set decides, as for every program. Where none is, nothing speaks against UTF-8.
fn unicode(get: &impl Fn(&str) -> String) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().map(get).find(|value| !value.is_empty());
    locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

fn shows_progress(get: &impl Fn(&str) -> String) -> bool {
    let program = get("TERM_PROGRAM");
    // GNOME's terminals since their library's version 0.79.
    let vte = get("VTE_VERSION").parse().is_ok_and(|version: u32| version >= 7_900);
    matches!(&*program, "ghostty" | "WezTerm" | "mintty")
        || !get("WT_SESSION").is_empty()
        || get("ConEmuANSI") == "ON"
        || vte
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Abilities {
        let value =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Abilities::read(value)
    }

    #[test]
    fn colours_are_as_many_as_the_terminal_has_unless_unwanted() {
        let many = with(&[("TERM", "xterm-256color")]);
        assert_eq!(
            [When::Auto, When::Always, When::Never].map(|when| many.depth(when)),
            [Depth::Many, Depth::Many, Depth::None]
        );
        assert_eq!(with(&[("TERM", "screen")]).depth(When::Auto), Depth::Few);
        assert_eq!(with(&[("TERM", "xterm"), ("COLORTERM", "truecolor")]).depth(When::Auto), Depth::Many);
        let unwanted = with(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]);
        assert_eq!([When::Auto, When::Always].map(|when| unwanted.depth(when)), [Depth::None, Depth::Many]);
        assert_eq!(with(&[("TERM", "dumb")]).depth(When::Auto), Depth::None);
        assert_eq!(with(&[]).depth(When::Auto), Depth::None);
    }

    #[test]
    fn the_first_locale_that_is_set_says_whether_it_is_utf_8() {
        for (variables, unicode) in [
            (&[][..], true),
            (&[("LANG", "en_US.UTF-8")], true),
            (&[("LANG", "C.utf8")], true),
            (&[("LANG", "C")], false),
            (&[("LC_ALL", "de_DE.ISO-8859-1"), ("LANG", "de_DE.UTF-8")], false),
            (&[("LC_ALL", ""), ("LC_CTYPE", "en_US.UTF-8"), ("LANG", "C")], true),
        ] {
            assert_eq!(with(variables).unicode, unicode, "{variables:?}");
        }
    }

    #[test]
    fn commands_go_to_terminals_that_take_them_and_progress_to_those_that_show_it() {
        for (variables, commands, progress) in [
            (&[("TERM", "xterm-256color")][..], true, false),
            (&[("TERM", "xterm-ghostty"), ("TERM_PROGRAM", "ghostty")], true, true),
            (&[("TERM", "xterm-256color"), ("VTE_VERSION", "7903")], true, true),
            (&[("TERM", "xterm-256color"), ("VTE_VERSION", "6800")], true, false),
            (&[("TERM", "xterm-256color"), ("WT_SESSION", "x")], true, true),
            (&[("TERM", "screen"), ("STY", "1.x"), ("WT_SESSION", "x")], true, false),
            (&[("TERM", "linux"), ("WT_SESSION", "x")], false, false),
            (&[("TERM", "dumb"), ("WT_SESSION", "x")], false, false),
        ] {
            let found = with(variables);
            assert_eq!((found.commands, found.progress), (commands, progress), "{variables:?}");
        }
    }
}
