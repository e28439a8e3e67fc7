//! Seeing what is offered, sent and received.

use crate::{
    command::{Command, Context, Entry, Flow, Result, async_trait},
    transfer::desk::Desk,
};

pub const COMMAND: Entry = Entry::of::<Transfers>();

/// List all offers, and who receives what.
///
/// Of your own offers it tells about each receiver.
#[derive(clap::Parser)]
struct Transfers {}

#[async_trait]
impl Command for Transfers {
    const NAME: &'static str = "transfers";
    const EXAMPLES: &'static [&'static str] = &["transfers"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        cx.print(Desk::of(cx).overview());
        Ok(Flow::Continue)
    }
}
