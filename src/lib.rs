//! pchat: encrypted chat rooms between terminals, with no account and no third-party server.
//!
//! A map, from the wire up; ARCHITECTURE.md has the picture and the reasons.
//!
//! * [`wire`]: the protocol and its specification. [`link`], [`gauge`]: what both ends of a connection share.
//!   [`source`]: whom limits by address count as one. `recent`: what is remembered of the last ones.
//! * [`room`]: the host's side. [`session`]: a member's side.
//! * [`net`]: TCP and TLS. [`trust`]: identity, fingerprints and the files of who is trusted.
//! * [`command`], [`args`], [`context`]: the contract of a command. [`registry`], [`words`]: from a line to a command.
//!   [`commands`]: the commands. [`absence`], [`described`], [`door`], [`exile`], [`message`], [`remembered`], [`size`], [`table`]: what several of them use. [`tape`]: what was shown lately.
//! * [`view`], [`repl`]: screen and keyboard. [`code`]: words that people say to each other. `looks`: which names
//!   look alike. `near`: which name a misspelt one may have meant.
//! * `disk`: the calls of the system under all files that must be whole.
//! * [`doctor`]: why two machines cannot reach each other.
//! * [`cli`], [`settings`], [`app`]: the program, which joins all of it.

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
compile_error!("pchat runs on Linux and macOS; other systems need work on files, signals and terminals first");

pub mod absence;
pub mod app;
pub mod args;
pub mod cli;
pub mod code;
pub mod command;
pub mod context;
pub mod described;
#[cfg(test)]
mod dice;
mod disk;
pub mod doctor;
pub mod door;
pub mod exile;
pub mod gauge;
pub mod limits;
pub mod link;
mod looks;
pub mod message;
mod near;
pub mod net;
pub mod pages;
mod recent;
pub mod registry;
pub mod remembered;
pub mod repl;
pub mod room;
pub mod session;
pub mod settings;
pub mod size;
pub mod source;
pub mod stream;
pub mod table;
pub mod tape;
pub mod transfer;
pub mod trust;
pub mod view;
pub mod wire;
pub mod words;

#[path = "../commands/mod.rs"]
pub mod commands;
