//! Leaving the room.

use crate::command::{Command, Context, Entry, Flow, Result, async_trait};

pub const COMMAND: Entry = Entry::of::<Quit>();

/// Leave the room and end the program.
///
/// The others see that you left. If you host the room, it closes for everyone, for good: their programs end. One that is
/// only stopped (SIGTERM) may be started again, and they wait for it.
#[derive(clap::Parser)]
struct Quit {}

#[async_trait]
impl Command for Quit {
    const NAME: &'static str = "quit";
    const ALIASES: &'static [&'static str] = &["exit"];
    const EXAMPLES: &'static [&'static str] = &["quit", "exit"];

    async fn run(self, _: &mut Context) -> Result<Flow> {
        Ok(Flow::Quit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_no_argument() {
        assert!(COMMAND.grammar().try_get_matches_from([""; 0]).is_ok());
        assert!(COMMAND.grammar().try_get_matches_from(["smoking"]).is_err());
    }
}
