//! The contract between pchat and a command: [`Command`] is what a file in `commands/` implements,
//! [`Entry`] is the plain data that the registry holds of it.
//!
//! A command is a struct whose fields are its arguments. clap's derive reads them from the line, and the
//! same declaration gives `help`, completion, and the check whether a bare line is this command at all.
//! What a command sends with [`Context::send`] arrives at the other members in the [`Command::receive`] of
//! the command of the same name.
//!
//! `use crate::command::*;` brings all that most handlers need.

mod check;
mod page;

use std::{future::Future, pin::Pin};

use clap::ArgMatches;

pub use std::sync::Arc;

pub use anyhow::{Result, bail, ensure};
pub use async_trait::async_trait;
pub use bytes::Bytes;
pub use clap::Parser;
pub use jiff::Timestamp;

pub use crate::args::{CommandName, KeptNumber, KnockName, MemberName, Pending, SettingKey, SettingValue};
pub use crate::context::Context;
pub use crate::session::{Member, MemberEvent, Withdrawal};
pub use crate::stream::{Opened, Stream};
pub use crate::view::Event;
pub use crate::wire::{Answer, Request, Whom};
pub use check::{distinct, one_default, same, well_formed};

/// What happens after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The next line is read.
    Continue,
    /// The program leaves the room and ends.
    Quit,
    /// The person is asked this, and the next line is read as this command's arguments. A blank one is no answer.
    Ask(&'static str),
}

/// How a line becomes arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Words, with quotes and backslashes as in a shell.
    Words,
    /// The given number of words, then the rest of the line untouched as one last argument.
    Rest(usize),
    /// The rest of the line untouched, as one argument.
    Line,
    /// Words; but if all that is typed beside the options is the name of a file that exists, spaces and quotes and all,
    /// it is one word.
    Paths,
}

/// A message of a command, as it arrives.
#[derive(Clone, Debug)]
pub struct Message {
    /// Who sent it.
    pub from: Member,
    /// The recipient, if it was sent to one member only. For a message from somebody else that is oneself.
    pub private: Option<Member>,
    /// Whether it is the echo of one's own message.
    pub own: bool,
    /// Its number in the room's order.
    pub seq: u64,
    /// The room's number for it, if the room keeps it for those who come later.
    pub kept: Option<u32>,
    /// When it was said, by the clock of this machine: now, if it is not `past`.
    pub at: Timestamp,
    /// Whether it was said before one came, and is told to newcomers.
    pub past: bool,
    /// What it says, in the command's own encoding. From a stranger: check it.
    pub payload: Bytes,
}

/// One command. See the README for a complete example in one file.
///
/// Everything but the name and [`run`](Command::run) has a default. A command's argument types say what they
/// mean: [`MemberName`], [`KnockName`] and [`CommandName`] complete themselves and must name something that
/// exists before a bare line counts as the command; a [`PathBuf`](std::path::PathBuf) completes file names.
#[async_trait]
pub trait Command: clap::Parser + Send + 'static {
    /// The name, equal to the name of the file.
    const NAME: &'static str;
    /// Other names for it.
    const ALIASES: &'static [&'static str] = &[];
    /// How the line becomes arguments.
    const INPUT: Input = Input::Words;
    /// Whether a line that is no command goes here. Exactly one command says `true`.
    const DEFAULT: bool = false;
    /// Whether a bare line may be this command. `false` if its name begins ordinary sentences: it then needs
    /// the slash.
    const BARE: bool = true;
    /// Whether its lines are confidential: a line that does not fit is held back instead of being said, and
    /// none is kept in the history.
    const PRIVATE: bool = false;
    /// Whether it offers files: its arguments are paths, and `--to NAME` says for whom. The program offers by it what its own
    /// command line names, and what is too long for a message. One command says `true` at the most.
    const OFFERS: bool = false;
    /// Whether it hears of members whom the person ignores. With `false`, nothing of theirs reaches it: no message, no
    /// coming and going, no stream. One that keeps books says `true`, asks [`Context::ignores`], and shows nothing.
    const HEARS_IGNORED: bool = false;
    /// Whether it takes what was said before one came, see [`Message::past`]. With `false` nothing of that reaches it,
    /// whatever a room tells.
    const PAST: bool = false;
    /// Lines that show its use. Each is parsed by a test.
    const EXAMPLES: &'static [&'static str] = &[];

    /// Does it, for a line of the person. The next line is read after it returns, so it awaits only what
    /// decides success at once and gives long work to [`Context::spawn`].
    async fn run(self, cx: &mut Context) -> anyhow::Result<Flow>;

    /// Takes a message that this command sent at some member's end, one's own included (see
    /// [`Message::own`]). Messages arrive one at a time in the room's order; the next one waits until this
    /// returns.
    async fn receive(message: Message, cx: &mut Context) -> anyhow::Result<()> {
        let _ = (message, cx);
        Ok(())
    }

    /// Sees members come and go. Called after the change shows in [`Context::members`].
    async fn member(event: Arc<MemberEvent>, cx: &mut Context) -> anyhow::Result<()> {
        let _ = (event, cx);
        Ok(())
    }

    /// Learns that the room keeps a message of this command no longer: its sender took it back or went.
    /// Its number is what [`Message::kept`] said.
    async fn withdrawn(withdrawal: Withdrawal, cx: &mut Context) -> anyhow::Result<()> {
        let _ = (withdrawal, cx);
        Ok(())
    }

    /// Takes a stream that a member has opened for this command with [`Context::open_stream`]. It runs beside
    /// everything else, so it may wait; reading and writing block, which is for [`Context::thread`]. Of one member's
    /// streams eight are here at a time, and what comes above is closed, so that it does not stay for long.
    async fn stream(opened: Opened, cx: &mut Context) -> anyhow::Result<()> {
        let _ = (opened, cx);
        Ok(())
    }
}

/// Columns of a help page that nobody reads in a window: what the narrowest usual terminal shows beside the margin.
const PAGE_WIDTH: usize = 76;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = anyhow::Result<T>> + Send + 'a>>;

/// A command as the registry holds it: plain data and function pointers, made by [`Entry::of`].
#[derive(Clone, Copy)]
pub struct Entry {
    /// See [`Command::NAME`].
    pub name: &'static str,
    /// See [`Command::ALIASES`].
    pub aliases: &'static [&'static str],
    /// See [`Command::INPUT`].
    pub input: Input,
    /// See [`Command::DEFAULT`].
    pub default: bool,
    /// See [`Command::BARE`].
    pub bare: bool,
    /// See [`Command::PRIVATE`].
    pub private: bool,
    /// See [`Command::HEARS_IGNORED`].
    pub hears_ignored: bool,
    /// See [`Command::OFFERS`].
    pub offers: bool,
    /// See [`Command::PAST`].
    pub past: bool,
    /// See [`Command::EXAMPLES`].
    pub examples: &'static [&'static str],
    grammar: fn() -> clap::Command,
    run: for<'a> fn(ArgMatches, &'a mut Context) -> Boxed<'a, Flow>,
    receive: for<'a> fn(Message, &'a mut Context) -> Boxed<'a, ()>,
    member: for<'a> fn(Arc<MemberEvent>, &'a mut Context) -> Boxed<'a, ()>,
    withdrawn: for<'a> fn(Withdrawal, &'a mut Context) -> Boxed<'a, ()>,
    stream: for<'a> fn(Opened, &'a mut Context) -> Boxed<'a, ()>,
}

impl Entry {
    /// The entry of command `C`.
    pub const fn of<C: Command>() -> Self {
        Self {
            name: C::NAME,
            aliases: C::ALIASES,
            input: C::INPUT,
            default: C::DEFAULT,
            bare: C::BARE,
            private: C::PRIVATE,
            hears_ignored: C::HEARS_IGNORED,
            offers: C::OFFERS,
            past: C::PAST,
            examples: C::EXAMPLES,
            grammar: || {
                let typed = if C::BARE { C::NAME.to_owned() } else { format!("/{}", C::NAME) };
                C::command().name(C::NAME).bin_name(typed).no_binary_name(true).term_width(PAGE_WIDTH)
            },
            run: |matches, cx| {
                Box::pin(async move {
                    match C::from_arg_matches(&matches) {
                        Ok(command) => command.run(cx).await,
                        Err(error) => Err(error.into()),
                    }
                })
            },
            receive: |message, cx| C::receive(message, cx),
            member: |event, cx| C::member(event, cx),
            withdrawn: |withdrawal, cx| C::withdrawn(withdrawal, cx),
            stream: |opened, cx| C::stream(opened, cx),
        }
    }

    /// The clap grammar of its arguments.
    pub fn grammar(&self) -> clap::Command {
        (self.grammar)()
    }

    /// Whether `name` is its name or one of its aliases.
    pub fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// Its name, then its aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        [self.name].into_iter().chain(self.aliases.iter().copied())
    }

    /// Does it, with arguments that its grammar has accepted.
    ///
    /// # Errors
    ///
    /// Whatever the command reports; the room goes on.
    pub async fn run(&self, matches: ArgMatches, cx: &mut Context) -> anyhow::Result<Flow> {
        (self.run)(matches, cx).await
    }

    /// Gives it a message of its own kind.
    ///
    /// # Errors
    ///
    /// Whatever the command reports; the room goes on.
    pub async fn receive(&self, message: Message, cx: &mut Context) -> anyhow::Result<()> {
        (self.receive)(message, cx).await
    }

    /// Tells it that a member came or went.
    ///
    /// # Errors
    ///
    /// Whatever the command reports; the room goes on.
    pub async fn member(&self, event: Arc<MemberEvent>, cx: &mut Context) -> anyhow::Result<()> {
        (self.member)(event, cx).await
    }

    /// Tells it that the room keeps one of its messages no longer.
    ///
    /// # Errors
    ///
    /// Whatever the command reports; the room goes on.
    pub async fn withdrawn(&self, withdrawal: Withdrawal, cx: &mut Context) -> anyhow::Result<()> {
        (self.withdrawn)(withdrawal, cx).await
    }

    /// Gives it a stream of its own kind.
    ///
    /// # Errors
    ///
    /// Whatever the command reports; the room goes on.
    pub async fn stream(&self, opened: Opened, cx: &mut Context) -> anyhow::Result<()> {
        (self.stream)(opened, cx).await
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).finish_non_exhaustive()
    }
}
