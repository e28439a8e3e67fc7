//! Opening the door of the room again.

use crate::command::{Command, Context, Entry, Flow, Request, Result, async_trait};

pub const COMMAND: Entry = Entry::of::<Unlock>();

/// Let people into the room again.
///
/// It ends `/lock`: who gets in is as before. Only the one who hosts the room can do it.
#[derive(clap::Parser)]
struct Unlock {}

#[async_trait]
impl Command for Unlock {
    const NAME: &'static str = "unlock";
    const BARE: bool = false;
    const EXAMPLES: &'static [&'static str] = &["unlock"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        cx.ask(Request::Lock { locked: false }).await?;
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_needs_the_slash_and_takes_nothing() {
        const { assert!(!COMMAND.bare) };
        assert!(COMMAND.grammar().try_get_matches_from([""; 0]).is_ok());
        assert!(COMMAND.grammar().try_get_matches_from(["the", "door"]).is_err());
    }
}
