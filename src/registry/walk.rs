//! Which argument each word of a line is, while the line is still being typed and need not fit.

use clap::Arg;

use crate::{
    command::{Entry, Input},
    words::Word,
};

/// What a word is to a grammar.
pub(super) enum Role {
    /// A value of this argument.
    Value(Box<Arg>),
    /// The name of an option.
    Option,
    /// Nothing that there is a place for.
    Extra,
}

/// What the words so far are.
pub(super) struct Walk {
    pub(super) words: Vec<(Word, Role)>,
    /// How many positional arguments have begun.
    pub(super) position: usize,
    /// The option whose value comes next.
    pub(super) pending: Option<Arg>,
    /// Whether no further word is an option.
    pub(super) only_words: bool,
    /// The options that were named.
    pub(super) used: Vec<clap::Id>,
}

/// Whether what follows `before` words is handed on untouched.
pub(super) fn untouched(entry: &Entry, before: usize) -> bool {
    match entry.input {
        Input::Words | Input::Paths => false,
        Input::Rest(n) => before >= n,
        Input::Line => true,
    }
}

/// What `words`, which follow the name of `entry`, are.
pub(super) fn walk(entry: &Entry, grammar: &clap::Command, words: Vec<Word>) -> Walk {
    let positionals: Vec<&Arg> = grammar.get_positionals().collect();
    let mut walk = Walk { words: Vec::new(), position: 0, pending: None, only_words: false, used: Vec::new() };
    for (index, word) in words.into_iter().enumerate() {
        let role = if let Some(arg) = walk.pending.take() {
            Role::Value(Box::new(arg))
        } else if untouched(entry, index) {
            // All of it is one argument, the last.
            walk.position = positionals.len();
            walk.only_words = true;
            positionals.last().map_or(Role::Extra, |arg| Role::Value(Box::new((*arg).clone())))
        } else {
            match word.text.as_str() {
                "--" if !walk.only_words => {
                    walk.only_words = true;
                    Role::Option
                }
                dashed if !walk.only_words && dashed.starts_with('-') && dashed.len() > 1 => {
                    walk.pending = valued(grammar, dashed);
                    match option(grammar, dashed) {
                        Some(arg) => {
                            walk.used.push(arg.get_id().clone());
                            Role::Option
                        }
                        None => Role::Extra,
                    }
                }
                _ => {
                    let place = positionals.get(walk.position);
                    let place = place.or_else(|| positionals.last().filter(|arg| takes_many(arg)));
                    walk.position += 1;
                    place.map_or(Role::Extra, |arg| Role::Value(Box::new((*arg).clone())))
                }
            }
        };
        walk.words.push((word, role));
    }
    walk
}

/// The option that `dashed` names, if the next word is its value.
pub(super) fn valued(grammar: &clap::Command, dashed: &str) -> Option<Arg> {
    let named = |arg: &&Arg| match dashed.strip_prefix("--") {
        Some(long) => arg.get_long() == Some(long),
        None => arg.get_short() == dashed.chars().nth(1) && dashed.chars().count() == 2,
    };
    grammar.get_opts().find(named).filter(|arg| arg.get_action().takes_values()).cloned()
}

/// Whether a word is an option, its value included.
pub(super) fn named(grammar: &clap::Command, word: &str) -> bool {
    let Some(long) = word.strip_prefix("--") else { return false };
    grammar.get_opts().any(|arg| arg.get_long() == Some(long.split('=').next().unwrap_or(long)))
}

/// The option that `dashed` names, with or without its value.
fn option<'a>(grammar: &'a clap::Command, dashed: &str) -> Option<&'a Arg> {
    let dashed = dashed.split('=').next().unwrap_or(dashed);
    let mut arguments = grammar.get_arguments();
    match dashed.strip_prefix("--") {
        Some(long) => arguments.find(|arg| arg.get_long() == Some(long)),
        None => arguments.find(|arg| arg.get_short().is_some() && arg.get_short() == dashed.chars().nth(1)),
    }
}

pub(super) fn takes_many(arg: &Arg) -> bool {
    matches!(arg.get_action(), clap::ArgAction::Append)
        || arg.get_num_args().is_some_and(|range| range.max_values() > 1)
}
