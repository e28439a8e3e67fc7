//! What the terminal still brings of something that cannot be read.

use std::{
    io::stdin,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    termios::{InputModes, LocalModes, OptionalActions},
};

use super::restore::Modes;

/// What comes after less than this belongs to what came before: nobody types that fast.
const QUIET: Duration = Duration::from_millis(100);

/// A paste has an end, so it may pause as long as a network does. If the end was read with what came before, this is how
/// long it is waited for in vain.
const PASTE_QUIET: Duration = Duration::from_secs(3);

/// Ends a bracketed paste.
const PASTE_END: [u8; 6] = *b"\x1b[201~";

/// What goes on for longer is no key, and the prompt comes back.
const AT_MOST: Duration = Duration::from_secs(10);

/// Throws away what comes until it is quiet, or to the end of the paste that was begun. The rest would otherwise be keys,
/// and the lines of a paste be run.
pub(super) fn drain(in_paste: bool, stopping: impl Fn() -> bool) {
    let keyboard = stdin();
    let modes = Modes::begin(OptionalActions::Now, |modes| {
        // No byte of it is an end of the program, or stops what the program writes.
        modes.local_modes.remove(LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN);
        modes.input_modes.remove(InputModes::IXON);
    });
    if modes.is_none() {
        return;
    }
    let pause = if in_paste { PASTE_QUIET } else { QUIET };
    let quiet = Timespec { tv_sec: pause.as_secs().cast_signed(), tv_nsec: pause.subsec_nanos().into() };
    let end = Instant::now() + AT_MOST;
    let mut some = [0; 4_096];
    // What comes after the end of a paste is keys again, and stays there.
    let most = if in_paste { 1 } else { some.len() };
    let mut paste = Paste::default();
    while !stopping() && (in_paste || Instant::now() < end) {
        match poll(&mut [PollFd::new(&keyboard, PollFlags::IN)], Some(&quiet)) {
            Ok(0) => break,
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => break,
            Ok(_) => {}
        }
        // The end of the input is for whoever reads next.
        let Ok(read @ 1..) = rustix::io::read(&keyboard, &mut some[..most]) else { break };
        if in_paste && some[..read].iter().any(|&byte| paste.ends_with(byte)) {
            break;
        }
    }
}

/// The last bytes that were read of a paste.
#[derive(Default)]
struct Paste([u8; PASTE_END.len()]);

impl Paste {
    /// Whether the paste ends with this byte, which is read now.
    fn ends_with(&mut self, byte: u8) -> bool {
        self.0.rotate_left(1);
        self.0[PASTE_END.len() - 1] = byte;
        self.0 == PASTE_END
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paste_ends_with_the_last_byte_of_its_end() {
        let whole = b"\x1b[20\x1b[200~quit\n\x1b\x1b[201~x";
        let mut paste = Paste::default();
        let ends: Vec<usize> = (0..whole.len()).filter(|&at| paste.ends_with(whole[at])).collect();
        assert_eq!(ends, [whole.len() - 2]);
    }
}
