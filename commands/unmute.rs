//! Letting somebody speak again.

use crate::command::{Command, Context, Entry, Flow, Request, Result, Whom, async_trait};

pub const COMMAND: Entry = Entry::of::<Unmute>();

/// Let somebody speak to everyone again.
///
/// It takes back `mute`. They need not be here at the moment. Only the one who hosts the room can do it.
#[derive(clap::Parser)]
struct Unmute {
    /// Whom.
    // Not the name of a member: somebody who is not here can be meant, and a line that names them is not to be said.
    name: String,
}

#[async_trait]
impl Command for Unmute {
    const NAME: &'static str = "unmute";
    const EXAMPLES: &'static [&'static str] = &["unmute mallory"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let whom = cx.whom(&self.name).await?;
        // Who is here is told before everybody; of anybody else nobody hears.
        let unseen = matches!(whom, Whom::Named(_));
        cx.ask(Request::Mute { whom, muted: false }).await?;
        if unseen {
            cx.print(format!("{} may speak again", self.name));
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_one_name() {
        assert!(COMMAND.grammar().try_get_matches_from(["bob"]).is_ok());
        assert!(COMMAND.grammar().try_get_matches_from(["the", "music"]).is_err());
        assert!(COMMAND.grammar().try_get_matches_from([""; 0]).is_err());
    }
}
