//! What the tests drive the program with. Nothing here sleeps to wait: everything waits for what is to happen, under one
//! generous timeout.

mod home;
mod lines;
mod picture;
mod process;
mod proxy;
mod pty;

use std::time::Duration;

pub use home::Home;
pub use lines::Lines;
pub use picture::{Window, svg};
pub use process::{Ended, Pchat, Process, until};
pub use proxy::{Proxy, dial};
pub use pty::Pty;
pub use rustix::process::Signal;

/// Far more than anything takes, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A small random number generator, so that a test can be repeated by its seed.
pub struct Dice(u64);

impl Dice {
    /// Dice that always fall the same way for one seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `below`.
    pub fn roll(&mut self, below: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}
