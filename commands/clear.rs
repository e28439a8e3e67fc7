//! Clearing the screen.

use crate::command::{Command, Context, Entry, Flow, Result, async_trait};

pub const COMMAND: Entry = Entry::of::<Clear>();

/// Clear the screen.
///
/// Nobody else notices, and nothing is forgotten: what has scrolled out of the window stays where it is.
#[derive(clap::Parser)]
struct Clear {}

#[async_trait]
impl Command for Clear {
    const NAME: &'static str = "clear";
    const EXAMPLES: &'static [&'static str] = &["clear"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        cx.clear();
        Ok(Flow::Continue)
    }
}
