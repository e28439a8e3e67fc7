//! What a line that is still being typed would be if it ended here, for its colours.

use std::{fs, ops::Range};

use super::{
    Known, Reading, Registry, Unfit, bare_name, head, is_several, is_text, parse, paths,
    walk::{Role, walk},
};
use crate::{
    args::{self, Meaning},
    command::{Entry, Input},
    words,
};

/// What a part of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The name of a command that would run.
    Command,
    /// The name of a private command that would run.
    Private,
    /// The name of a command that lacks something, or of which it is not known here whether it would run.
    Unfinished,
    /// The name of no command, or of one that is used wrongly. Nothing would be said.
    Wrong,
    /// An option of a command.
    Option,
    /// A path of something that exists.
    Path,
}

/// What a line is as a whole.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    Text,
    Command(&'static str, Mark),
    Unfinished,
    Wrong,
}

impl Registry {
    /// The parts of `line` that are no text, in order. `known` is who is there for certain, `possible` who may be there
    /// beside them.
    pub fn marks(&self, line: &str, known: &dyn Known, possible: &dyn Known) -> Vec<(Range<usize>, Mark)> {
        let sight = self.sight(line, known);
        let (first, rest) = head(line);
        let mark = match sight {
            sight if sight != self.sight(line, possible) => Mark::Unfinished,
            Sight::Text => return Vec::new(),
            Sight::Command(_, mark) => mark,
            Sight::Unfinished => Mark::Unfinished,
            Sight::Wrong => Mark::Wrong,
        };
        let mut marks = vec![(0..first.len(), mark)];
        if mark != Mark::Wrong
            && let Some(entry) = self.find(bare_name(first))
        {
            let offset = line.len() - rest.len();
            let inner = inner(entry, rest).into_iter();
            marks.extend(inner.map(|(span, mark)| (offset + span.start..offset + span.end, mark)));
        }
        marks
    }

    fn sight(&self, line: &str, known: &dyn Known) -> Sight {
        if is_text(line) || is_several(line) {
            return match self.read(line, known) {
                Reading::Held(_) => Sight::Wrong,
                _ => Sight::Text,
            };
        }
        let (first, rest) = head(line);
        let name = bare_name(first);
        if first.starts_with('/') {
            return match self.find(name) {
                Some(entry) => typed(entry, rest),
                None if first.len() == line.len() && self.names().any(|other| other.starts_with(name)) => {
                    Sight::Unfinished
                }
                None => Sight::Wrong,
            };
        }
        let entry = self.bare(first);
        match (self.read(line, known), entry) {
            (Reading::Run { entry: read, .. }, Some(entry)) if read.name == entry.name => {
                // The default command's name may itself be what is said.
                if typed(entry, rest) == Sight::Unfinished { Sight::Text } else { typed(entry, rest) }
            }
            (Reading::Help(_), Some(entry)) => typed(entry, rest),
            (Reading::Held(_), Some(entry)) if typed(entry, rest) == Sight::Unfinished => Sight::Unfinished,
            (Reading::Held(_) | Reading::Wrong { .. }, _) => Sight::Wrong,
            _ => Sight::Text,
        }
    }
}

/// What `rest` is as the arguments of `entry`.
fn typed(entry: &Entry, rest: &str) -> Sight {
    match parse(entry, rest) {
        Ok(_) | Err(Unfit::Help(_)) => {
            Sight::Command(entry.name, if entry.private { Mark::Private } else { Mark::Command })
        }
        Err(Unfit::Unfinished(_)) => Sight::Unfinished,
        Err(Unfit::Wrong(_)) => Sight::Wrong,
    }
}

/// The options and paths among the arguments of `entry`.
fn inner(entry: &Entry, rest: &str) -> Vec<(Range<usize>, Mark)> {
    let grammar = entry.grammar();
    let whole = match entry.input {
        Input::Paths => paths::whole(entry, rest).map(|(_, path)| path).filter(|path| exists(path)),
        _ => None,
    };
    let whole = whole.map(|path| {
        let start = path.as_ptr() as usize - rest.as_ptr() as usize;
        start..start + path.len()
    });
    let mut marks: Vec<_> = whole.clone().map(|span| (span, Mark::Path)).into_iter().collect();
    for (word, role) in walk(entry, &grammar, words::split_unfinished(rest)).words {
        let mark = match role {
            Role::Option => Mark::Option,
            Role::Value(arg) if Meaning::of(&arg) == Meaning::Path && exists(&word.text) => Mark::Path,
            _ => continue,
        };
        if whole.as_ref().is_none_or(|whole| word.span.end <= whole.start || word.span.start >= whole.end) {
            marks.push((word.span, mark));
        }
    }
    marks.sort_by_key(|(span, _)| span.start);
    marks
}

fn exists(path: &str) -> bool {
    !path.is_empty() && fs::symlink_metadata(args::path(path)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{commands::ALL, registry::tests::ROOM, trust::scratch::Scratch};

    fn marks(line: &str) -> Vec<(&str, Mark)> {
        let marks = Registry::new(ALL).marks(line, &ROOM, &ROOM);
        marks.into_iter().map(|(span, mark)| (&line[span], mark)).collect()
    }

    #[test]
    fn a_line_shows_whether_it_would_run() {
        for (line, first) in [
            ("quit", Some(Mark::Command)),
            ("/quit", Some(Mark::Command)),
            ("kick bob", Some(Mark::Command)),
            ("text quit", Some(Mark::Command)),
            ("msg bob hi", Some(Mark::Private)),
            ("msg bob", Some(Mark::Unfinished)),
            ("/kick", Some(Mark::Unfinished)),
            ("/ki", Some(Mark::Unfinished)),
            ("/", Some(Mark::Unfinished)),
            ("/kik bob", Some(Mark::Wrong)),
            ("/port wine", Some(Mark::Wrong)),
            ("mgs bob hi", Some(Mark::Wrong)),
            ("msg nobody hi", Some(Mark::Wrong)),
            ("kick --help", Some(Mark::Command)),
            ("quit smoking", None),
            ("kick the ball", None),
            ("kick", None),
            ("text", None),
            (" quit", None),
            ("quit\nquit", None),
            ("hello", None),
            ("", None),
        ] {
            assert_eq!(marks(line).first().map(|(_, mark)| *mark), first, "{line:?}");
        }
    }

    #[test]
    fn options_and_paths_that_exist_are_marked_however_they_are_typed() {
        let scratch = Scratch::new();
        std::fs::write(scratch.path().join("my file"), "x").expect("writable");
        let dir = scratch.path().to_str().expect("UTF-8");
        for path in [format!("{dir}/my file"), format!("\"{dir}/my file\""), format!(r"{dir}/my\ file"), dir.to_owned()]
        {
            let line = format!("sendfile {path} --to bob");
            let expected = [("sendfile", Mark::Command), (path.as_str(), Mark::Path), ("--to", Mark::Option)];
            assert_eq!(marks(&line), expected, "{line}");
        }
        assert_eq!(marks(&format!("sendfile {dir}/none")), [("sendfile", Mark::Command)]);
        assert_eq!(marks("sendfile ~"), [("sendfile", Mark::Command), ("~", Mark::Path)]);
    }

    #[test]
    fn what_only_the_room_knows_is_uncertain() {
        let nobody = crate::registry::tests::Room(&[], &[]);
        let registry = Registry::new(ALL);
        assert_eq!(registry.marks("kick bob", &nobody, &ROOM), [(0..4, Mark::Unfinished)]);
        assert_eq!(registry.marks("msg bob hi", &nobody, &ROOM), [(0..3, Mark::Unfinished)]);
        assert_eq!(registry.marks("kick eve", &nobody, &ROOM), []);
    }
}
