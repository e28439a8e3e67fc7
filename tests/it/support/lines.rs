//! The lines that a program writes, as they come.

use std::{
    io::{BufRead, BufReader, Read},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Instant,
};

use super::PATIENCE;

#[derive(Default)]
struct State {
    lines: Vec<String>,
    /// Lines before this one have been expected already.
    next: usize,
    ended: bool,
}

/// One output of a program, read by a thread.
pub struct Lines {
    shared: Arc<(Mutex<State>, Condvar)>,
    of: String,
}

impl Lines {
    pub fn read(of: &str, output: impl Read + Send + 'static) -> Self {
        let shared = Arc::<(Mutex<State>, Condvar)>::default();
        let filled = shared.clone();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while output.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8(std::mem::take(&mut line)).expect("output is UTF-8");
                filled.0.lock().unwrap().lines.push(text.strip_suffix('\n').unwrap_or(&text).to_owned());
                filled.1.notify_all();
            }
            filled.0.lock().unwrap().ended = true;
            filled.1.notify_all();
        });
        Self { shared, of: of.to_owned() }
    }

    /// Waits until `done` gives something, and returns it. `what` is said when it never does.
    fn wait<T>(&self, what: &str, mut done: impl FnMut(&mut State) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut state = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = done(&mut state) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                let (lines, next) = (state.lines.join("\n"), state.next);
                let why = if state.ended { "its output ended" } else { "too long" };
                drop(state);
                panic!("{}: {why} without {what}, after {next} lines of:\n{lines}", self.of);
            }
            state = self.shared.1.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for a line that fits, after those expected before, and returns it.
    pub fn expect_where(&self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        self.wait(what, |state| {
            let at = state.next + state.lines[state.next..].iter().position(|line| fits(line))?;
            state.next = at + 1;
            Some(state.lines[at].clone())
        })
    }

    /// Waits for this line.
    pub fn expect(&self, line: &str) {
        self.expect_where(line, |other| other == line);
    }

    /// Waits for a line that begins like this, and returns the rest.
    pub fn expect_start(&self, start: &str) -> String {
        let line = self.expect_where(&format!("{start}..."), |line| line.starts_with(start));
        line[start.len()..].to_owned()
    }

    /// Waits until there are so many lines that fit, and returns them.
    pub fn collect(&self, count: usize, fits: impl Fn(&str) -> bool) -> Vec<String> {
        self.wait(&format!("{count} such lines"), |state| {
            let found: Vec<_> = state.lines.iter().filter(|line| fits(line)).cloned().collect();
            (found.len() >= count).then_some(found)
        })
    }

    /// What has come until now.
    pub fn so_far(&self) -> Vec<String> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner).lines.clone()
    }

    /// Everything, once the program has closed this output.
    pub fn all(&self) -> Vec<String> {
        self.wait("an end", |state| state.ended.then(|| state.lines.clone()))
    }
}
