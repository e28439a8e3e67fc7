//! The terminal as it was before the editor, for the ways out that do not pass through the editor: a panic, and a stop
//! that it does not hear.

use std::{
    cell::Cell,
    io::{self, Write},
    panic,
    sync::{Once, OnceLock},
};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// Ends a synchronized update, ends bracketed paste, shows the cursor, and forgets colours.
const RESET: &[u8] = b"\x1b[?2026l\x1b[?2004l\x1b[?25h\x1b[0m";

static BEFORE: OnceLock<Termios> = OnceLock::new();
static HOOK: Once = Once::new();

thread_local! {
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Remembers the terminal's state, once, and restores it at a panic before the message is written.
pub(super) fn remember() -> io::Result<()> {
    let state = tcgetattr(io::stdin())?;
    BEFORE.get_or_init(|| state);
    HOOK.call_once(|| {
        let next = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if CAUGHT.get() {
                tracing::error!(%info, "the line editor panicked");
                return;
            }
            restore();
            next(info);
        }));
    });
    Ok(())
}

/// Gives the terminal back as it was.
pub(super) fn restore() {
    let Some(before) = BEFORE.get() else { return };
    // There is nothing left to do for a terminal that refuses.
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
    let mut out = io::stdout().lock();
    if std::env::var_os("TERM").is_some_and(|term| term != "dumb") {
        let _ = out.write_all(RESET);
    }
    let _ = out.write_all(b"\r\n");
    let _ = out.flush();
}

/// Runs `work`, which unwinds to a clean terminal by itself, and gives `None` if it panicked.
pub(super) fn catch<T>(work: impl FnOnce() -> T) -> Option<T> {
    CAUGHT.set(true);
    let result = panic::catch_unwind(panic::AssertUnwindSafe(work));
    CAUGHT.set(false);
    result.ok()
}
