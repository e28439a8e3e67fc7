//! The form for tests: it keeps every line. It filters nothing, so that a test sees what was given.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{Line, View};

/// Every line that was shown, in order.
#[derive(Debug, Default)]
pub struct Recording {
    lines: Mutex<Vec<Line>>,
    changed: Notify,
}

impl Recording {
    /// The lines so far.
    pub fn lines(&self) -> Vec<Line> {
        self.lock().clone()
    }

    /// Waits until `done` holds for the lines so far, and gives them. The caller sets the time limit.
    pub async fn wait_for(&self, done: impl Fn(&[Line]) -> bool) -> Vec<Line> {
        loop {
            let changed = self.changed.notified();
            let lines = self.lines();
            if done(&lines) {
                return lines;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View for Recording {
    fn show(&self, line: Line) {
        self.lock().push(line);
        self.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_wait_ends_with_the_line_it_waits_for() {
        let view = Arc::new(Recording::default());
        let waiting = tokio::spawn({
            let view = view.clone();
            async move { view.wait_for(|lines| lines.len() == 2).await }
        });
        view.show(Line::Notice("one".into()));
        view.show(Line::Notice("two".into()));
        assert_eq!(waiting.await.unwrap(), view.lines());
    }
}
