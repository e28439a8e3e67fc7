//! Paths as people type them: without quotes, if such a file exists.

use std::{ops::Range, path::PathBuf};

use super::walk::{named, takes_many, valued};
use crate::{
    args,
    command::{Entry, Input},
    words,
};

/// The options in `rest`, and all the rest of it if it is the name of a file that exists.
pub(super) fn whole<'a>(entry: &Entry, rest: &'a str) -> Option<(Vec<String>, &'a str)> {
    let grammar = entry.grammar();
    let (mut options, mut spans) = (Vec::new(), Vec::new());
    let mut words = words::split_unfinished(rest).into_iter();
    let mut from = None;
    while let Some(word) = words.next() {
        let takes_value = valued(&grammar, &word.text).is_some();
        let known = takes_value || named(&grammar, &word.text);
        if !known {
            from.get_or_insert(word.span.start);
            continue;
        }
        spans.extend(from.take().map(|from| from..word.span.start));
        options.push(word.text);
        options.extend(takes_value.then(|| words.next().map(|word| word.text)).flatten());
    }
    spans.extend(from.map(|from| from..rest.len()));
    let [span]: [Range<usize>; 1] = spans.try_into().ok()?;
    let path = rest[span].trim_end();
    // A dangling link can be named too; what can be done with it is for the command to say.
    let exists = || std::fs::symlink_metadata(args::path(path)).is_ok();
    // Where one path is all there can be, and it looks like one, it need not exist.
    let only = || takes_one(&grammar) && path.starts_with(['/', '~', '.']) && !path.contains(['"', '\'', '\\']);
    (exists() || only()).then_some((options, path))
}

fn takes_one(grammar: &clap::Command) -> bool {
    let mut positionals = grammar.get_positionals();
    positionals.next().is_some_and(|arg| !takes_many(arg)) && positionals.next().is_none()
}

/// Where the last words of `rest` begin that are the beginning of the name of a file, spaces and all.
pub(super) fn beginning(entry: &Entry, rest: &str) -> Option<usize> {
    if entry.input != Input::Paths {
        return None;
    }
    let grammar = entry.grammar();
    let mut words = words::split_unfinished(rest).into_iter();
    let mut from = None;
    while let Some(word) = words.next() {
        if valued(&grammar, &word.text).is_some() {
            words.next();
            from = None;
        } else if named(&grammar, &word.text) {
            from = None;
        } else {
            from.get_or_insert(word.span.start);
        }
    }
    let from = from?;
    let typed = &rest[from..];
    let (folder, name) = typed.rsplit_once('/').map_or(("", typed), |(folder, name)| (&typed[..=folder.len()], name));
    let folder = if folder.is_empty() { PathBuf::from(".") } else { args::path(folder) };
    let mut names = std::fs::read_dir(folder).ok()?.flatten().map(|found| found.file_name());
    // One word, or quoted ones, need no help.
    let begins = typed.contains(' ') && names.any(|found| found.to_string_lossy().starts_with(name));
    begins.then_some(from)
}
