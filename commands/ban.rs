//! Putting somebody out of the room for good.

use crate::{
    command::{Command, Context, Entry, Flow, Input, MemberName, Request, Result, Whom, async_trait},
    exile,
};

pub const COMMAND: Entry = Entry::of::<Ban>();

/// Put somebody out of the room for good.
///
/// Their key is refused from then on, under whatever name and from whatever address it comes, also when you open the
/// room anew; `/unban` takes it back. It may be somebody who is here, who waits at the door, who was here, or whom your
/// rooms let in before. A new key is a new person, though: if they know the code, make another one with `code new`.
/// Only the one who hosts the room can do it.
#[derive(clap::Parser)]
struct Ban {
    /// Whom.
    name: MemberName,
    /// What everybody is told, to the end of the line.
    reason: Option<String>,
}

#[async_trait]
impl Command for Ban {
    const NAME: &'static str = "ban";
    const INPUT: Input = Input::Rest(1);
    const BARE: bool = false;
    const EXAMPLES: &'static [&'static str] = &["ban mallory", "ban mallory that's enough advertising"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let reason = exile::reason(self.reason)?;
        let whom = cx.whom(&self.name).await?;
        // Who is here goes before everybody's eyes; of anybody else nobody hears.
        let unseen = matches!(whom, Whom::Named(_));
        cx.ask(Request::Ban { whom, reason }).await?;
        if unseen {
            cx.print(format!("{} stays out for good", self.name));
        }
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

    #[test]
    fn it_needs_the_slash() {
        const { assert!(!COMMAND.bare) };
        assert!(COMMAND.usage().starts_with("/ban "), "{}", COMMAND.usage());
    }
}
