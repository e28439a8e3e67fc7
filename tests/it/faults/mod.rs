//! Real programs on real sockets while connections break and programs die, and what each of them printed afterwards.
//!
//! The ordinary sizes fit a run of all tests; the `ignored` ones are ten times that.

mod deaths;
mod drops;
mod files;
mod journal;
mod restart;
mod slow;

use crate::support::{Dice, Home, Pchat, Proxy, Signal};

/// What somebody said, as each other member's output shows it.
fn said<'a>(lines: &'a [String], name: &str) -> Vec<&'a str> {
    let start = format!("{name}: ");
    lines.iter().filter_map(|line| line.strip_prefix(&start)).collect()
}

/// The number that a line of talk begins with.
fn number(text: &str) -> usize {
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{text} has no number"))
}

/// A member of a room behind a bad connection of its own.
struct Member {
    name: String,
    /// Behind an address of its own, so that the door takes it for somebody else.
    proxy: Proxy,
    program: Pchat,
    _home: Home,
}

impl Member {
    fn join(index: usize, port: u16) -> Self {
        let (home, name) = (Home::new(), format!("mem{}", (b'a' + index as u8) as char));
        let proxy = Proxy::from(10 + index as u8, port);
        let program = Pchat::join(&home, &name, proxy.port, &[]);
        Self { name, proxy, program, _home: home }
    }
}

/// Breaks a connection in one of the ways that connections break.
fn break_one(proxy: &Proxy, dice: &mut Dice) {
    match dice.roll(6) {
        0 => proxy.reset(),
        // The next connection breaks too, perhaps within its handshake.
        1 => {
            proxy.cut_after([500 + dice.roll(9_000)]);
            proxy.cut();
        }
        // The next one is accepted, and closed at once.
        2 => {
            proxy.close_next();
            proxy.cut();
        }
        // Nothing passes for a moment, and then it is over.
        3 => {
            proxy.stall(true);
            proxy.cut();
            proxy.stall(false);
        }
        4 => {
            proxy.split(1 + dice.roll(400) as usize);
            proxy.cut();
        }
        _ => proxy.cut(),
    }
}
