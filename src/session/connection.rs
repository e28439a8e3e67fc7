//! Since when, and how often, a member's side is connected.

use tokio::time::Instant;

/// How a session has been connected.
#[derive(Clone, Copy, Debug, Default)]
pub struct Connection {
    /// When the present link began, unless it is broken.
    pub since: Option<Instant>,
    /// When the last link broke, if one did.
    pub broke: Option<Instant>,
    /// How many links there have been.
    pub links: u64,
}

impl Connection {
    /// A link begins.
    pub(super) fn begin(&mut self) {
        self.since = Some(Instant::now());
        self.links += 1;
    }

    /// It is over.
    pub(super) fn end(&mut self) {
        self.since = None;
        self.broke = Some(Instant::now());
    }

    /// How often it broke and was there again.
    pub fn reconnected(&self) -> u64 {
        self.links.saturating_sub(1)
    }
}
