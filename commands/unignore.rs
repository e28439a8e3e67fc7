//! Seeing somebody again.

use crate::{
    command::{Command, Context, Entry, Flow, Result, async_trait},
    described::described,
    remembered,
    transfer::desk::Desk,
    trust::Mark,
};

pub const COMMAND: Entry = Entry::of::<Unignore>();

/// Show what somebody says and does again.
///
/// They need not be here: the name by which you knew them will do, and so will the fingerprint. What they said meanwhile
/// stays hidden; what they offer is asked about now.
#[derive(clap::Parser)]
struct Unignore {
    /// Whom, by name or fingerprint.
    // Not the name of a member, of whom a bare line would need one who is here.
    name: String,
}

#[async_trait]
impl Command for Unignore {
    const NAME: &'static str = "unignore";
    const EXAMPLES: &'static [&'static str] = &["unignore mallory", "unignore xvgy-6j6c-jy5f-4ulw-bhz3"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let person = remembered::find(&self.name, Mark::Ignored, cx).await?;
        cx.unmark(&person.key, Mark::Ignored).await?;
        cx.print(format!("{} is not ignored any more", described(&person.name, &person.key)));
        Desk::of(cx).reveal(&person.key, cx);
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_needs_a_name() {
        let fits = |words: &[&str]| COMMAND.grammar().try_get_matches_from(words).is_ok();
        assert!(fits(&["bob"]) && !fits(&[]) && !fits(&["him", "please"]));
    }
}
