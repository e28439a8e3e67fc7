//! Leaving while files are under way: the first time a person is told what would be cut off.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    command::Context,
    size::counted,
    transfer::desk::Desk,
    wire::{Answer, Request},
};

/// Within this time of being told, leaving again is meant.
const MEANT: Duration = Duration::from_secs(10);

/// What a person who wants to leave has been told.
#[derive(Default)]
pub(super) struct Leaving {
    told: Option<Instant>,
}

impl Leaving {
    /// Whether to leave now. If not, the person has been told why and how.
    pub(super) async fn is_meant(&mut self, cx: &Context) -> bool {
        if self.told.is_some_and(|told| told.elapsed() <= MEANT) {
            return true;
        }
        let mut rows = Desk::of(cx).under_way();
        // Without a link nothing of others can be cut off either.
        if let Ok(Answer::Carried(streams @ 1..)) = cx.ask(Request::Carried).await {
            rows.push(format!("{} between other members, through your room", counted(streams.into(), "transfer")));
        }
        if rows.is_empty() {
            return true;
        }
        self.told = Some(Instant::now());
        cx.notice(format!(
            "under way:\n{}\nleave again within 10 s to cut it off; what came so far is kept",
            rows.join("\n")
        ));
        false
    }
}
