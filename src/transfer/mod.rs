//! Files and folders between members: what an offer holds, reading it at the sender, keeping it at the receiver, and
//! the bytes between them. It knows streams and the contract of commands, but no command.

pub mod downloads;
pub mod manifest;
pub mod message;
pub mod meter;
pub mod name;
pub mod pace;
pub mod record;
pub mod size;
pub mod source;
