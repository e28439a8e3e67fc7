//! Putting a member out of the room.

use crate::{
    command::{Command, Context, Entry, Flow, Input, MemberName, Request, Result, async_trait},
    exile,
};

pub const COMMAND: Entry = Entry::of::<Kick>();

/// Put a member out of the room.
///
/// The member's key is refused for 10 minutes, and has to knock or give the code after that. `/ban` puts somebody out
/// for good. Only the one who hosts the room can do it.
#[derive(clap::Parser)]
struct Kick {
    /// Whom.
    name: MemberName,
    /// What everybody is told, to the end of the line.
    reason: Option<String>,
}

#[async_trait]
impl Command for Kick {
    const NAME: &'static str = "kick";
    const INPUT: Input = Input::Rest(1);
    const EXAMPLES: &'static [&'static str] = &["kick mallory", "kick mallory that's enough advertising"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let reason = exile::reason(self.reason)?;
        let member = cx.find(&self.name).await?.number;
        cx.ask(Request::Kick { member, reason }).await?;
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_rest_of_the_line() {
        let matches = COMMAND.grammar().try_get_matches_from(["bob", "--", "-that's \"enough"]).expect("fits");
        assert_eq!(matches.get_one::<String>("reason").map(String::as_str), Some("-that's \"enough"));
        assert!(COMMAND.grammar().try_get_matches_from(["bob"]).is_ok());
        assert!(COMMAND.grammar().try_get_matches_from([""; 0]).is_err());
    }
}
