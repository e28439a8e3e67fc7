//! What a typed line comes to.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Result, bail};
use tokio::time::timeout;

use crate::{
    code::words,
    command::{Context, Entry, Flow},
    registry::{Known, Names, Reading, Registry},
    session::Handle,
    settings::Settings,
    view::Line,
    wire::{Answer, Request},
};

/// What a line came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    /// Who asks the person something, if [`Flow::Ask`].
    pub(super) asker: Option<&'static Entry>,
    /// Whether the program goes on.
    pub(super) flow: Flow,
    /// Whether it worked.
    pub(super) failed: bool,
    /// Whether the line may be kept in the history.
    pub(super) remember: bool,
    /// Whether the line shows as typed: a message shows when it comes back.
    pub(super) echo: bool,
}

/// Who reads lines.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) registry: Registry,
    pub(super) session: Handle,
    pub(super) cx: Context,
    /// Whether every line is a message.
    pub(super) text: bool,
}

impl Reader {
    /// Reads a line and does what it says. What does not work is shown.
    pub(super) async fn line(&self, line: &str) -> Done {
        let reading = match self.read(line).await {
            Ok(reading) => reading,
            Err(error) => {
                self.cx.error(format!("{error:#}"));
                return Done { asker: None, flow: Flow::Continue, failed: true, remember: false, echo: true };
            }
        };
        self.act(reading, Context::for_line).await
    }

    /// Does what a person answered when `asker` asked.
    pub(super) async fn answer(&self, asker: &'static Entry, answer: &str) -> Done {
        let done = self.act(self.registry.read_answer(asker, answer), Context::for_answer).await;
        Done { remember: false, echo: true, ..done }
    }

    async fn act(&self, reading: Reading, context: fn(&Context, &Entry) -> Context) -> Done {
        let remember = reading.remember();
        let done = Done { asker: None, flow: Flow::Continue, failed: false, remember, echo: true };
        match reading {
            Reading::Nothing => Done { echo: false, ..done },
            Reading::Help(text) => {
                self.cx.print(text);
                done
            }
            Reading::Wrong { message, .. } | Reading::Held(message) => {
                self.cx.error(message);
                Done { failed: true, ..done }
            }
            Reading::Run { entry, matches } => {
                let mut cx = context(&self.cx, entry);
                // What a message says shows when the room sends it back.
                let done = Done { echo: !entry.default && !entry.private, ..done };
                match entry.run(matches, &mut cx).await {
                    Ok(flow @ Flow::Ask(_)) => Done { flow, asker: Some(entry), ..done },
                    Ok(flow) => Done { flow, ..done },
                    Err(error) => {
                        self.cx.show(Line::Error(format!("{error:#}")));
                        Done { failed: true, echo: true, ..done }
                    }
                }
            }
        }
    }

    async fn read(&self, line: &str) -> Result<Reading> {
        if self.text {
            return Ok(self.registry.always_text(line));
        }
        let mut present = HashSet::new();
        for name in self.registry.member_names(line) {
            // A line that may be a command must not become a message only because the room cannot be asked.
            if self.is_here(&name).await? {
                present.insert(name);
            }
        }
        Ok(self.registry.read(line, &Present { names: present, session: &self.session }))
    }

    async fn is_here(&self, name: &str) -> Result<bool> {
        if self.session.known(name).is_some() {
            return Ok(true);
        }
        match self.session.ask(Request::Find { name: name.to_owned() }).await? {
            Answer::Found(found) => Ok(found.is_some()),
            _ => bail!("the room gave an answer to another question"),
        }
    }
}

/// Who is there, as far as a line needs it.
struct Present<'a> {
    names: HashSet<String>,
    session: &'a Handle,
}

impl Known for Present<'_> {
    fn member(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    fn knock(&self, name: &str) -> bool {
        let wanted = name.to_lowercase();
        self.session.knocks().iter().any(|knock| knock.name.to_lowercase() == wanted)
    }

    fn kept(&self, number: u32) -> bool {
        self.session.kept().binary_search(&number).is_ok()
    }
}

/// Whose question the person is answering.
#[derive(Clone, Copy, Default)]
pub(super) enum Question {
    /// Nobody's.
    #[default]
    None,
    /// A command's: what is typed are its arguments.
    Command(&'static Entry),
    /// For the code of a room.
    Code,
}

/// The question that is being answered, as those who read and complete the answer share it.
#[derive(Clone, Default)]
pub(super) struct Asking(Arc<Mutex<Question>>);

impl Asking {
    pub(super) fn set(&self, question: Question) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = question;
    }

    fn get(&self) -> Question {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands before an answer, unseen.
    fn before(&self) -> String {
        match self.get() {
            Question::Command(asker) => format!("/{} ", asker.name),
            Question::None | Question::Code => String::new(),
        }
    }
}

/// The words of codes that begin like the one before `pos`, and where that begins.
fn words_of_code(line: &str, pos: usize) -> (usize, Vec<String>) {
    let before = line.get(..pos).unwrap_or_default();
    let start = before
        .rfind(|c: char| !c.is_alphabetic())
        .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
    let beginning = before[start..].to_lowercase();
    if beginning.is_empty() {
        return (start, Vec::new());
    }
    (start, words::starting_with(&beginning).map(str::to_owned).collect())
}

/// Names for completion.
pub(super) struct Completer {
    pub(super) registry: Registry,
    pub(super) session: Handle,
    pub(super) settings: Arc<Settings>,
    /// Whose question is being answered.
    pub(super) asking: Asking,
    /// Runs the question to the room, for which the editor's thread waits.
    pub(super) runtime: tokio::runtime::Handle,
}

/// How long Tab waits for a large room to say who is there.
const COMPLETE_WITHIN: Duration = Duration::from_millis(150);

impl Completer {
    /// The names of members as a large room tells them. Nothing if it is slow.
    fn ask(&self, prefix: &str) -> Vec<String> {
        let question = self.session.ask(Request::Names { prefix: prefix.to_owned() });
        match self.runtime.block_on(async { timeout(COMPLETE_WITHIN, question).await }) {
            Ok(Ok(Answer::Names(names))) => names,
            _ => Vec::new(),
        }
    }

    fn matching(names: impl Iterator<Item = String>, prefix: &str) -> Vec<String> {
        let prefix = prefix.to_lowercase();
        let mut names: Vec<String> = names.filter(|name| name.to_lowercase().starts_with(&prefix)).collect();
        names.sort();
        names
    }
}

impl Names for Completer {
    fn members(&self, prefix: &str) -> Vec<String> {
        let me = self.session.me();
        let mut names: Vec<String> = self.session.members().into_iter().map(|member| member.name).collect();
        if !self.session.knows_all() {
            names.extend(self.ask(prefix));
        }
        let mut names = Self::matching(names.into_iter().filter(|name| *name != me.name), prefix);
        names.dedup();
        names
    }

    fn knocks(&self, prefix: &str) -> Vec<String> {
        Self::matching(self.session.knocks().into_iter().map(|knock| knock.name), prefix)
    }

    fn kept(&self) -> Vec<u32> {
        self.session.kept()
    }

    fn settings(&self) -> Vec<String> {
        self.settings.keys()
    }

    fn values_of(&self, setting: &str) -> Vec<String> {
        self.settings.get(setting).map(|setting| setting.words).unwrap_or_default()
    }
}

impl crate::repl::Complete for Completer {
    fn complete(&self, line: &str, pos: usize) -> (usize, Vec<String>) {
        if let Question::Code = self.asking.get() {
            return words_of_code(line, pos);
        }
        let before = self.asking.before();
        let (start, words) = self.registry.complete(&(before.clone() + line), before.len() + pos, self);
        (start.saturating_sub(before.len()), words)
    }

    fn path_from(&self, line: &str, pos: usize) -> Option<usize> {
        if let Question::Code = self.asking.get() {
            return None;
        }
        let before = self.asking.before();
        let start = self.registry.path_from(&(before.clone() + line), before.len() + pos)?;
        Some(start.saturating_sub(before.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_code_are_completed_one_by_one() {
        assert_eq!(words_of_code("zo", 2), (0, vec!["zone".to_owned(), "zoo".to_owned()]));
        assert_eq!(words_of_code("zoo-ABAN", 8), (4, vec!["abandon".to_owned()]));
        assert_eq!(words_of_code("zoo\u{3000}aband x", 11), (6, vec!["abandon".to_owned()]));
        for (line, pos) in [("", 0), ("zoo ", 4), ("qqq", 3), ("z\u{f6}", 2)] {
            assert_eq!(words_of_code(line, pos).1, Vec::<String>::new(), "{line}");
        }
    }
}
