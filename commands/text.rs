//! Saying something to the room: what every line does that is no other command.

use crate::{
    absence,
    command::{Command, Context, Entry, Flow, Input, Message, Result, async_trait},
    message,
};

pub const COMMAND: Entry = Entry::of::<Text>();

/// Say a line to everyone in the room.
///
/// A line that is no command is said as it is, so the name is needed only where a line would be taken for
/// another command. Beginning the line with a space does the same.
#[derive(clap::Parser)]
struct Text {
    /// What to say, to the end of the line.
    text: String,
}

#[async_trait]
impl Command for Text {
    const NAME: &'static str = "text";
    const INPUT: Input = Input::Line;
    const DEFAULT: bool = true;
    const PAST: bool = true;
    const EXAMPLES: &'static [&'static str] = &["text quit is a word like any other"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        if let Some(payload) = message::encode(&self.text)? {
            absence::back(cx).await?;
            let n = cx.say(payload).await?;
            cx.show_pending(n, &self.text);
        }
        Ok(Flow::Continue)
    }

    async fn receive(message: Message, cx: &mut Context) -> Result<()> {
        match message::decode(&message.payload) {
            Some(text) => cx.show_message(&message, text),
            None => cx.notice(format!("{} sent something unreadable", message.from.name)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn the_whole_line_is_the_text() {
        let text = Text::try_parse_from([COMMAND.name, "--", "-it's \"fine\"  "]).expect("any text");
        assert_eq!(text.text, "-it's \"fine\"  ");
    }

    #[test]
    fn it_is_the_default_and_takes_lines_untouched() {
        const { assert!(COMMAND.default) };
        assert_eq!(COMMAND.input, Input::Line);
    }
}
