//! A row that shows nothing but that something goes on.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio::{
    task::{JoinError, JoinHandle},
    time::interval,
};

use crate::command::Context;

/// What turns while nothing better is known, and how quickly: quick enough to be seen to move.
const SIGNS: [char; 4] = ['|', '/', '-', '\\'];
const TURN: Duration = Duration::from_millis(150);

/// Keys of the rows in which something turns.
const SPINNERS: u64 = 1 << 62;
static NEXT_SPINNER: AtomicU32 = AtomicU32::new(0);

/// Waits for `work`, of which nothing better is known than that it goes on.
pub(super) async fn spin<T>(mut work: JoinHandle<T>, text: &str, cx: &Context) -> Result<T, JoinError> {
    if !cx.has_status() {
        cx.notice(text);
        return work.await;
    }
    let key = SPINNERS | u64::from(NEXT_SPINNER.fetch_add(1, Ordering::Relaxed));
    let mut turns = interval(TURN);
    for sign in SIGNS.iter().cycle() {
        tokio::select! {
            done = &mut work => {
                cx.status(key, None);
                return done;
            }
            _ = turns.tick() => cx.status(key, Some(&format!("{sign} {text}"))),
        }
    }
    work.await
}
