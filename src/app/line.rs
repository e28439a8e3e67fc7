//! What a typed line comes to.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Result, bail};

use super::assist::Here;
use crate::{
    command::{Context, Entry, Flow},
    registry::{Known, Reading, Registry},
    session::Handle,
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
        self.act(reading, |cx, entry| cx.for_line(entry).typed(line)).await
    }

    /// Does what a person answered when `asker` asked.
    pub(super) async fn answer(&self, asker: &'static Entry, answer: &str) -> Done {
        let done = self.act(self.registry.read_answer(asker, answer), Context::for_answer).await;
        Done { remember: false, echo: true, ..done }
    }

    pub(super) async fn act(&self, reading: Reading, context: impl FnOnce(&Context, &Entry) -> Context) -> Done {
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

    pub(super) async fn read(&self, line: &str) -> Result<Reading> {
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
        Ok(self.registry.read(line, &Present { names: present, here: Here::certain(&self.session) }))
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
    here: Here<'a>,
}

impl Known for Present<'_> {
    fn member(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    fn knock(&self, name: &str) -> bool {
        self.here.knock(name)
    }

    fn kept(&self, number: u32) -> bool {
        self.here.kept(number)
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
    /// To be answered with yes or no.
    Choice,
}

/// The question that is being answered, as those who read and complete the answer share it.
#[derive(Clone, Default)]
pub(super) struct Asking(Arc<Mutex<Question>>);

impl Asking {
    pub(super) fn set(&self, question: Question) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = question;
    }

    pub(super) fn get(&self) -> Question {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands before an answer, unseen.
    pub(super) fn before(&self) -> String {
        match self.get() {
            Question::Command(asker) => format!("/{} ", asker.name),
            Question::None | Question::Code | Question::Choice => String::new(),
        }
    }
}
