//! The program as people and attackers meet it: real processes, real sockets, real terminals.

mod catalogue;
mod chat;
mod cli;
mod codes;
mod corpus;
mod docs;
mod doctor;
#[cfg(target_os = "linux")]
mod door;
mod dropin;
mod exits;
mod faults;
mod files;
mod hostile;
mod knock;
mod limits;
mod lines;
mod link;
mod packaging;
mod people;
mod plain;
mod ports;
mod power;
mod promises;
mod prompt;
mod question;
mod reading;
mod rights;
mod screen;
mod scripts;
mod settings;
mod shown;
mod status;
mod support;
mod terminal;
mod typing;
