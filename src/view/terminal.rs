//! The form for a person at a terminal. It keeps what is to be drawn and wakes whoever draws; the editor thread of
//! [`crate::repl`] is the only one that does, because two writers would tear the line being typed.

use std::sync::{
    Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

use super::{Bar, Line, Look, View, abilities::Abilities, screen::Screen};

/// The screen of one terminal. Showing never waits: see the limits of its queue.
pub struct Terminal {
    screen: Mutex<Screen>,
    changed: Notify,
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// Whether a wake was sent and nothing was drawn since.
    woken: AtomicBool,
}

impl Terminal {
    /// The screen of the terminal of this process, as far as the environment tells what it can do.
    pub fn new() -> Self {
        Self::of(Screen::able(Abilities::from_env(), &Look::default()))
    }

    /// A screen with or without colours, with no time before its lines and nothing around them.
    pub fn with_colour(colour: bool) -> Self {
        Self::of(Screen::new(colour))
    }

    fn of(screen: Screen) -> Self {
        Self {
            screen: Mutex::new(screen),
            changed: Notify::new(),
            wake: OnceLock::new(),
            woken: AtomicBool::new(false),
        }
    }

    /// How the editor is made to draw. `wake` must not wait; only the first one given counts.
    pub(crate) fn on_change(&self, wake: impl Fn() + Send + Sync + 'static) {
        let _ = self.wake.set(Box::new(wake));
        self.changed();
    }

    /// What to write with the cursor at the first column of the prompt's first row: it replaces the rows above the
    /// prompt, with the queued lines before them.
    pub(crate) fn draw(&self, width: usize) -> String {
        self.drawing(|screen| screen.draw(width))
    }

    /// So many rows of the window are left for what stands above the prompt, and the last `lost` of them may have been
    /// erased.
    pub(crate) fn fit(&self, rows: usize, lost: usize) {
        self.screen().fit(rows, lost);
    }

    /// The columns of the window at the last drawing.
    pub(crate) fn drawn_in(&self) -> Option<usize> {
        self.screen().drawn_in()
    }

    /// What to write between prompts, with the cursor at the left edge and nothing above: the queued lines.
    pub(crate) fn drain(&self, width: usize) -> String {
        self.drawing(|screen| {
            screen.commit();
            screen.drain(width)
        })
    }

    /// What removes the prompt and the rows above it, from `below` rows under the prompt's first row.
    pub(crate) fn erase(&self, below: usize) -> String {
        self.screen().erase(below)
    }

    /// The rows above the prompt went out of reach; the next drawing leaves them alone.
    pub(crate) fn forget(&self) {
        self.screen().forget();
    }

    /// A typed line as it goes into the scrollback.
    pub(crate) fn typed(&self, prompt: &str, text: &str, width: usize) -> String {
        self.screen().typed(prompt, text, width)
    }

    /// The prompt for a window of `width` columns.
    pub(crate) fn prompt(&self, width: usize) -> String {
        self.screen().prompt(width)
    }

    /// Whether what is drawn has colours.
    pub(crate) fn has_colour(&self) -> bool {
        self.screen().has_colour()
    }

    /// Nothing is under way any more, and nothing of it stays above the prompt.
    pub(crate) fn rest(&self) {
        self.change(Screen::rest);
    }

    /// Waits for something to draw.
    pub(crate) async fn until_changed(&self) {
        self.changed.notified().await;
    }

    fn drawing(&self, draw: impl FnOnce(&mut Screen) -> String) -> String {
        // Before the lock: a line that comes after it then sends a wake of its own.
        self.woken.store(false, Ordering::SeqCst);
        draw(&mut self.screen())
    }

    fn change(&self, change: impl FnOnce(&mut Screen)) {
        change(&mut self.screen());
        self.changed();
    }

    fn changed(&self) {
        self.changed.notify_one();
        if let Some(wake) = self.wake.get()
            && !self.woken.swap(true, Ordering::SeqCst)
        {
            wake();
        }
    }

    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Terminal {
    fn default() -> Self {
        Self::new()
    }
}

impl View for Terminal {
    fn show(&self, line: Line) {
        self.change(|screen| screen.push(line));
    }

    fn pending(&self, id: u64, text: &str) {
        self.change(|screen| screen.pending(id, text));
    }

    fn settled(&self, id: u64) {
        self.change(|screen| screen.settle(id));
    }

    fn name(&self, name: &str) {
        self.change(|screen| screen.rename(name));
    }

    fn columns(&self) -> Option<usize> {
        self.drawn_in()
    }

    fn has_status(&self) -> bool {
        true
    }

    fn status(&self, key: u64, row: Option<&str>) {
        self.change(|screen| screen.status(key, row));
    }

    fn progress(&self, key: u64, bar: Option<&Bar>) {
        self.change(|screen| screen.progress(key, bar));
    }

    fn look(&self, look: &Look) {
        self.change(|screen| screen.look(look));
    }

    fn title(&self, text: &str) {
        self.change(|screen| screen.title(text));
    }

    fn clear(&self) {
        self.change(Screen::clear);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, atomic::AtomicUsize};

    use super::*;
    use crate::view::{Said, line::somebody};

    #[test]
    fn case_82_many_lines_send_one_wake_until_they_are_drawn() {
        let wakes = Arc::new(AtomicUsize::new(0));
        let counted = wakes.clone();
        let terminal = Terminal::with_colour(false);
        terminal.on_change(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        for i in 0..1_000 {
            terminal.show(Line::Notice(i.to_string()));
        }
        assert_eq!(wakes.load(Ordering::SeqCst), 1);
        assert_eq!(terminal.draw(80).matches("\r\n").count(), 1_000);
        terminal.show(Line::Notice("next".into()));
        assert_eq!(wakes.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_drawing_replaces_the_rows_above_the_prompt() {
        let terminal = Terminal::with_colour(false);
        terminal.name("ann");
        terminal.pending(1, "hi");
        terminal.status(7, Some("photo.jpg 10 %"));
        assert_eq!(terminal.draw(80), "\r\x1b[Jphoto.jpg 10 %\r\nann: hi\r\n");
        terminal.settled(1);
        terminal.status(7, None);
        terminal.show(Line::Said(Said {
            name: "ann".into(),
            verified: false,
            privacy: crate::view::Privacy::Room,
            own: true,
            text: "hi".into(),
            ..somebody()
        }));
        assert_eq!(terminal.draw(80), "\x1b[2A\r\x1b[Jann: hi\r\n");
        assert_eq!(terminal.prompt(80), "ann> ");
    }
}
