//! Whether the words of a line fit the grammar of a command, and what those that do mean.

use clap::{
    ArgMatches,
    error::{ContextKind, ContextValue, ErrorKind},
    parser::ValueSource,
};

use super::paths;
use crate::{
    args::Meaning,
    command::{Entry, Input},
    words,
};

/// Why arguments do not fit a grammar.
pub(super) enum Unfit {
    /// They ask for help.
    Help(String),
    /// Something is missing: the error and the usage.
    Unfinished(String),
    /// They are wrong: the error and the usage.
    Wrong(String),
}

/// Reads the rest of a line by the grammar of `entry`.
pub(super) fn parse(entry: &Entry, rest: &str) -> Result<ArgMatches, Unfit> {
    let words = arguments(entry, rest).map_err(|error| Unfit::Unfinished(misused(entry, &error.to_string())))?;
    fit(entry, words)
}

/// Fits words to the grammar of `entry`.
pub(super) fn fit(entry: &Entry, words: Vec<String>) -> Result<ArgMatches, Unfit> {
    entry.grammar().try_get_matches_from(words).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp => Unfit::Help(entry.page()),
        ErrorKind::MissingRequiredArgument => Unfit::Unfinished(misused(entry, &missing(&error))),
        // What was typed is not repeated.
        _ if entry.private => Unfit::Wrong(misused(entry, &format!("{} takes no such words", entry.typed()))),
        _ => {
            let text = error.render().to_string();
            // The view writes a head of its own, and the usage follows whatever kind of error it is.
            let problem = text.split("\n\n").next().unwrap_or_default();
            Unfit::Wrong(misused(entry, problem.trim().trim_start_matches("error: ")))
        }
    })
}

/// Which arguments are missing, in one line.
fn missing(error: &clap::Error) -> String {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(missing)) => format!("{} is missing", missing.join(" ")),
        Some(ContextValue::String(missing)) => format!("{missing} is missing"),
        _ => "an argument is missing".to_owned(),
    }
}

fn misused(entry: &Entry, problem: &str) -> String {
    format!("{problem}\nusage: {}", entry.usage())
}

/// The arguments that a line's rest holds. What is handed on untouched follows `--`, so that it may begin
/// with a dash.
fn arguments(entry: &Entry, rest: &str) -> Result<Vec<String>, words::SplitError> {
    let (mut arguments, untouched) = match entry.input {
        Input::Paths => match paths::whole(entry, rest) {
            Some((options, path)) => (options, path),
            None => return Ok(words::split(rest)?.into_iter().map(|word| word.text).collect()),
        },
        Input::Words => return Ok(words::split(rest)?.into_iter().map(|word| word.text).collect()),
        Input::Rest(n) => {
            let (words, untouched) = words::split_first(rest, n)?;
            (words.into_iter().map(|word| word.text).collect(), untouched)
        }
        Input::Line => (Vec::new(), rest),
    };
    if !untouched.is_empty() {
        arguments.extend(["--".to_owned(), untouched.to_owned()]);
    }
    Ok(arguments)
}

/// The typed words that mean something, with what they mean.
pub(super) fn meant(entry: &Entry, matches: &ArgMatches) -> Vec<(Meaning, String)> {
    let mut found = Vec::new();
    for arg in entry.grammar().get_arguments() {
        let (id, meaning) = (arg.get_id().as_str(), Meaning::of(arg));
        if matches!(meaning, Meaning::Path | Meaning::Plain | Meaning::Setting | Meaning::Value)
            || matches.value_source(id) != Some(ValueSource::CommandLine)
        {
            continue;
        }
        let words = matches.get_raw(id).into_iter().flatten();
        found.extend(words.map(|word| (meaning, word.to_string_lossy().into_owned())));
    }
    found
}
