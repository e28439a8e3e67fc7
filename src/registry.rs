//! From a typed line to a command and its arguments.
//!
//! The registry knows the commands as data only: no name of one is written here. It runs nothing and asks
//! nobody. Where a line's meaning depends on who is in the room, its caller says so through [`Known`], after
//! it has looked up the names of [`Registry::member_names`].

mod complete;
mod fit;
mod hint;
mod paths;
mod sight;
mod slip;
#[cfg(test)]
mod tests;
mod walk;

use clap::ArgMatches;

pub use complete::{Candidate, Names};
pub use hint::Hint;
pub use sight::Mark;

use fit::{Unfit, fit, meant, parse};

use crate::{
    args::{Meaning, number},
    command::Entry,
    near,
    wire::MAX_NAME_LEN,
    words,
};

/// Who is there at the moment, for the question whether a bare line is a command.
pub trait Known {
    /// Whether a member of that name is in the room.
    fn member(&self, name: &str) -> bool;

    /// Whether somebody of that name waits at the door.
    fn knock(&self, name: &str) -> bool;

    /// Whether the room keeps something under that number.
    fn kept(&self, number: u32) -> bool;
}

/// What a line is.
#[derive(Clone, Debug)]
pub enum Reading {
    /// A blank line.
    Nothing,
    /// A command with arguments that its grammar has accepted; for text that is the default command.
    Run {
        /// The command.
        entry: &'static Entry,
        /// Its arguments.
        matches: ArgMatches,
    },
    /// A question for help about a command's usage; this is the answer.
    Help(String),
    /// A command that does not exist or is used wrongly. Nothing is said.
    Wrong {
        /// What is wrong; the usage may follow in further rows.
        message: String,
        /// Whether the line may be kept in the history.
        remember: bool,
    },
    /// A line that may be confidential and does not fit. Nothing is said; this tells why.
    Held(String),
}

impl Reading {
    /// Whether the line may be kept in the history of typed lines.
    pub fn remember(&self) -> bool {
        match self {
            Self::Nothing | Self::Held(_) => false,
            Self::Run { entry, .. } => !entry.private,
            Self::Wrong { remember, .. } => *remember,
            Self::Help(_) => true,
        }
    }
}

/// All commands, and how lines are read.
#[derive(Clone, Copy, Debug)]
pub struct Registry {
    entries: &'static [Entry],
    default: &'static Entry,
}

impl Registry {
    /// A registry of `entries`.
    ///
    /// # Panics
    ///
    /// If no entry is the default; of the commands of this program the compiler has checked it.
    pub fn new(entries: &'static [Entry]) -> Self {
        let default = entries.iter().find(|entry| entry.default).expect("one command is the default");
        Self { entries, default }
    }

    /// All commands.
    pub fn entries(&self) -> &'static [Entry] {
        self.entries
    }

    /// The command that answers to `name`, written without a slash.
    pub fn find(&self, name: &str) -> Option<&'static Entry> {
        self.entries.iter().find(|entry| entry.answers_to(name))
    }

    /// The command that offers files, if one does.
    pub fn offering(&self) -> Option<&'static Entry> {
        self.entries.iter().find(|entry| entry.offers)
    }

    /// The name or alias nearest to `word`, if one is near.
    pub fn nearest(&self, word: &str) -> Option<&'static str> {
        near::nearest(self.names(), word)
    }

    /// All names and aliases. A member may not call itself so: a line that begins with its name would be
    /// taken for a command.
    pub fn reserved(&self) -> Vec<&'static str> {
        self.names().collect()
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.entries.iter().flat_map(Entry::names)
    }

    /// The names on which it depends how `line` is read: the caller finds out which of them are members and
    /// then answers for them in [`read`](Self::read). Empty for most lines. If the room cannot be asked about
    /// one, the line should not be read at all: as text it could tell everyone what was meant for a command.
    pub fn member_names(&self, line: &str) -> Vec<String> {
        let mut names = Vec::new();
        if is_text(line) || (line.starts_with('/') && !is_several(line)) {
            return names;
        }
        let (first, rest) = head(line);
        if is_several(line) {
            names.extend(self.slip(bare_name(first)).then(|| addressed(rest)).into_iter().flatten());
        } else if let Some(entry) = self.bare(first)
            && let Ok(matches) = parse(entry, rest)
        {
            let meant = meant(entry, &matches);
            names.extend(meant.into_iter().filter_map(|(meaning, word)| (meaning == Meaning::Member).then_some(word)));
        } else if self.slip(first) {
            names.extend(addressed(rest));
        }
        names.retain(|name| !name.is_empty() && name.len() <= MAX_NAME_LEN);
        names.sort();
        names.dedup();
        names
    }

    /// What `line` is.
    ///
    /// * Blank lines are nothing.
    /// * A line that begins with a space is text.
    /// * Several lines at once are text, never commands, but held back if the first one looks like a private
    ///   command: somebody may have pasted several lines after its name.
    /// * `/name` is a command or wrong, never text.
    /// * A bare line is a command if its first word names one that needs no slash, the rest fits its grammar,
    ///   and the arguments that mean something which exists now do exist.
    /// * A bare line of a private command that is no command is held back; so is a line whose first word is
    ///   one slip of the finger away from such a command and whose second word is a member.
    /// * Everything else is text: the whole line goes to the default command.
    pub fn read(&self, line: &str, known: &dyn Known) -> Reading {
        if is_text(line) {
            return self.always_text(line);
        }
        if is_several(line) {
            return self.read_several(line, known);
        }
        if let Some(command) = line.strip_prefix('/') {
            return self.read_command(command);
        }
        let (first, rest) = head(line);
        if let Some(entry) = self.bare(first) {
            match parse(entry, rest) {
                Ok(matches) => match self.absent(entry, &matches, known) {
                    None => return Reading::Run { entry, matches },
                    Some(absent) if entry.private => return Reading::Held(held(&absent)),
                    Some(_) => {}
                },
                Err(Unfit::Help(page)) => return Reading::Help(page),
                Err(Unfit::Wrong(problem) | Unfit::Unfinished(problem)) if entry.private => {
                    return Reading::Held(held(&problem));
                }
                Err(Unfit::Wrong(_) | Unfit::Unfinished(_)) => {}
            }
        }
        if self.slip(first) && addressed(rest).any(|name| known.member(&name)) {
            return Reading::Held(held(&format!("{first} looks like a private command misspelt")));
        }
        self.always_text(line)
    }

    /// Reads `answer`, which the person gave when `entry` asked, as its arguments.
    pub fn read_answer(&self, entry: &'static Entry, answer: &str) -> Reading {
        if answer.trim().is_empty() {
            return Reading::Nothing;
        }
        match parse(entry, answer.trim()) {
            Ok(matches) => Reading::Run { entry, matches },
            Err(unfit) => wrong(entry, unfit),
        }
    }

    /// Reads `line` as text whatever it says: for input that others may have written.
    pub fn always_text(&self, line: &str) -> Reading {
        if line.trim().is_empty() {
            return Reading::Nothing;
        }
        fit(self.default, vec!["--".to_owned(), line.to_owned()])
            .map_or_else(|unfit| wrong(self.default, unfit), |matches| Reading::Run { entry: self.default, matches })
    }

    fn read_several(&self, lines: &str, known: &dyn Known) -> Reading {
        let (first, rest) = head(lines);
        let name = bare_name(first);
        let private = self.find(name).is_some_and(|entry| entry.private && (entry.bare || first.starts_with('/')));
        if private || (self.slip(name) && addressed(rest).any(|name| known.member(&name))) {
            return Reading::Held(held("several lines at once are never a command"));
        }
        self.always_text(lines)
    }

    fn read_command(&self, command: &str) -> Reading {
        let (name, rest) = head(command);
        let Some(entry) = self.find(name) else {
            let hint = match self.nearest(name) {
                Some(near) => format!("did you mean /{near}?"),
                None => "a line that begins with a space is text, whatever it says".to_owned(),
            };
            let remember = !near::slips(self.private_names(), name);
            return Reading::Wrong { message: format!("no command is called /{name}; {hint}"), remember };
        };
        match parse(entry, rest) {
            Ok(matches) => Reading::Run { entry, matches },
            Err(unfit) => wrong(entry, unfit),
        }
    }

    /// The command of that name, if it needs no slash.
    fn bare(&self, name: &str) -> Option<&'static Entry> {
        self.find(name).filter(|entry| entry.bare)
    }

    fn private_names(&self) -> impl Iterator<Item = &'static str> {
        self.entries.iter().filter(|entry| entry.private).flat_map(Entry::names)
    }

    /// Whether `word` is the name of a private command that addresses a member, or would be but for one slip.
    fn slip(&self, word: &str) -> bool {
        let addresses = |entry: &&Entry| entry.grammar().get_arguments().any(|arg| Meaning::of(arg) == Meaning::Member);
        let entries = self.entries.iter().filter(|entry| entry.private).filter(addresses);
        near::slips(entries.flat_map(Entry::names), word)
    }

    /// The first argument that means something which does not exist now, in words.
    fn absent(&self, entry: &Entry, matches: &ArgMatches, known: &dyn Known) -> Option<String> {
        let kept = |word: &str| number(word).is_some_and(|number| known.kept(number));
        meant(entry, matches).into_iter().find_map(|(meaning, word)| match meaning {
            Meaning::Member if !known.member(&word) => Some(format!("nobody here is called {word}")),
            Meaning::Knock if !known.knock(&word) => Some(format!("nobody called {word} waits at the door")),
            Meaning::Kept if !kept(&word) => Some(format!("nothing here has the number {word}")),
            Meaning::Pending if !known.knock(&word) && !kept(&word) => {
                Some(format!("nothing and nobody called {word} waits for an answer"))
            }
            Meaning::Command if self.find(bare_name(&word)).is_none() => Some(format!("no command is called {word}")),
            // Somebody who says "help me" wants no page: so short a name is a word that sentences need.
            Meaning::Command if word.len() <= 2 && self.bare(&word).is_none() => {
                Some(format!("/{word} needs its slash"))
            }
            _ => None,
        })
    }
}

/// A command's name as people write it: a slash before it does not count.
pub fn bare_name(word: &str) -> &str {
    word.strip_prefix('/').unwrap_or(word)
}

/// Whether a line can be nothing but text. A blank one is, in that it is no command.
fn is_text(line: &str) -> bool {
    line.is_empty() || line.starts_with(char::is_whitespace)
}

/// Whether these are several lines, as a paste brings them.
fn is_several(line: &str) -> bool {
    line.contains('\n')
}

/// The first word of a line and what follows it.
fn head(line: &str) -> (&str, &str) {
    let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (first, rest.trim_start())
}

fn held(problem: &str) -> String {
    format!("nothing was said: {problem}\nto say it to everyone, begin the line with a space")
}

fn wrong(entry: &Entry, unfit: Unfit) -> Reading {
    match unfit {
        Unfit::Help(page) => Reading::Help(page),
        Unfit::Wrong(message) | Unfit::Unfinished(message) => Reading::Wrong { message, remember: !entry.private },
    }
}

/// Whom a line would address, if `rest` is what follows a command's name: its first word, as it is and
/// without the signs that people put around a name.
fn addressed(rest: &str) -> impl Iterator<Item = String> {
    let word = rest.split_whitespace().next().unwrap_or_default();
    let plain = word.trim_matches(|c: char| c.is_ascii_punctuation() && c != '_' && c != '-');
    let quoted = words::split_unfinished(rest).into_iter().next().map(|word| word.text);
    [word.to_owned(), plain.to_owned()].into_iter().chain(quoted)
}
