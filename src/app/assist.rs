//! What helps a person to type: completion, hints and colours, as far as this session knows what there is.

use std::{ops::Range, time::Duration};

use tokio::time::timeout;

use super::line::{Asking, Question};
use crate::{
    absence,
    code::words,
    command::Context,
    registry::{Candidate, Hint, Known, Mark, Names, Registry},
    repl,
    session::{Handle, Member},
    transfer::desk::Desk,
    trust,
    wire::{Answer, MAX_NAME_LEN, Request},
};

/// How long Tab waits for a large room to say who is there.
const COMPLETE_WITHIN: Duration = Duration::from_millis(150);

/// Who is there without asking the room.
pub(super) struct Here<'a> {
    session: &'a Handle,
    /// Whether somebody of whom nothing is known here may be there, too.
    strangers: bool,
}

impl<'a> Here<'a> {
    /// Those of whom it is certain.
    pub(super) fn certain(session: &'a Handle) -> Self {
        Self { session, strangers: false }
    }

    /// In a large room anybody, beside those.
    fn possible(session: &'a Handle) -> Self {
        Self { session, strangers: !session.knows_all() }
    }
}

impl Known for Here<'_> {
    fn member(&self, name: &str) -> bool {
        (self.strangers && (1..=MAX_NAME_LEN).contains(&name.len())) || self.session.known(name).is_some()
    }

    fn knock(&self, name: &str) -> bool {
        let wanted = name.to_lowercase();
        self.session.knocks().iter().any(|knock| knock.name.to_lowercase() == wanted)
    }

    fn kept(&self, number: u32) -> bool {
        self.session.kept().binary_search(&number).is_ok()
    }
}

/// The helper of a person at a terminal.
pub(super) struct Helper {
    pub(super) registry: Registry,
    pub(super) session: Handle,
    pub(super) cx: Context,
    /// Whose question is being answered.
    pub(super) asking: Asking,
    /// Whether every line is a message.
    pub(super) text: bool,
    /// Runs the question to the room, for which the editor's thread waits.
    pub(super) runtime: tokio::runtime::Handle,
}

impl Helper {
    /// The names of members as a large room tells them. Nothing if it is slow.
    fn ask(&self, prefix: &str) -> Vec<String> {
        let question = self.session.ask(Request::Names { prefix: prefix.to_owned() });
        match self.runtime.block_on(async { timeout(COMPLETE_WITHIN, question).await }) {
            Ok(Ok(Answer::Names(names))) => names,
            _ => Vec::new(),
        }
    }

    /// What is known of a member: as what this person has marked it, and whether it has said that it is away.
    fn about(&self, member: &Member) -> String {
        let marks = [
            (trust::Mark::Verified, "verified"),
            (trust::Mark::Trusted, "trusted"),
            (trust::Mark::Ignored, "you ignore them"),
        ];
        let people = self.cx.people();
        let marks = marks.into_iter().filter(|(mark, _)| people.is(&member.key, *mark));
        let mut about: Vec<_> = marks.map(|(_, word)| word.to_owned()).collect();
        about.extend(absence::mark(&self.cx, member));
        about.join(", ")
    }

    fn matching(found: impl Iterator<Item = Candidate>, prefix: &str) -> Vec<Candidate> {
        let prefix = prefix.to_lowercase();
        let mut found: Vec<_> = found.filter(|found| found.word.to_lowercase().starts_with(&prefix)).collect();
        found.sort_by(|one, other| one.word.cmp(&other.word));
        found
    }
}

impl Names for Helper {
    fn members(&self, prefix: &str) -> Vec<Candidate> {
        let me = self.session.me();
        let known = self.session.members().into_iter();
        let mut found: Vec<_> =
            known.map(|member| Candidate { about: self.about(&member), word: member.name }).collect();
        if !self.session.knows_all() {
            found.extend(self.ask(prefix).into_iter().map(Candidate::plain));
        }
        let mut found = Self::matching(found.into_iter().filter(|found| found.word != me.name), prefix);
        // Of the same name twice, the first one is from here and says more: the order among them is kept.
        found.dedup_by(|second, first| second.word == first.word);
        found
    }

    fn knocks(&self, prefix: &str) -> Vec<Candidate> {
        let knocks = self.session.knocks().into_iter();
        let about = "waits at the door".to_owned();
        Self::matching(knocks.map(|knock| Candidate { word: knock.name, about: about.clone() }), prefix)
    }

    fn kept(&self) -> Vec<(u32, String)> {
        let mut offers = Desk::of(&self.cx).descriptions();
        let kept = self.session.kept().into_iter();
        kept.map(|number| (number, offers.remove(&number).unwrap_or_default())).collect()
    }

    fn settings(&self) -> Vec<Candidate> {
        self.cx.settings().keys().into_iter().map(Candidate::plain).collect()
    }

    fn values_of(&self, setting: &str) -> Vec<Candidate> {
        let words = self.cx.settings().get(setting).map(|setting| setting.words).unwrap_or_default();
        words.into_iter().map(Candidate::plain).collect()
    }
}

impl repl::Assist for Helper {
    fn complete(&self, line: &str, pos: usize) -> (usize, Vec<Candidate>) {
        match self.asking.get() {
            Question::Code => return words_of_code(line, pos),
            Question::Choice => return (pos, Vec::new()),
            Question::None | Question::Command(_) => {}
        }
        let before = self.asking.before();
        let (start, found) = self.registry.complete(&(before.clone() + line), before.len() + pos, self);
        (start.saturating_sub(before.len()), found)
    }

    fn path_from(&self, line: &str, pos: usize) -> Option<usize> {
        let before = self.before()?;
        let start = self.registry.path_from(&(before.clone() + line), before.len() + pos)?;
        Some(start.saturating_sub(before.len()))
    }

    fn hint(&self, line: &str) -> Option<Hint> {
        let line = self.before()? + line;
        self.registry.hint(&line, &Here::certain(&self.session))
    }

    fn marks(&self, line: &str) -> Vec<(Range<usize>, Mark)> {
        let Some(before) = self.before() else { return Vec::new() };
        let (certain, possible) = (Here::certain(&self.session), Here::possible(&self.session));
        let marks = self.registry.marks(&(before.clone() + line), &certain, &possible).into_iter();
        let typed = marks.filter(|(span, _)| span.start >= before.len());
        typed.map(|(span, mark)| (span.start - before.len()..span.end - before.len(), mark)).collect()
    }
}

impl Helper {
    /// What stands before the line, unseen, if the line may be a command or its arguments.
    fn before(&self) -> Option<String> {
        match self.asking.get() {
            Question::Code | Question::Choice => None,
            Question::None if self.text => None,
            Question::None | Question::Command(_) => Some(self.asking.before()),
        }
    }
}

/// The words of codes that begin like the one before `pos`, and where that begins.
fn words_of_code(line: &str, pos: usize) -> (usize, Vec<Candidate>) {
    let before = line.get(..pos).unwrap_or_default();
    let start = before
        .rfind(|c: char| !c.is_alphabetic())
        .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
    let beginning = before[start..].to_lowercase();
    if beginning.is_empty() {
        return (start, Vec::new());
    }
    (start, words::starting_with(&beginning).map(Candidate::plain).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(line: &str, pos: usize) -> (usize, Vec<String>) {
        let (start, found) = words_of_code(line, pos);
        (start, found.into_iter().map(|found| found.word).collect())
    }

    #[test]
    fn words_of_a_code_are_completed_one_by_one() {
        assert_eq!(words_of("zo", 2), (0, vec!["zone".to_owned(), "zoo".to_owned()]));
        assert_eq!(words_of("zoo-ABAN", 8), (4, vec!["abandon".to_owned()]));
        assert_eq!(words_of("zoo\u{3000}aband x", 11), (6, vec!["abandon".to_owned()]));
        for (line, pos) in [("", 0), ("zoo ", 4), ("qqq", 3), ("z\u{f6}", 2)] {
            assert_eq!(words_of(line, pos).1, Vec::<String>::new(), "{line}");
        }
    }
}
