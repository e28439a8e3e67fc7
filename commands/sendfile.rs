//! Offering files and folders, and everything that members say and stream to each other about them.

use crate::{
    command::{Command, Context, Entry, Flow, Input, MemberName, Message, Opened, Result, Withdrawal, async_trait},
    transfer::desk::{Desk, Hint},
};

pub const COMMAND: Entry = Entry::of::<SendFile>();

/// Send files or folders to everyone, or to one member.
///
/// Each path becomes an offer with a number. Members receive small ones by themselves and are asked about large ones;
/// each at its own speed, and those who come later can have it too, until you take it back or leave. A folder is one
/// offer. Without a path you are asked for one.
///
/// A name with spaces needs no quotes if such a file exists. Links within a folder are not followed.
#[derive(clap::Parser)]
struct SendFile {
    /// Files or folders; `~` is your home folder.
    #[arg(value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    paths: Vec<String>,
    /// Only for this member.
    #[arg(long, value_name = "NAME")]
    to: Option<MemberName>,
}

#[async_trait]
impl Command for SendFile {
    const NAME: &'static str = "sendfile";
    const INPUT: Input = Input::Paths;
    const OFFERS: bool = true;
    // What they offer keeps its number, and who fetches what is offered here is kept account of.
    const HEARS_IGNORED: bool = true;
    const EXAMPLES: &'static [&'static str] =
        &["sendfile", "sendfile My Report.pdf", "sendfile ~/photos notes.txt --to bob"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        if self.paths.is_empty() {
            return Ok(Flow::Ask("file: "));
        }
        let to = match &self.to {
            Some(name) => Some(cx.find(name).await?),
            None => None,
        };
        let desk = desk(cx);
        for path in &self.paths {
            desk.offer(path, to.clone(), cx).await?;
        }
        Ok(Flow::Continue)
    }

    async fn receive(message: Message, cx: &mut Context) -> Result<()> {
        desk(cx).received(&message, cx);
        Ok(())
    }

    async fn withdrawn(withdrawal: Withdrawal, cx: &mut Context) -> Result<()> {
        desk(cx).withdrawn(&withdrawal, cx);
        Ok(())
    }

    async fn stream(opened: Opened, cx: &mut Context) -> Result<()> {
        desk(cx).serve(opened, cx);
        Ok(())
    }
}

fn desk(cx: &Context) -> Desk {
    let desk = Desk::of(cx);
    desk.speak_as(cx, wording);
    desk
}

/// What to type next.
fn wording(hint: Hint) -> String {
    match hint {
        Hint::Answer { number, folder: false } => format!("accept {number} / decline {number}"),
        Hint::Answer { number, folder: true } => format!("accept {number} / decline {number} / files {number}"),
        Hint::GoOn(number) => format!("resume {number} goes on"),
        Hint::Decline(number) => format!("decline {number} says that you do not want it"),
        Hint::End(number) => format!("cancel {number} ends that"),
        Hint::TakeBack(number) => format!("withdraw {number} takes it back"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_their_recipient_are_told_apart() {
        let matches = |words: &[&str]| COMMAND.grammar().try_get_matches_from(words);
        assert!(matches(&[]).is_ok());
        assert!(matches(&["a", "b c", "--to", "bob"]).is_ok());
        assert!(matches(&["a", "--to"]).is_err());
    }

    #[test]
    fn what_hints_name_exists() {
        let hints = [
            Hint::Answer { number: 3, folder: true },
            Hint::GoOn(3),
            Hint::Decline(3),
            Hint::End(3),
            Hint::TakeBack(3),
        ];
        let registry = crate::registry::Registry::new(crate::commands::ALL);
        for hint in hints {
            for part in wording(hint).split(" / ") {
                let name = part.split(' ').next().unwrap_or_default();
                assert!(registry.find(name).is_some(), "{name}");
            }
        }
    }
}
