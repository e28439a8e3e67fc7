//! Letting a member say nothing to everyone.

use crate::command::{Command, Context, Entry, Flow, MemberName, Request, Result, async_trait};

pub const COMMAND: Entry = Entry::of::<Mute>();

/// Let a member say nothing to everyone any more.
///
/// Nor can they offer files to everyone. They still read everything and may use private messages. It holds for their
/// key until `unmute`, also when they leave and come back, and ends with the room. Only the one who hosts the room can
/// do it.
#[derive(clap::Parser)]
struct Mute {
    /// Whom.
    name: MemberName,
}

#[async_trait]
impl Command for Mute {
    const NAME: &'static str = "mute";
    const EXAMPLES: &'static [&'static str] = &["mute mallory"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let whom = cx.whom(&self.name).await?;
        cx.ask(Request::Mute { whom, muted: true }).await?;
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
