//! Wanting all files of somebody no longer.

use crate::{
    command::{Command, Context, Entry, Flow, MemberName, Result, async_trait},
    described::described,
    remembered,
    trust::Mark,
};

pub const COMMAND: Entry = Entry::of::<Untrust>();

/// Be asked about the files of somebody you trusted.
///
/// They need not be here: the name by which you knew them will do, and so will the fingerprint. What is being received is
/// not cut off.
#[derive(clap::Parser)]
struct Untrust {
    /// Whom, by name or fingerprint.
    name: MemberName,
}

#[async_trait]
impl Command for Untrust {
    const NAME: &'static str = "untrust";
    const BARE: bool = false;
    const EXAMPLES: &'static [&'static str] = &["untrust bob", "untrust xvgy-6j6c-jy5f-4ulw-bhz3"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let person = remembered::find(&self.name, Mark::Trusted, cx).await?;
        cx.unmark(&person.key, Mark::Trusted).await?;
        cx.print(format!("{} is not trusted any more", described(&person.name, &person.key)));
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_needs_a_name_and_a_slash() {
        let fits = |words: &[&str]| COMMAND.grammar().try_get_matches_from(words).is_ok();
        assert!(fits(&["bob"]) && !fits(&[]) && !fits(&["bob", "carol"]));
        const { assert!(!COMMAND.bare) };
    }
}
