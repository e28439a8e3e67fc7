//! What may stand at the cursor: the grammar of the command says what a word means, and the room which
//! words of that meaning there are.

use clap::Arg;

use super::{
    Registry, bare_name, head, paths,
    walk::{takes_many, untouched, walk},
};
use crate::{args::Meaning, command::Entry, words};

/// What may stand at the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// The word, quoted as the line needs it.
    pub word: String,
    /// What it is, in a few words for people; empty if the word says it. It may hold what others wrote.
    pub about: String,
}

impl Candidate {
    /// A word that says what it is.
    pub fn plain(word: impl Into<String>) -> Self {
        Self { word: word.into(), about: String::new() }
    }
}

/// The names that completion offers, unquoted.
pub trait Names {
    /// Members whose names begin with `prefix`, without regard to case.
    fn members(&self, prefix: &str) -> Vec<Candidate>;

    /// Those at the door whose names begin with `prefix`, without regard to case.
    fn knocks(&self, prefix: &str) -> Vec<Candidate>;

    /// What the room keeps: numbers in ascending order, and what is known of each.
    fn kept(&self) -> Vec<(u32, String)>;

    /// Names of settings.
    fn settings(&self) -> Vec<Candidate> {
        Vec::new()
    }

    /// Words that fit the setting of that name.
    fn values_of(&self, setting: &str) -> Vec<Candidate> {
        let _ = setting;
        Vec::new()
    }
}

/// Where the cursor is.
enum Place<'a> {
    /// In the first word, a slash before it included.
    First(&'a str),
    /// In a word of text.
    Text { start: usize, typed: &'a str },
    /// In a word that is this argument.
    Argument { start: usize, typed: String, arg: Box<Arg>, bare: bool, before: Option<String> },
    /// In a word that begins with a dash and so is an option.
    Option { start: usize, typed: String, entry: &'static Entry },
}

impl Registry {
    /// What may stand for the word before byte `pos` of `line`: where that word starts, and the candidates,
    /// quoted as the line needs it. Files are not among them, see [`path_from`](Self::path_from).
    pub fn complete(&self, line: &str, pos: usize, names: &dyn Names) -> (usize, Vec<Candidate>) {
        let Some(before) = line.get(..pos) else { return (pos, Vec::new()) };
        match self.place(before) {
            Place::First(typed) => {
                let mut found = self.names_like(typed);
                if !typed.starts_with('/') {
                    found.extend(nicks(typed, names));
                }
                (0, found)
            }
            Place::Text { start, typed } => (start, nicks(typed, names)),
            Place::Option { start, typed, entry } => (start, options(entry, &typed)),
            Place::Argument { start, typed, arg, bare, before: earlier } => {
                let found = self.values(&arg, (earlier.as_deref().unwrap_or_default(), &typed), names);
                if found.is_empty() && bare && Meaning::of(&arg) != Meaning::Path {
                    let text = text_place(before);
                    return (text.0, nicks(text.1, names));
                }
                (start, found)
            }
        }
    }

    /// Where the word before byte `pos` starts, if it is a path.
    pub fn path_from(&self, line: &str, pos: usize) -> Option<usize> {
        match self.place(line.get(..pos)?) {
            Place::Argument { start, arg, .. } if Meaning::of(&arg) == Meaning::Path => {
                let before = line.get(..pos)?;
                let (first, rest) = head(before);
                let whole = self.find(bare_name(first)).and_then(|entry| paths::beginning(entry, rest));
                Some(whole.map_or(start, |at| before.len() - rest.len() + at).min(start))
            }
            _ => None,
        }
    }

    fn place<'a>(&self, before: &'a str) -> Place<'a> {
        let (start, typed) = text_place(before);
        let text = Place::Text { start, typed };
        if before.contains('\n') || before.starts_with(char::is_whitespace) {
            return text;
        }
        if start == 0 {
            return Place::First(before);
        }
        let (first, rest) = head(before);
        let bare = !first.starts_with('/');
        let Some(entry) = self.find(bare_name(first)).filter(|entry| entry.bare || !bare) else { return text };
        self.place_in(entry, before, rest, bare).unwrap_or(text)
    }

    /// The place within the arguments of `entry`, unless it is text.
    fn place_in<'a>(&self, entry: &'static Entry, before: &'a str, rest: &str, bare: bool) -> Option<Place<'a>> {
        let offset = before.len() - rest.len();
        let mut words = words::split_unfinished(rest);
        let last = words.pop_if(|word| word.span.end == rest.len());
        let (start, typed) = last.map_or((before.len(), String::new()), |word| (offset + word.span.start, word.text));
        if untouched(entry, words.len()) {
            return None;
        }
        let grammar = entry.grammar();
        let first = words.first().map(|word| word.text.clone());
        let walk = walk(entry, &grammar, words);
        if let Some(arg) = walk.pending {
            return Some(Place::Argument { start, typed, arg: Box::new(arg), bare, before: None });
        }
        if typed.starts_with('-') && !walk.only_words {
            return Some(Place::Option { start, typed, entry });
        }
        let positionals: Vec<_> = grammar.get_positionals().collect();
        let arg = positionals.get(walk.position).or_else(|| positionals.last().filter(|arg| takes_many(arg)))?;
        Some(Place::Argument { start, typed, arg: Box::new((*arg).clone()), bare, before: first })
    }

    /// Commands whose names begin with `typed`. Without a slash only those that need none.
    fn names_like(&self, typed: &str) -> Vec<Candidate> {
        let (slash, prefix) = typed.strip_prefix('/').map_or(("", typed), |prefix| ("/", prefix));
        let entries = self.entries.iter().filter(|entry| entry.bare || !slash.is_empty());
        let mut found = named_like(entries, prefix);
        found.iter_mut().for_each(|found| found.word.insert_str(0, slash));
        found
    }

    /// The words for an argument that begin with what is `typed`; `first` is the first word before it.
    fn values(&self, arg: &Arg, (first, typed): (&str, &str), names: &dyn Names) -> Vec<Candidate> {
        let mut found = match Meaning::of(arg) {
            Meaning::Member => names.members(typed),
            Meaning::Knock => names.knocks(typed),
            Meaning::Command => named_like(self.entries.iter(), bare_name(typed)),
            Meaning::Kept => numbers(typed, names),
            Meaning::Pending => names.knocks(typed).into_iter().chain(numbers(typed, names)).collect(),
            Meaning::Setting => beginning_with(names.settings(), typed),
            Meaning::Value => beginning_with(names.values_of(first), typed),
            Meaning::Path => Vec::new(),
            Meaning::Plain => {
                let values = arg.get_possible_values();
                let values = values.iter().filter(|value| value.get_name().starts_with(typed));
                let about = |value: &clap::builder::PossibleValue| {
                    value.get_help().map(ToString::to_string).unwrap_or_default()
                };
                values.map(|value| Candidate { word: value.get_name().to_owned(), about: about(value) }).collect()
            }
        };
        found.iter_mut().for_each(|found| found.word = words::quote(&found.word));
        found
    }
}

/// The names of `entries` that begin with `prefix`, each with what its command does.
fn named_like<'a>(entries: impl Iterator<Item = &'a Entry>, prefix: &str) -> Vec<Candidate> {
    let like = |entry: &Entry| {
        let names = entry.names().filter(|name| name.starts_with(prefix));
        let about = entry.summary();
        names.map(|name| Candidate { word: name.to_owned(), about: about.clone() }).collect::<Vec<_>>()
    };
    let mut found: Vec<_> = entries.flat_map(like).collect();
    found.sort_by(|one, other| one.word.cmp(&other.word));
    found
}

fn beginning_with(words: Vec<Candidate>, typed: &str) -> Vec<Candidate> {
    words.into_iter().filter(|found| found.word.starts_with(typed)).collect()
}

/// The word of text at the end of `before`.
fn text_place(before: &str) -> (usize, &str) {
    let start = before.char_indices().rfind(|(_, c)| c.is_whitespace()).map_or(0, |(at, c)| at + c.len_utf8());
    (start, &before[start..])
}

/// Members whose names begin a word of text. Without a letter nothing is offered: a Tab in a sentence is
/// no question for the whole room.
fn nicks(typed: &str, names: &dyn Names) -> Vec<Candidate> {
    if typed.is_empty() { Vec::new() } else { names.members(typed) }
}

/// What the room keeps whose number begins like what is typed.
fn numbers(typed: &str, names: &dyn Names) -> Vec<Candidate> {
    let found = names.kept().into_iter().map(|(number, about)| Candidate { word: number.to_string(), about });
    found.filter(|found| found.word.starts_with(typed)).collect()
}

/// The long options of `entry` that begin with `typed`.
fn options(entry: &Entry, typed: &str) -> Vec<Candidate> {
    let mut grammar = entry.grammar();
    // clap adds its own options when the grammar is built.
    grammar.build();
    let found = grammar.get_arguments().filter_map(|arg| Some((format!("--{}", arg.get_long()?), arg)));
    let about = |arg: &Arg| arg.get_help().map(ToString::to_string).unwrap_or_default();
    let mut found: Vec<_> = found
        .filter(|(long, _)| long.starts_with(typed))
        .map(|(word, arg)| Candidate { word, about: about(arg) })
        .collect();
    found.sort_by(|one, other| one.word.cmp(&other.word));
    found
}
