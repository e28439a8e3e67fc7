//! What a person sees of a broken connection: that it is dialled again, and when.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::command::Context;

/// The key of the row above the prompt. Keys of transfers count from 0, and the editor has the last.
const ROW: u64 = u64::MAX - 1;

/// A link that is broken.
#[derive(Clone, PartialEq, Eq)]
struct Cut {
    reason: String,
    /// When the next try begins.
    again: Instant,
}

/// The row about a broken link, if there is one.
pub(super) struct Redial(watch::Sender<Option<Cut>>);

impl Redial {
    /// Shows such a row whenever it is needed, to a person who sees rows.
    pub(super) fn new(cx: &Context) -> Self {
        let (now, mut changes) = watch::channel(None);
        if cx.has_status() {
            cx.spawn(async move |cx| {
                loop {
                    let cut: Option<Cut> = changes.borrow_and_update().clone();
                    let tick = show(cut, &cx);
                    tokio::select! {
                        changed = changes.changed() => if changed.is_err() { break },
                        () = sleep_until(tick) => {}
                    }
                }
                cx.status(ROW, None);
                Ok(())
            });
        }
        Self(now)
    }

    /// The link broke, and the next try begins after `retry_in`.
    pub(super) fn cut(&self, reason: &str, retry_in: Duration) {
        self.0.send_replace(Some(Cut { reason: reason.to_owned(), again: Instant::now() + retry_in }));
    }

    /// The link is there again.
    pub(super) fn restored(&self) {
        self.0.send_replace(None);
    }
}

/// Shows how it is, and says when that will be another way.
fn show(cut: Option<Cut>, cx: &Context) -> Instant {
    let now = Instant::now();
    let far = Duration::from_secs(3600);
    let Some(Cut { reason, again }) = cut else {
        cx.status(ROW, None);
        return now + far;
    };
    let (text, next) = row(&reason, again.saturating_duration_since(now));
    cx.status(ROW, Some(&text));
    now + next.unwrap_or(far)
}

/// The row when the next try begins after `left`, and how long it is true.
fn row(reason: &str, left: Duration) -> (String, Option<Duration>) {
    if left.is_zero() {
        return (format!("not connected, dialling... ({reason})"), None);
    }
    let secs = left.as_millis().div_ceil(1_000) as u64;
    let text = format!("not connected, dialling again in {secs} s ({reason})");
    (text, Some(left.saturating_sub(Duration::from_secs(secs - 1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seconds_count_down_to_the_next_try() {
        let at = |millis| row("gone", Duration::from_millis(millis));
        let text = |secs| format!("not connected, dialling again in {secs} s (gone)");
        assert_eq!(at(2_400), (text(3), Some(Duration::from_millis(400))));
        assert_eq!(at(2_000), (text(2), Some(Duration::from_millis(1_000))));
        assert_eq!(at(1), (text(1), Some(Duration::from_millis(1))));
        assert_eq!(at(0), ("not connected, dialling... (gone)".to_owned(), None));
    }
}
