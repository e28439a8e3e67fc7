//! Taking another name.

use crate::command::{Answer, Command, Context, Entry, Flow, Request, Result, async_trait, bail};

pub const COMMAND: Entry = Entry::of::<Nick>();

/// Take another name.
///
/// The room refuses a name that somebody else has or had here.
#[derive(clap::Parser)]
struct Nick {
    /// The name that the others shall see.
    name: String,
}

#[async_trait]
impl Command for Nick {
    const NAME: &'static str = "nick";
    const EXAMPLES: &'static [&'static str] = &["nick alice"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let before = cx.me().name;
        let Answer::Name(name) = cx.ask(Request::Nick { name: self.name }).await? else {
            bail!("the room gave an answer to another question");
        };
        // What comes of it may be heard later than the answer, and after the next prompt.
        cx.show_name(&name);
        // A change is announced to everyone, oneself included.
        if name == before {
            cx.print(format!("you are called {name} already"));
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word() {
        assert!(COMMAND.grammar().try_get_matches_from(["alice"]).is_ok());
        assert!(COMMAND.grammar().try_get_matches_from(["names", "are", "fun"]).is_err());
        assert!(COMMAND.grammar().try_get_matches_from([""; 0]).is_err());
    }
}
