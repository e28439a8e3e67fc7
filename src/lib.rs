//! pchat: encrypted chat rooms between terminals, with no account and no third-party server.

pub mod app;
pub mod args;
pub mod cli;
pub mod command;
pub mod context;
pub mod door;
pub mod gauge;
pub mod link;
pub mod message;
pub mod net;
pub mod registry;
pub mod repl;
pub mod room;
pub mod session;
pub mod table;
pub mod trust;
pub mod view;
pub mod wire;
pub mod words;

#[path = "../commands/mod.rs"]
pub mod commands;
