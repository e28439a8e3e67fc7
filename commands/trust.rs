//! Wanting all files of somebody.

use crate::{
    command::{Command, Context, Entry, Flow, MemberName, Result, async_trait, ensure},
    described::described,
    remembered,
    transfer::desk::Desk,
    trust::Mark,
    words::quote,
};

pub const COMMAND: Entry = Entry::of::<Trust>();

/// Receive everything that a member offers without being asked.
///
/// It lifts the limit of size, in open rooms too, for the key of that member, now and in other rooms; not the check for
/// free space. With `--auto-accept none` you are asked all the same. Without a name it lists whom you trust.
#[derive(clap::Parser)]
struct Trust {
    /// Whom.
    name: Option<MemberName>,
}

#[async_trait]
impl Command for Trust {
    const NAME: &'static str = "trust";
    const BARE: bool = false;
    const EXAMPLES: &'static [&'static str] = &["trust bob", "trust"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let Some(name) = self.name else {
            let listed = remembered::list(Mark::Trusted, cx).await?;
            cx.print(listed.unwrap_or_else(|| "you trust nobody's files yet".to_owned()));
            return Ok(Flow::Continue);
        };
        let member = cx.find(&name).await?;
        ensure!(member.key != cx.me().key, "{name} has your own key: what you offer yourself comes anyway");
        let new = cx.mark(&member, Mark::Trusted).await?;
        let who = described(&member.name, &member.key);
        let already = if new { "from now on" } else { "already" };
        cx.print(format!("{who} is trusted {already}: what they offer comes without asking"));
        if Desk::of(cx).asks_always() {
            cx.notice("you started pchat with --auto-accept none, though: you are asked all the same");
        }
        if cx.ignores(&member.key) {
            cx.notice("you ignore them, though: until that ends nothing of theirs comes by itself");
        }
        if !cx.people().is(&member.key, Mark::Verified) {
            let name = quote(&member.name);
            cx.notice(format!("this key is not verified, only the room says whose it is: verify {name} makes sure"));
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_may_be_left_out_and_sentences_need_no_space_before_them() {
        let fits = |words: &[&str]| COMMAND.grammar().try_get_matches_from(words).is_ok();
        assert!(fits(&[]) && fits(&["bob"]) && !fits(&["bob", "carol"]));
        const { assert!(!COMMAND.bare) };
    }

    #[test]
    fn what_its_hint_names_exists() {
        assert!(crate::registry::Registry::new(crate::commands::ALL).find("verify").is_some());
    }
}
