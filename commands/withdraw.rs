//! Taking back an offer.

use crate::{
    command::{Command, Context, Entry, Flow, KeptNumber, Result, async_trait},
    transfer::desk::Desk,
};

pub const COMMAND: Entry = Entry::of::<Withdraw>();

/// Take back an offer of yours.
///
/// Who is receiving it is cut off; who has it keeps it.
#[derive(clap::Parser)]
struct Withdraw {
    /// The offer's number.
    number: KeptNumber,
}

#[async_trait]
impl Command for Withdraw {
    const NAME: &'static str = "withdraw";
    const EXAMPLES: &'static [&'static str] = &["withdraw 3"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        Desk::of(cx).withdraw(self.number.number()?, cx).await?;
        Ok(Flow::Continue)
    }
}
