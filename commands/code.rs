//! The code of the room. Also the notices about those who come in with it, and about those who guess.

use std::net::IpAddr;

use crate::{
    command::{Answer, Arc, Command, Context, Entry, Flow, Member, MemberEvent, Request, Result, async_trait, bail},
    described::described,
    view::filter::clean,
    wire::CodeChange,
};

pub const COMMAND: Entry = Entry::of::<Code>();

/// Show the code that lets people in, make another one, or have none.
///
/// Whoever knows the code gets in without being asked about, and may come back without it: `code new` and `code off`
/// keep out only those who have not been here yet. The room makes a new code each time you open it. Only the one who
/// hosts the room can see and change it. A line of this command that does not fit is held back instead of being said
/// to everyone, and none is kept in the history of typed lines.
#[derive(clap::Parser)]
struct Code {
    /// Make another code, which voids the old one, or have none.
    #[arg(value_enum)]
    change: Option<Change>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Change {
    New,
    Off,
}

#[async_trait]
impl Command for Code {
    const NAME: &'static str = "code";
    // The code itself may have been typed after it.
    const PRIVATE: bool = true;
    const EXAMPLES: &'static [&'static str] = &["code", "code new", "code off"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let change = match self.change {
            None => CodeChange::Keep,
            Some(Change::New) => CodeChange::New,
            Some(Change::Off) => CodeChange::Off,
        };
        let Answer::Code(code) = cx.ask(Request::Code(change)).await? else {
            bail!("the room gave an answer to another question");
        };
        cx.print(told(code.as_deref(), self.change, cx.room_is_open()));
        Ok(Flow::Continue)
    }

    async fn member(event: Arc<MemberEvent>, cx: &mut Context) -> Result<()> {
        match &*event {
            MemberEvent::Invited { member, unlisted } => {
                cx.notice(format!("{} came in with the code", described(&member.name, &member.key)));
                if let Some(why) = unlisted {
                    cx.error(forgotten(member, why));
                }
            }
            MemberEvent::Guesses { address, tries, others } => cx.notice(guessed(*address, *tries, *others)),
            MemberEvent::CodeOver { wrong } => cx.error(format!(
                "{wrong} wrong codes came in, so that the code is void: strangers knock; `code new` makes another one"
            )),
            _ => {}
        }
        Ok(())
    }
}

fn told(code: Option<&str>, change: Option<Change>, open: bool) -> String {
    let void = if change == Some(Change::New) { "; the old one is void" } else { "" };
    match (code, open) {
        (Some(code), false) => format!("the code is {}: whoever knows it gets in{void}", clean(code)),
        (Some(code), true) => format!("the code is {}{void}; nobody needs it, since the room is open", clean(code)),
        (None, false) => "there is no code: strangers knock".to_owned(),
        (None, true) => "there is no code; nobody needs one, since the room is open".to_owned(),
    }
}

fn forgotten(member: &Member, why: &str) -> String {
    let name = clean(&member.name);
    format!("the list of those let in could not be saved, so that {name} will need the code again: {}", clean(why))
}

fn guessed(address: Option<IpAddr>, tries: u32, others: u32) -> String {
    let from = address.map_or_else(|| "this machine".to_owned(), |address| address.to_string());
    let others = if others > 0 { format!(", and {others} from elsewhere") } else { String::new() };
    format!(
        "wrong codes come from {from} ({tries} so far{others}): whoever guesses is slowed down; `code new` makes \
         another code"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        trust::Fingerprint,
        wire::{Instance, PublicKey},
    };

    #[test]
    fn it_tells_the_code_and_what_became_of_the_old_one() {
        let told = |code, change| told(code, change, false);
        assert_eq!(told(Some("zoo-abandon-lens"), None), "the code is zoo-abandon-lens: whoever knows it gets in");
        assert!(told(Some("zoo-abandon-lens"), Some(Change::New)).ends_with("gets in; the old one is void"));
        for change in [None, Some(Change::Off)] {
            assert_eq!(told(None, change), "there is no code: strangers knock");
        }
        assert_eq!(super::told(Some("x"), None, true), "the code is x; nobody needs it, since the room is open");
    }

    #[test]
    fn those_who_come_in_and_those_who_guess_are_told_in_one_row() {
        let key = PublicKey([7; 32]);
        let member = Member { number: 2, key, instance: Instance([0; 16]), name: "bob\u{2028}eve".into() };
        assert_eq!(described(&member.name, &member.key), format!("bob<U+2028>eve ({})", Fingerprint::of(&key)));
        let error = forgotten(&member, "no space\nleft");
        assert!(error.ends_with("bob<U+2028>eve will need the code again: no space<U+000A>left"), "{error}");
        assert_eq!(
            guessed(Some([203, 0, 113, 5].into()), 3, 12),
            "wrong codes come from 203.0.113.5 (3 so far, and 12 from elsewhere): whoever guesses is slowed down; \
             `code new` makes another code"
        );
        assert!(guessed(Some([203, 0, 113, 5].into()), 3, 0).contains("203.0.113.5 (3 so far): "));
    }

    #[test]
    fn a_code_typed_after_it_does_not_fit() {
        const { assert!(COMMAND.private) };
        for wrong in [&["zoo-abandon-lens"][..], &["zoo", "abandon", "lens"], &["new", "off"]] {
            assert!(COMMAND.grammar().try_get_matches_from(wrong).is_err(), "{wrong:?}");
        }
        for right in [&[][..], &["new"], &["off"]] {
            assert!(COMMAND.grammar().try_get_matches_from(right).is_ok(), "{right:?}");
        }
    }
}
