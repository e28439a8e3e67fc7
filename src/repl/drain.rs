//! What the terminal still brings of something that cannot be read.

use std::{
    io::stdin,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr},
};

/// What comes after less than this belongs to what came before: nobody types that fast, and a paste does not pause.
const QUIET: Duration = Duration::from_millis(100);

/// What goes on for longer is no paste, and the prompt comes back.
const AT_MOST: Duration = Duration::from_secs(10);

/// Throws away what comes until it is quiet. The rest of a paste would otherwise be keys, and its lines be run.
pub(super) fn drain(stopping: impl Fn() -> bool) {
    let keyboard = stdin();
    let Ok(before) = tcgetattr(&keyboard) else { return };
    let mut by_byte = before.clone();
    by_byte.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    if tcsetattr(&keyboard, OptionalActions::Flush, &by_byte).is_err() {
        return;
    }
    let quiet = Timespec { tv_sec: 0, tv_nsec: QUIET.subsec_nanos().into() };
    let end = Instant::now() + AT_MOST;
    let mut some = [0; 4_096];
    while !stopping() && Instant::now() < end {
        match poll(&mut [PollFd::new(&keyboard, PollFlags::IN)], Some(&quiet)) {
            Ok(0) => break,
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => break,
            Ok(_) => {}
        }
        // The end of the input is for whoever reads next.
        if !rustix::io::read(&keyboard, &mut some).is_ok_and(|read| read > 0) {
            break;
        }
    }
    // It was read a moment ago.
    let _ = tcsetattr(&keyboard, OptionalActions::Now, &before);
}
