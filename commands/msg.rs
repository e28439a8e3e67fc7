//! Saying something to one member only.

use crate::{
    absence,
    command::{Command, Context, Entry, Flow, Input, MemberName, Message, Result, async_trait, ensure},
    message,
    trust::Fingerprint,
};

pub const COMMAND: Entry = Entry::of::<Msg>();

/// Say something to one member only.
///
/// The other members do not see it; the one who hosts the room could. A line of this command that does not
/// fit, or that is misspelt by one letter, is held back instead of being said to everyone, and none is kept
/// in the history of typed lines.
#[derive(clap::Parser)]
struct Msg {
    /// For whom.
    name: MemberName,
    /// What to say, to the end of the line.
    text: String,
}

#[async_trait]
impl Command for Msg {
    const NAME: &'static str = "msg";
    const INPUT: Input = Input::Rest(1);
    const PRIVATE: bool = true;
    const EXAMPLES: &'static [&'static str] = &["msg bob it's a surprise, don't tell"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let Some(payload) = message::encode(&self.text)? else { return Ok(Flow::Continue) };
        let member = cx.find(&self.name).await?;
        let itself = member.number == cx.me().number;
        ensure!(!itself, "not sent: {} ({}) is yourself", member.name, Fingerprint::of(&member.key));
        absence::back(cx).await?;
        let n = cx.send_to(&member, payload).await?;
        cx.show_pending(n, &format!("(only to {}) {}", member.name, self.text));
        if let Some(away) = absence::mention(cx, &member) {
            cx.notice(away);
        }
        Ok(Flow::Continue)
    }

    async fn receive(message: Message, cx: &mut Context) -> Result<()> {
        match message::decode(&message.payload) {
            // A line that looked private must have been private.
            Some(text) if message.private.is_some() => cx.show_message(&message, text),
            _ => cx.notice(format!("{} sent something unreadable", message.from.name)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_needs_a_name_and_a_text() {
        let fits = |words: &[&str]| COMMAND.grammar().try_get_matches_from(words).is_ok();
        assert!(fits(&["bob", "--", "-- it's a \"surprise"]));
        assert!(!fits(&["bob"]));
        assert!(!fits(&[]));
    }

    #[test]
    fn it_is_private_and_takes_the_text_untouched() {
        const { assert!(COMMAND.private) };
        assert_eq!(COMMAND.input, Input::Rest(1));
    }
}
