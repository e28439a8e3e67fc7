//! Files and folders between members: what an offer holds, reading it at the sender, keeping it at the receiver, and
//! the bytes between them. It knows streams and the contract of commands, but no command.

mod control;
pub mod desk;
pub mod downloads;
mod fetch;
pub mod manifest;
pub mod message;
pub mod meter;
pub mod name;
pub mod pace;
pub mod record;
mod serve;
pub mod settings;
pub mod source;

#[cfg(test)]
mod tests;
