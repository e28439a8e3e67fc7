//! Why two machines cannot reach each other, from either end: `here` looks at a machine that is to hold a room, `there` at
//! a room from outside. It owns what is looked at and what is said of it; it changes nothing, remembers nothing and enters
//! no room. What is told by other programs, files and machines is shown by the report alone, which cleans it.

mod ask;
mod firewall;
mod guess;
mod here;
mod holder;
mod report;
mod selftest;
mod surroundings;
mod there;

use std::time::Duration;

pub use here::here;
pub use report::Report;
pub use there::there;

/// How long one connection may take, with the handshake on it: a little longer than systems take to find out that nobody
/// has an address in the local network, 3 s, which is to be told from a firewall that says nothing.
const PATIENCE: Duration = Duration::from_millis(3_500);
