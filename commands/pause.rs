//! Pausing a transfer.

use crate::{
    command::{Command, Context, Entry, Flow, KeptNumber, Result, async_trait},
    transfer::desk::Desk,
};

pub const COMMAND: Entry = Entry::of::<Pause>();

/// Pause a transfer; what came so far is kept.
///
/// Of your own offer it pauses everyone who is receiving it.
#[derive(clap::Parser)]
struct Pause {
    /// The offer's number.
    number: KeptNumber,
}

#[async_trait]
impl Command for Pause {
    const NAME: &'static str = "pause";
    const EXAMPLES: &'static [&'static str] = &["pause 3"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        Desk::of(cx).pause(self.number.number()?, cx)?;
        Ok(Flow::Continue)
    }
}
