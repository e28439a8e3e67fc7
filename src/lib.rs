//! pchat: encrypted chat rooms between terminals, with no account and no third-party server.

pub mod args;
pub mod view;
pub mod wire;
