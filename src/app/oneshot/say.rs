//! Saying one thing.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use crate::app::{line::Reader, talk::Errand};

/// What is to be said, as text whatever it says.
pub(super) struct Saying {
    pub(super) text: String,
    pub(super) wait: Duration,
}

#[async_trait]
impl Errand for Saying {
    async fn run(self: Box<Self>, reader: &Reader) -> bool {
        let failed = reader.line(&self.text).await.failed;
        // What is not delivered by then is counted by whoever leaves the room.
        let _ = timeout(self.wait, reader.session.drained()).await;
        failed
    }
}
