//! Saying what one does.

use crate::{
    absence,
    command::{Command, Context, Entry, Flow, Input, Message, Result, async_trait, bail},
    message,
};

pub const COMMAND: Entry = Entry::of::<Me>();

/// Say what you do, as a sentence that begins with your name.
///
/// `/me waves` shows as `~ bob waves` to everyone in the room.
#[derive(clap::Parser)]
struct Me {
    /// What you do, to the end of the line.
    action: String,
}

#[async_trait]
impl Command for Me {
    const NAME: &'static str = "me";
    const INPUT: Input = Input::Line;
    const BARE: bool = false;
    const PAST: bool = true;
    const EXAMPLES: &'static [&'static str] = &["me waves"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let Some(payload) = message::encode(self.action.trim_start())? else { bail!("say what you do: /me waves") };
        absence::back(cx).await?;
        let n = cx.say(payload).await?;
        cx.show_pending(n, &format!("~ {} {}", cx.me().name, self.action));
        Ok(Flow::Continue)
    }

    async fn receive(message: Message, cx: &mut Context) -> Result<()> {
        match message::decode(&message.payload) {
            Some(action) => cx.show_action(&message, action),
            None => cx.notice(format!("{} sent something unreadable", message.from.name)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_the_rest_of_the_line_and_needs_some_and_the_slash() {
        let fits = |words: &[&str]| COMMAND.grammar().try_get_matches_from(words).is_ok();
        assert!(fits(&["--", "doesn't \"know"]) && !fits(&[]));
        const { assert!(!COMMAND.bare && COMMAND.past) };
    }
}
