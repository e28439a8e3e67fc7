//! Going on with a transfer.

use crate::{
    command::{Command, Context, Entry, Flow, KeptNumber, Result, async_trait},
    transfer::desk::Desk,
};

pub const COMMAND: Entry = Entry::of::<Resume>();

/// Go on with a transfer that is paused or has failed.
///
/// What came so far is compared with what its sender has, and only the rest is sent.
#[derive(clap::Parser)]
struct Resume {
    /// The offer's number.
    number: KeptNumber,
}

#[async_trait]
impl Command for Resume {
    const NAME: &'static str = "resume";
    const EXAMPLES: &'static [&'static str] = &["resume 3"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        Desk::of(cx).resume(self.number.number()?, cx).await?;
        Ok(Flow::Continue)
    }
}
