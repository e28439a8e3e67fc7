//! Paths as people type them: without quotes, if such a file exists.

use std::ops::Range;

use super::complete::valued;
use crate::{args, command::Entry, words};

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
    std::fs::symlink_metadata(args::path(path)).is_ok().then_some((options, path))
}

/// Whether a word is an option that takes no value.
fn named(grammar: &clap::Command, word: &str) -> bool {
    let Some(long) = word.strip_prefix("--") else { return false };
    grammar.get_opts().any(|arg| arg.get_long() == Some(long.split('=').next().unwrap_or(long)))
}
