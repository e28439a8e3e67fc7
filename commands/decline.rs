//! Saying no: to somebody who waits at the door, or to files on offer.

use crate::{
    command::{Command, Context, Entry, Flow, Pending, Request, Result, async_trait},
    door::{self, Meant},
    transfer::desk::Desk,
};

pub const COMMAND: Entry = Entry::of::<Decline>();

/// Decline files on offer, or send away somebody who waits at the door.
///
/// A number means an offer, whose owner is told; you can still accept it later. A name means somebody at the door, whom
/// only the one who hosts the room can send away. Without either it means the only thing that waits for an answer; if
/// there are several, it lists them.
#[derive(clap::Parser)]
struct Decline {
    /// The number of an offer, or the name under which a knock was announced.
    #[arg(value_name = "N|NAME")]
    what: Option<Pending>,
}

#[async_trait]
impl Command for Decline {
    const NAME: &'static str = "decline";
    const EXAMPLES: &'static [&'static str] = &["decline", "decline bob", "decline 3"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        match door::pick(self.what.as_ref(), cx).await {
            Some(Meant::Offer(number)) => Desk::of(cx).decline(number, cx).await?,
            Some(Meant::Knock(name)) => drop(cx.ask(Request::Decline { name }).await?),
            None => {}
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
