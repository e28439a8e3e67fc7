//! Sending away somebody who waits at the door.

use crate::{
    command::{Command, Context, Entry, Flow, KnockName, Request, Result, async_trait},
    door,
};

pub const COMMAND: Entry = Entry::of::<Decline>();

/// Send away somebody who waits at the door.
///
/// Without a name it sends away the only one who waits; if there are several, it lists them. Only the one
/// who hosts the room can do it.
#[derive(clap::Parser)]
struct Decline {
    /// The name under which the knock was announced.
    name: Option<KnockName>,
}

#[async_trait]
impl Command for Decline {
    const NAME: &'static str = "decline";
    const EXAMPLES: &'static [&'static str] = &["decline", "decline bob"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        if let Some(name) = door::pick(self.name.as_ref(), cx).await? {
            cx.ask(Request::Decline { name }).await?;
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_may_be_left_out() {
        assert!(COMMAND.grammar().try_get_matches_from([""; 0]).is_ok());
        assert!(COMMAND.grammar().try_get_matches_from(["bob", "please"]).is_err());
    }
}
