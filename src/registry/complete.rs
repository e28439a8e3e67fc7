//! What may stand at the cursor: the grammar of the command says what a word means, and the room which
//! words of that meaning there are.

use clap::Arg;

use super::{Registry, bare_name, head, paths};
use crate::{
    args::Meaning,
    command::{Entry, Input},
    words,
};

/// The names that completion offers.
pub trait Names {
    /// Names of members that begin with `prefix`, without regard to case.
    fn members(&self, prefix: &str) -> Vec<String>;

    /// Names of those at the door that begin with `prefix`, without regard to case.
    fn knocks(&self, prefix: &str) -> Vec<String>;

    /// Numbers of what the room keeps, in ascending order.
    fn kept(&self) -> Vec<u32>;

    /// Names of settings.
    fn settings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Words that fit the setting of that name.
    fn values_of(&self, setting: &str) -> Vec<String> {
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
    pub fn complete(&self, line: &str, pos: usize, names: &dyn Names) -> (usize, Vec<String>) {
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
        if match entry.input {
            Input::Words | Input::Paths => false,
            Input::Rest(n) => words.len() >= n,
            Input::Line => true,
        } {
            return None;
        }

        let grammar = entry.grammar();
        let (mut position, mut only_words, mut option) = (0, false, None);
        for word in &words {
            if option.take().is_some() {
                continue;
            }
            match word.text.as_str() {
                "--" if !only_words => only_words = true,
                dashed if !only_words && dashed.starts_with('-') && dashed.len() > 1 => {
                    option = valued(&grammar, dashed)
                }
                _ => position += 1,
            }
        }
        if let Some(arg) = option {
            return Some(Place::Argument { start, typed, arg: Box::new(arg), bare, before: None });
        }
        if typed.starts_with('-') && !only_words {
            return Some(Place::Option { start, typed, entry });
        }
        let positionals: Vec<_> = grammar.get_positionals().collect();
        let arg = positionals.get(position).or_else(|| positionals.last().filter(|arg| takes_many(arg)))?;
        let before = words.into_iter().next().map(|word| word.text);
        Some(Place::Argument { start, typed, arg: Box::new((*arg).clone()), bare, before })
    }

    /// Names of commands that begin with `typed`. Without a slash only those that need none.
    fn names_like(&self, typed: &str) -> Vec<String> {
        let (slash, prefix) = typed.strip_prefix('/').map_or(("", typed), |prefix| ("/", prefix));
        let entries = self.entries.iter().filter(|entry| entry.bare || !slash.is_empty());
        let names = entries.flat_map(Entry::names).filter(|name| name.starts_with(prefix));
        let mut names: Vec<_> = names.map(|name| format!("{slash}{name}")).collect();
        names.sort();
        names
    }

    /// The words for an argument that begin with what is `typed`; `first` is the first word before it.
    fn values(&self, arg: &Arg, (first, typed): (&str, &str), names: &dyn Names) -> Vec<String> {
        let found = match Meaning::of(arg) {
            Meaning::Member => names.members(typed),
            Meaning::Knock => names.knocks(typed),
            Meaning::Command => {
                let prefix = bare_name(typed);
                let mut found: Vec<_> =
                    self.names().filter(|name| name.starts_with(prefix)).map(str::to_owned).collect();
                found.sort();
                found
            }
            Meaning::Kept => numbers(typed, names),
            Meaning::Pending => names.knocks(typed).into_iter().chain(numbers(typed, names)).collect(),
            Meaning::Setting => beginning_with(names.settings(), typed),
            Meaning::Value => beginning_with(names.values_of(first), typed),
            Meaning::Path => Vec::new(),
            Meaning::Plain => {
                let values = arg.get_possible_values().into_iter().map(|value| value.get_name().to_owned());
                values.filter(|value| value.starts_with(typed)).collect()
            }
        };
        found.iter().map(|word| words::quote(word)).collect()
    }
}

fn beginning_with(words: Vec<String>, typed: &str) -> Vec<String> {
    words.into_iter().filter(|word| word.starts_with(typed)).collect()
}

/// The word of text at the end of `before`.
fn text_place(before: &str) -> (usize, &str) {
    let start = before.char_indices().rfind(|(_, c)| c.is_whitespace()).map_or(0, |(at, c)| at + c.len_utf8());
    (start, &before[start..])
}

/// Members whose names begin a word of text. Without a letter nothing is offered: a Tab in a sentence is
/// no question for the whole room.
fn nicks(typed: &str, names: &dyn Names) -> Vec<String> {
    if typed.is_empty() { Vec::new() } else { names.members(typed) }
}

/// Numbers of what the room keeps that begin like what is typed.
fn numbers(typed: &str, names: &dyn Names) -> Vec<String> {
    names.kept().iter().map(u32::to_string).filter(|number| number.starts_with(typed)).collect()
}

/// The long options of `entry` that begin with `typed`.
fn options(entry: &Entry, typed: &str) -> Vec<String> {
    let mut grammar = entry.grammar();
    // clap adds its own options when the grammar is built.
    grammar.build();
    let longs = grammar.get_arguments().filter_map(Arg::get_long);
    let mut found: Vec<_> = longs.map(|long| format!("--{long}")).filter(|long| long.starts_with(typed)).collect();
    found.sort();
    found
}

/// The option that `dashed` names, if the next word is its value.
pub(super) fn valued(grammar: &clap::Command, dashed: &str) -> Option<Arg> {
    let named = |arg: &&Arg| match dashed.strip_prefix("--") {
        Some(long) => arg.get_long() == Some(long),
        None => arg.get_short() == dashed.chars().nth(1) && dashed.chars().count() == 2,
    };
    grammar.get_opts().find(named).filter(|arg| arg.get_action().takes_values()).cloned()
}

pub(super) fn takes_many(arg: &Arg) -> bool {
    matches!(arg.get_action(), clap::ArgAction::Append)
        || arg.get_num_args().is_some_and(|range| range.max_values() > 1)
}
