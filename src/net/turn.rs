//! What a connection holds of the door after it has proved a key.

use std::fmt;
use std::sync::Arc;

use super::share::Share;
use super::standing::Try;
use super::tally::{Failure, Tally};

/// The share of the door that a connection holds until the room has let it in. When it is dropped without that, the
/// connection has come to nothing, which costs its source a try.
pub struct Turn {
    share: Option<Share>,
    attempt: Try,
    tally: Arc<Tally>,
}

impl Turn {
    pub(super) fn new(share: Share, attempt: Try, tally: Arc<Tally>) -> Self {
        Self { share: Some(share), attempt, tally }
    }

    /// Waits until the connection has to give way: it has had its turn for long, and others wait for theirs. Never
    /// comes once the share is given back.
    pub async fn revoked(&self) {
        match &self.share {
            Some(share) => share.leave().cancelled().await,
            None => std::future::pending().await,
        }
    }

    /// Gives the share back: the connection may wait as long as the room likes.
    pub fn free(&mut self) {
        self.share = None;
    }

    /// The room has let the connection in. Its source is favoured from now on, and for a while after this is dropped.
    pub fn let_in(&mut self) {
        self.share = None;
        self.attempt.let_in();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.share.as_ref().is_some_and(|share| share.leave().is_cancelled()) {
            self.tally.count(Failure::Late);
        }
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").finish_non_exhaustive()
    }
}
