//! Not seeing somebody.

use crate::{
    command::{Command, Context, Entry, Flow, MemberName, Result, async_trait, ensure},
    described::described,
    remembered,
    trust::Mark,
};

pub const COMMAND: Entry = Entry::of::<Ignore>();

/// Hide what a member says and does from your own screen.
///
/// It goes by the key of that member, now and in other rooms, and the member is not told. What they offer is neither
/// announced nor received by itself, but keeps its number. That they wait at your door still shows. Without a name it
/// lists whom you ignore.
#[derive(clap::Parser)]
struct Ignore {
    /// Whom.
    name: Option<MemberName>,
}

#[async_trait]
impl Command for Ignore {
    const NAME: &'static str = "ignore";
    const EXAMPLES: &'static [&'static str] = &["ignore mallory", "ignore"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let Some(name) = self.name else {
            let listed = remembered::list(Mark::Ignored, cx).await?;
            cx.print(listed.unwrap_or_else(|| "you ignore nobody".to_owned()));
            return Ok(Flow::Continue);
        };
        let member = cx.find(&name).await?;
        ensure!(member.key != cx.me().key, "{name} has your own key: you cannot ignore yourself");
        let new = cx.mark(&member, Mark::Ignored).await?;
        let who = described(&member.name, &member.key);
        let already = if new { "from now on" } else { "already" };
        cx.print(format!("{who} is ignored {already}: nothing of theirs shows here"));
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_may_be_left_out() {
        let fits = |words: &[&str]| COMMAND.grammar().try_get_matches_from(words).is_ok();
        assert!(fits(&[]) && fits(&["bob"]) && !fits(&["it", "please"]));
    }

    #[test]
    fn what_keeps_books_hears_of_those_who_are_ignored_and_what_is_said_does_not() {
        let hears = crate::commands::ALL.iter().filter(|entry| entry.hears_ignored).map(|entry| entry.name);
        assert_eq!(hears.collect::<Vec<_>>(), ["away", "sendfile"]);
    }
}
