//! The program as people and attackers meet it: real processes, real sockets, real terminals.

mod catalogue;
mod cli;
mod codes;
mod corpus;
#[cfg(target_os = "linux")]
mod door;
mod dropin;
mod faults;
mod files;
mod hostile;
mod knock;
mod limits;
mod link;
mod people;
mod plain;
mod ports;
mod power;
mod question;
mod rights;
mod shown;
mod support;
mod terminal;
