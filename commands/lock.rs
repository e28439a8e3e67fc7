//! Closing the door of the room.

use crate::command::{Command, Context, Entry, Flow, Request, Result, async_trait};

pub const COMMAND: Entry = Entry::of::<Lock>();

/// Let nobody new into the room.
///
/// Neither the code nor a knock gets anybody in then, nor having been let in before. Whoever is here stays, and comes
/// back when their connection breaks; so do you yourself. `/unlock` ends it. Only the one who hosts the room can do it.
#[derive(clap::Parser)]
struct Lock {}

#[async_trait]
impl Command for Lock {
    const NAME: &'static str = "lock";
    const BARE: bool = false;
    const EXAMPLES: &'static [&'static str] = &["lock"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        cx.ask(Request::Lock { locked: true }).await?;
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
