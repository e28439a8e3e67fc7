//! A bare line that was meant for a command whose name was mistyped.
//!
//! Such a line would be said to everyone. Few sentences may be suspected, so it takes a slip of the fingers, not just any
//! edit, and everything that follows must be what the command takes: members, numbers and files that exist.

use std::fs;

use super::{
    Known, Registry, head, is_several, is_text, near, parse,
    walk::{Role, walk},
};
use crate::{
    args::{self, Meaning},
    command::Entry,
    words,
};

impl Registry {
    /// The name that was probably meant by the first word of `line`, which is text as it stands.
    pub fn misspelt(&self, line: &str, known: &dyn Known) -> Option<&'static str> {
        if is_text(line) || is_several(line) {
            return None;
        }
        let (first, rest) = head(line);
        // Somebody may be called so, or it is a command that does not fit.
        if self.find(first).is_some() || known.member(first) {
            return None;
        }
        let entries = self.entries.iter().filter(|entry| entry.bare && !entry.default && !entry.private);
        let names = entries.flat_map(|entry| entry.names().map(move |name| (entry, name)));
        names.into_iter().find_map(|(entry, name)| {
            let slip = near::slip(name, first)?;
            let means = self.means_what_exists(entry, rest, known)?;
            (means || slip == near::Slip::Order).then_some(name)
        })
    }

    /// Whether `rest` names something that there is; nothing if it is not what `entry` takes.
    fn means_what_exists(&self, entry: &'static Entry, rest: &str, known: &dyn Known) -> Option<bool> {
        let matches = parse(entry, rest).ok()?;
        if self.absent(entry, &matches, known).is_some() {
            return None;
        }
        if let Some((_, path)) = super::paths::whole(entry, rest) {
            return exists(path).then_some(true);
        }
        let grammar = entry.grammar();
        let mut means = false;
        for (word, role) in walk(entry, &grammar, words::split_unfinished(rest)).words {
            let Role::Value(arg) = role else { continue };
            match Meaning::of(&arg) {
                Meaning::Plain | Meaning::Setting | Meaning::Value => {}
                Meaning::Path if !exists(&word.text) => return None,
                _ => means = true,
            }
        }
        Some(means)
    }
}

fn exists(path: &str) -> bool {
    fs::symlink_metadata(args::path(path)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{commands::ALL, registry::tests::ROOM, trust::scratch::Scratch};

    /// What people say to each other, much of it near the names of commands.
    const ORDINARY: &str = include_str!("slip/ordinary.txt");

    fn misspelt(line: &str) -> Option<&'static str> {
        Registry::new(ALL).misspelt(line, &ROOM)
    }

    #[test]
    fn slips_are_seen_where_the_rest_fits() {
        let scratch = Scratch::new();
        fs::write(scratch.path().join("my photo.jpg"), "x").expect("writable");
        let dir = scratch.path().to_str().expect("UTF-8");
        for (line, name) in [
            ("qiut", "quit"),
            ("quitt", "quit"),
            ("whoo", "who"),
            ("hlep", "help"),
            ("hlep port", "help"),
            ("kcik bob", "kick"),
            ("acept 3", "accept"),
            ("resune 3", "resume"),
            ("transfesr", "transfers"),
            (&format!("sendfil {dir}/my photo.jpg"), "sendfile"),
            (&format!("sendfike \"{dir}/my photo.jpg\" --to bob"), "sendfile"),
        ] {
            assert_eq!(misspelt(line), Some(name), "{line}");
        }
    }

    #[test]
    fn slips_are_not_seen_where_the_rest_does_not_fit() {
        for line in [
            "qiut smoking",
            "kcik the ball",
            "acept 4",
            "sendfil /there/is/no/such.jpg",
            "sendfike",
            "sendfil the photo",
            "Qiut",
            "qiut\nqiut",
            " qiut",
            "/qiut",
            "quit",
            "kick",
            "aliec",
        ] {
            assert_eq!(misspelt(line), None, "{line}");
        }
    }

    #[test]
    fn ordinary_sentences_and_words_are_not_suspected() {
        let lines: Vec<_> = ORDINARY.lines().filter(|line| !line.is_empty()).collect();
        assert!(lines.len() >= 200, "{}", lines.len());
        for line in lines {
            assert_eq!(misspelt(line), None, "{line}");
        }
    }
}
