//! What may follow a line that is still being typed: the usage of its command, less what is there already.

use clap::Arg;

use super::{
    Known, Registry, Unfit, bare_name, fit, head, is_several, is_text,
    walk::{Role, Walk, takes_many, untouched, walk},
};
use crate::{
    args::{Meaning, number},
    command::Entry,
    words,
};

/// What may follow a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// What to show after the line.
    pub text: String,
    /// How many bytes of it are the rest of the word at its end, which can be nothing else. The others say what kind of
    /// word comes next.
    pub completes: usize,
}

impl Registry {
    /// What may follow `line`, with the cursor at its end. Nothing for text.
    pub fn hint(&self, line: &str, known: &dyn Known) -> Option<Hint> {
        if is_text(line) || is_several(line) {
            return None;
        }
        let (first, rest) = head(line);
        let slash = first.starts_with('/');
        if first.len() == line.len() {
            return if slash { self.hint_for_name(bare_name(first)) } else { None };
        }
        let entry = self.find(bare_name(first)).filter(|entry| (entry.bare || slash) && !entry.default)?;
        let mut words = words::split_unfinished(rest);
        let grammar = entry.grammar();
        // A word that touches the end may become another one.
        let open = words.pop_if(|word| word.span.end == rest.len());
        let done = walk(entry, &grammar, words.clone());
        if !fits_so_far(entry, &done) || !(slash || self.all_exist(&done, known)) {
            return None;
        }
        if let Some(typed) = open.as_ref().map(|word| word.text.as_str())
            && typed.starts_with('-')
            && !done.only_words
            && done.pending.is_none()
            && let Some(hint) = hint_for_option(&grammar, typed)
        {
            return Some(hint);
        }
        words.extend(open);
        let after = walk(entry, &grammar, words);
        if after.words.iter().any(|(_, role)| matches!(role, Role::Extra)) {
            return None;
        }
        let text = usage(entry, &grammar, &after);
        let space = if line.ends_with(char::is_whitespace) { "" } else { " " };
        (!text.is_empty()).then(|| Hint { text: format!("{space}{text}"), completes: 0 })
    }

    /// The rest of the only name that begins with `typed`, and what follows it.
    fn hint_for_name(&self, typed: &str) -> Option<Hint> {
        let entry = match self.find(typed) {
            Some(entry) => entry,
            None if typed.is_empty() => return None,
            None => {
                let mut like = self.entries.iter().filter(|entry| entry.names().any(|name| name.starts_with(typed)));
                like.next().filter(|_| like.next().is_none())?
            }
        };
        let name = entry.names().find(|name| name.starts_with(typed))?;
        let grammar = entry.grammar();
        let usage = usage(entry, &grammar, &walk(entry, &grammar, Vec::new()));
        let rest = &name[typed.len()..];
        let space = if usage.is_empty() { "" } else { " " };
        let text = format!("{rest}{space}{usage}");
        (!text.is_empty()).then_some(Hint { text, completes: rest.len() })
    }

    /// Whether everything that these words mean exists, as far as words can tell.
    fn all_exist(&self, walk: &Walk, known: &dyn Known) -> bool {
        let kept = |word: &str| number(word).is_some_and(|number| known.kept(number));
        walk.words.iter().all(|(word, role)| {
            let Role::Value(arg) = role else { return true };
            match Meaning::of(arg) {
                Meaning::Member => known.member(&word.text),
                Meaning::Knock => known.knock(&word.text),
                Meaning::Kept => kept(&word.text),
                Meaning::Pending => known.knock(&word.text) || kept(&word.text),
                Meaning::Command => self.find(bare_name(&word.text)).is_some(),
                Meaning::Path | Meaning::Plain | Meaning::Setting | Meaning::Value => true,
            }
        })
    }
}

/// Whether more words can make a line of `entry` fit.
fn fits_so_far(entry: &Entry, walk: &Walk) -> bool {
    let mut words: Vec<String> = walk.words.iter().map(|(word, _)| word.text.clone()).collect();
    if untouched(entry, words.len()) && !words.is_empty() {
        words.insert(words.len() - 1, "--".to_owned());
    }
    // What an option lacks is still to come.
    walk.pending.is_some() || matches!(fit(entry, words), Ok(_) | Err(Unfit::Unfinished(_)))
}

/// The rest of the only option that begins with `typed`.
fn hint_for_option(grammar: &clap::Command, typed: &str) -> Option<Hint> {
    let prefix = typed.strip_prefix("--")?;
    let mut like = grammar.get_opts().filter(|arg| arg.get_long().is_some_and(|long| long.starts_with(prefix)));
    let arg = like.next().filter(|_| like.next().is_none())?;
    let rest = &arg.get_long()?[prefix.len()..];
    let value = if arg.get_action().takes_values() { format!(" {}", value_name(arg)) } else { String::new() };
    Some(Hint { text: format!("{rest}{value}"), completes: rest.len() })
}

/// What is still to come after the words of `walk`: `PATH... [--to NAME]`.
fn usage(entry: &Entry, grammar: &clap::Command, walk: &Walk) -> String {
    let mut parts: Vec<String> = walk.pending.iter().map(value_name).collect();
    let positionals: Vec<&Arg> = grammar.get_positionals().collect();
    let from = match positionals.last() {
        Some(last) if takes_many(last) => walk.position.min(positionals.len() - 1),
        _ => walk.position.min(positionals.len()),
    };
    parts.extend(positionals[from..].iter().map(|arg| {
        let name = value_name(arg);
        // It says itself what may be left out.
        if name.contains([' ', '[']) {
            return name;
        }
        match (takes_many(arg), arg.is_required_set()) {
            (true, _) => format!("{name}..."),
            (false, true) => name,
            (false, false) => format!("[{name}]"),
        }
    }));
    if !walk.only_words && !untouched(entry, walk.words.len()) {
        let options = grammar.get_opts().filter(|arg| !walk.used.contains(arg.get_id()) && !arg.is_hide_set());
        parts.extend(options.filter_map(|arg| {
            let long = arg.get_long()?;
            Some(match arg.get_action().takes_values() {
                true => format!("[--{long} {}]", value_name(arg)),
                false => format!("[--{long}]"),
            })
        }));
    }
    parts.join(" ")
}

fn value_name(arg: &Arg) -> String {
    let name = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    name.unwrap_or_else(|| arg.get_id().as_str().to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{commands::ALL, registry::tests::ROOM};

    fn hint(line: &str) -> String {
        Registry::new(ALL).hint(line, &ROOM).unwrap_or_default().text
    }

    #[test]
    fn the_usage_shrinks_while_arguments_are_typed() {
        for (line, hinted) in [
            ("sendfile ", "PATH... [--to NAME]"),
            ("sendfile a.txt", " PATH... [--to NAME]"),
            ("sendfile a.txt --to ", "NAME PATH..."),
            ("sendfile a.txt --to bob ", "PATH..."),
            ("sendfile a.txt --t", "o NAME"),
            ("kick ", "NAME [REASON]"),
            ("kick bob ", "[REASON]"),
            ("kick bob for", ""),
            ("/kick", " NAME [REASON]"),
            ("quit ", ""),
            ("/quit", ""),
            ("/limit ", "[N] RATE|off"),
        ] {
            assert_eq!(hint(line), hinted, "{line:?}");
        }
    }

    #[test]
    fn only_the_rest_of_a_word_completes() {
        let registry = Registry::new(ALL);
        let hint = |line| registry.hint(line, &ROOM);
        assert_eq!(hint("/sendf"), Some(Hint { text: "ile PATH... [--to NAME]".to_owned(), completes: 3 }));
        assert_eq!(hint("sendfile --t"), Some(Hint { text: "o NAME".to_owned(), completes: 1 }));
        assert_eq!(hint("sendfile ").map(|hint| hint.completes), Some(0));
        for several in ["/", "/p", "/nothing"] {
            assert_eq!(hint(several), None, "{several}");
        }
    }

    #[test]
    fn text_gets_no_hint() {
        for line in [
            "",
            "hello ",
            "sendfile",
            "kick the ",
            "kick the ball",
            " sendfile ",
            "sendfile \nx",
            "text ",
            "text me",
            "help me please ",
            "accept it ",
            "port wine ",
            "quit smoking ",
            "who is ",
            "limit your ",
        ] {
            assert_eq!(hint(line), "", "{line:?}");
        }
    }

    #[test]
    fn a_wrong_command_gets_no_hint() {
        for line in ["/kick bob x y", "/quit now ", "/port wine ", "/sendfile --nothing ", "/nothing "] {
            assert_eq!(hint(line), "", "{line:?}");
        }
    }
}
