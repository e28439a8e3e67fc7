//! The terminal as it was before the editor, for the ways out that do not pass through the editor: a panic, and a stop
//! that it does not hear.

use std::{
    cell::Cell,
    io::{self, Write},
    panic,
    sync::{Once, OnceLock},
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Ends a synchronized update, ends bracketed paste, shows the cursor, and forgets colours.
const RESET: &[u8] = b"\x1b[?2026l\x1b[?2004l\x1b[?25h\x1b[0m";

static BEFORE: OnceLock<Termios> = OnceLock::new();
static HOOK: Once = Once::new();

thread_local! {
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Changes the terminal's modes. Gives those before, or nothing if it cannot be changed.
fn changed(when: OptionalActions, change: impl FnOnce(&mut Termios)) -> Option<Termios> {
    let before = tcgetattr(io::stdin()).ok()?;
    let mut other = before.clone();
    change(&mut other);
    tcsetattr(io::stdin(), when, &other).ok()?;
    Some(before)
}

/// Other modes of the terminal, for as long as it lives.
pub(super) struct Modes(Termios);

impl Modes {
    /// Nothing if the terminal cannot be changed.
    pub(super) fn begin(when: OptionalActions, change: impl FnOnce(&mut Termios)) -> Option<Self> {
        changed(when, change).map(Self)
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        // It was changed a moment ago.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// Remembers the terminal's state, once, and restores it at a panic before the message is written.
pub(super) fn remember() -> io::Result<()> {
    let state = tcgetattr(io::stdin())?;
    BEFORE.get_or_init(|| state);
    hook();
    Ok(())
}

fn hook() {
    HOOK.call_once(|| {
        let next = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if CAUGHT.get() {
                // The message may quote the line, and that may be a secret.
                let at = info.location().map(ToString::to_string).unwrap_or_default();
                tracing::error!(%at, "the line editor panicked");
                return;
            }
            restore();
            next(info);
        }));
    });
}

/// Whether the terminal echoes between two prompts, where it may. What is typed there shows with the next prompt; an echo
/// before that would stand among what is drawn.
pub(super) fn echo(on: bool) {
    let Some(before) = BEFORE.get() else { return };
    let echo = on && before.local_modes.contains(LocalModes::ECHO);
    // A terminal that refuses echoes on.
    let _ = changed(OptionalActions::Now, |modes| modes.local_modes.set(LocalModes::ECHO, echo));
}

/// Gives the terminal back as it was.
pub(super) fn restore() {
    let Some(before) = BEFORE.get() else { return };
    // There is nothing left to do for a terminal that refuses.
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
    let mut out = io::stdout().lock();
    if std::env::var_os("TERM").is_some_and(|term| term != "dumb") {
        let _ = out.write_all(RESET).and_then(|()| out.write_all(crate::view::title::undo().as_bytes()));
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

#[cfg(test)]
mod tests {
    use std::{fs, hint::black_box, sync::Mutex};

    use super::*;

    #[test]
    fn the_log_says_where_a_panic_was_and_not_what_was_typed() {
        hook();
        let path = std::env::temp_dir().join(format!("pchat-panic-{}", std::process::id()));
        let file = fs::File::create(&path).unwrap();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(Mutex::new(file)).finish();
        let line = "the códe".to_owned();
        let cut = tracing::subscriber::with_default(log, || catch(|| line[black_box(6)..].len()));
        let log = fs::read_to_string(&path).unwrap();
        fs::remove_file(path).unwrap();
        assert_eq!(cut, None);
        assert!(log.contains("the line editor panicked at=src/repl/restore.rs:"), "{log}");
        assert!(!log.contains("the c"), "{log}");
    }
}
