//! What a handler may know of how the room and the connection to it fare.

use std::time::Duration;

use anyhow::bail;
use tokio::time::Instant;

use super::Context;
use crate::{
    session::Connection,
    wire::{Answer, FEATURE_STATUS, Request, RoomStatus},
};

impl Context {
    /// How the room fares, and how long it took until it had answered. Nothing if its program is so old that it does not
    /// tell.
    ///
    /// # Errors
    ///
    /// If it cannot be asked at the moment.
    pub async fn room_status(&self) -> anyhow::Result<Option<(RoomStatus, Duration)>> {
        if self.shared.session.room_features() & FEATURE_STATUS == 0 {
            return Ok(None);
        }
        let asked = Instant::now();
        match self.ask(Request::Status).await? {
            Answer::Status(status) => Ok(Some((*status, asked.elapsed()))),
            _ => bail!("the room gave an answer to another question"),
        }
    }

    /// Since when, and how often, one is connected.
    pub fn connection(&self) -> Connection {
        self.shared.session.connection()
    }

    /// How many of one's own messages the room has not acknowledged yet.
    pub fn unacknowledged(&self) -> usize {
        self.shared.session.unacknowledged()
    }
}
