//! Letting in somebody who waits at the door, and the notices about them.

use crate::{
    command::{Arc, Command, Context, Entry, Flow, KnockName, MemberEvent, Request, Result, async_trait},
    door,
    wire::KnockRow,
    words::quote,
};

pub const COMMAND: Entry = Entry::of::<Accept>();

/// Let in somebody who waits at the door.
///
/// Without a name it lets in the only one who waits; if there are several, it lists them. Whoever was let in
/// once may come back without being asked about. Only the one who hosts the room can do it.
#[derive(clap::Parser)]
struct Accept {
    /// The name under which the knock was announced.
    name: Option<KnockName>,
}

#[async_trait]
impl Command for Accept {
    const NAME: &'static str = "accept";
    const EXAMPLES: &'static [&'static str] = &["accept", "accept bob"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        if let Some(name) = door::pick(self.name.as_ref(), cx).await? {
            cx.ask(Request::Admit { name }).await?;
        }
        Ok(Flow::Continue)
    }

    async fn member(event: Arc<MemberEvent>, cx: &mut Context) -> Result<()> {
        match &*event {
            MemberEvent::Knock { knock, more } => cx.notice(notice(knock, *more)),
            MemberEvent::KnockOver { name, entered: false } => cx.notice(format!("{name} no longer waits")),
            _ => {}
        }
        Ok(())
    }
}

fn notice(knock: &KnockRow, more: u32) -> String {
    let name = quote(&knock.name);
    let others = if more > 0 { format!("; and {more} more wait") } else { String::new() };
    format!("{} wants to join: accept {name} / decline {name}{others}", door::describe(knock))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{trust::Fingerprint, wire::PublicKey};

    #[test]
    fn a_knock_is_announced_with_what_to_type() {
        let key = PublicKey([7; 32]);
        let mut knock = KnockRow { name: "bob".into(), key, address: Some([10, 0, 0, 7].into()), claims: None };
        let fingerprint = Fingerprint::of(&key);
        assert_eq!(
            notice(&knock, 0),
            format!("bob ({fingerprint}) at 10.0.0.7 wants to join: accept bob / decline bob")
        );
        knock.name = "bob smith".into();
        knock.claims = Some("bob".into());
        let notice = notice(&knock, 3);
        assert!(
            notice.contains(" (another key than the bob you know!) wants to join: accept \"bob smith\" / "),
            "{notice}"
        );
        assert!(notice.ends_with("; and 3 more wait"), "{notice}");
    }

    #[test]
    fn the_name_may_be_left_out() {
        assert!(COMMAND.grammar().try_get_matches_from([""; 0]).is_ok());
        assert!(COMMAND.grammar().try_get_matches_from(["the", "offer"]).is_err());
    }
}
