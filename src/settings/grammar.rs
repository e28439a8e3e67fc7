//! What may be set, as the command line declares it: a setting is a flag of a way into a room. Nothing is declared twice.

use std::{any::TypeId, path::PathBuf};

use clap::{Arg, ArgAction, Command, ValueHint, builder::PossibleValue, error::ErrorKind};

use super::{ONCE, WAYS};
use crate::{args, near};

/// The flags of one way into a room that may be set.
pub(super) fn flags(way: &Command) -> impl Iterator<Item = &Arg> {
    let kind = |arg: &&Arg| matches!(arg.get_action(), ArgAction::Set | ArgAction::Append | ArgAction::SetTrue);
    way.get_arguments().filter(|arg| arg.get_long().is_some() && arg.get_help_heading() != Some(ONCE)).filter(kind)
}

/// The flag of that name, if it may be set.
pub(super) fn flag<'a>(way: &'a Command, key: &str) -> Option<&'a Arg> {
    flags(way).find(|arg| arg.get_long() == Some(key))
}

/// The ways into a room, with what their flags are.
pub(super) fn ways(grammar: &Command) -> impl Iterator<Item = (&'static str, &Command)> {
    WAYS.iter().filter_map(|name| Some((*name, grammar.find_subcommand(name)?)))
}

/// All names of settings of these ways, in order.
pub(super) fn keys(grammar: &Command, only: Option<&str>) -> Vec<String> {
    let ways = ways(grammar).filter(|(name, _)| only.is_none_or(|only| only == *name));
    let mut keys: Vec<_> = ways.flat_map(|(_, way)| flags(way).filter_map(Arg::get_long)).map(str::to_owned).collect();
    keys.sort();
    keys.dedup();
    keys
}

/// That there is no such setting, and which one may have been meant.
pub(super) fn unknown(grammar: &Command, only: Option<&str>, key: &str) -> String {
    let elsewhere = only.is_some() && keys(grammar, None).iter().any(|known| known == key);
    let keys = keys(grammar, only);
    let once = ways(grammar).any(|(_, way)| way.get_arguments().any(|arg| arg.get_long() == Some(key)));
    match (near::nearest(keys.iter().map(String::as_str), &key.replace('_', "-")), only) {
        (_, Some(only)) if elsewhere => format!("{key} is no setting of {only}"),
        _ if once => format!("{key} is said at each start, as --{key}"),
        (Some(near), _) => format!("no setting is called {key}; did you mean {near}?"),
        (None, _) => format!("no setting is called {key}; there are {}", keys.join(", ")),
    }
}

/// Whether a flag is there or not, and takes no value.
pub(super) fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

/// Whether a flag may be given several times.
pub(super) fn takes_many(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

/// What fits a flag, in a few words.
pub(super) fn fitting(arg: &Arg) -> String {
    let known = words(arg);
    let one = if is_switch(arg) || !known.is_empty() {
        known.join(", ")
    } else {
        arg.get_value_names().unwrap_or_default().join(" ")
    };
    if takes_many(arg) { format!("{one}, one or more") } else { one }
}

/// The words that fit a flag, where they can be counted.
pub(super) fn words(arg: &Arg) -> Vec<String> {
    if is_switch(arg) {
        return vec!["true".to_owned(), "false".to_owned()];
    }
    arg.get_possible_values().iter().map(PossibleValue::get_name).map(str::to_owned).collect()
}

/// What a flag is if nobody says anything.
pub(super) fn preset(arg: &Arg) -> Vec<String> {
    if is_switch(arg) {
        return vec!["false".to_owned()];
    }
    arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect()
}

/// What a flag does.
pub(super) fn help(arg: &Arg) -> String {
    arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default()
}

/// Whether a number is written without quotes for this flag.
pub(super) fn is_text(arg: &Arg) -> bool {
    let kind = arg.get_value_parser().type_id();
    kind == TypeId::of::<String>() || is_path(arg)
}

pub(super) fn is_path(arg: &Arg) -> bool {
    let hint = matches!(arg.get_value_hint(), ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath);
    hint || arg.get_value_parser().type_id() == TypeId::of::<PathBuf>()
}

/// A value with what a shell would have done to it: a path that begins with `~` is in the home folder.
///
/// # Errors
///
/// If it is a path from wherever the program is started: that would be somewhere else each time.
pub(super) fn expanded(arg: &Arg, value: String) -> Result<String, String> {
    if !is_path(arg) {
        return Ok(value);
    }
    let path = args::path(&value);
    if !path.is_absolute() {
        return Err("a path here begins with / or ~".to_owned());
    }
    // What was text stays text but for a home folder that is none.
    path.into_os_string().into_string().map_err(|_| "the path is no text".to_owned())
}

/// Whether a way takes these values for a flag of its own.
///
/// # Errors
///
/// What is wrong with them, and what fits.
pub(super) fn check(way: &Command, arg: &Arg, values: &[String]) -> Result<(), String> {
    let fits = || format!("; what fits: {}", fitting(arg));
    if values.len() != 1 && !takes_many(arg) {
        return Err(format!("it takes one value{}", fits()));
    }
    if is_switch(arg) {
        let known = values.iter().all(|value| matches!(value.as_str(), "true" | "false"));
        return if known { Ok(()) } else { Err(format!("it is on or off{}", fits())) };
    }
    let Err(error) = relaxed(way).try_get_matches_from(typed(arg, values)) else { return Ok(()) };
    match error.kind() {
        // Of the command line as a whole, not of this value.
        ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict => Ok(()),
        _ => {
            let why = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            // A type of values says itself what it takes; of words the list does.
            Err(if why.is_empty() { format!("it does not fit{}", fits()) } else { why })
        }
    }
}

/// A way whose flags can be read alone, without its program's name and what it needs beside them.
pub(super) fn relaxed(way: &Command) -> Command {
    way.clone().no_binary_name(true).mut_args(|arg| arg.required(false))
}

/// A flag with its values, as it is typed.
pub(super) fn typed(arg: &Arg, values: &[String]) -> Vec<String> {
    let long = arg.get_long().unwrap_or_default();
    if is_switch(arg) {
        return if values == ["true"] { vec![format!("--{long}")] } else { Vec::new() };
    }
    values.iter().map(|value| format!("--{long}={value}")).collect()
}

/// A flag whose default is what was set, and whose help says so and where.
pub(super) fn with_default(arg: Arg, values: &[String], place: &str) -> Arg {
    let told = |help: String| format!("{help} [set in {place}: {}]", values.join(", "));
    let (short, long) = (arg.get_help().map(ToString::to_string), arg.get_long_help().map(ToString::to_string));
    let switch = is_switch(&arg);
    // clap keeps what lives as long as the program; this is done once in it.
    let values: Vec<&'static str> = values.iter().map(|value| &*value.clone().leak()).collect();
    let mut arg = arg.default_values(values).hide_default_value(true).help(told(short.unwrap_or_default()));
    if let Some(long) = long {
        arg = arg.long_help(told(long));
    }
    if !switch {
        return arg;
    }
    // What was switched on for good can be switched off once.
    let arg = arg.action(ArgAction::Set).value_parser(clap::value_parser!(bool)).hide_possible_values(true);
    arg.num_args(0..=1).require_equals(true).default_missing_value("true").value_name("true|false")
}
