//! Saying yes: to somebody who waits at the door, or to files on offer. Also the notices about those at the door.

use crate::{
    command::{Arc, Command, Context, Entry, Event, Flow, MemberEvent, Pending, Request, Result, async_trait, bail},
    door::{self, Meant},
    transfer::desk::Desk,
    trust::Fingerprint,
    wire::KnockRow,
    words::quote,
};

pub const COMMAND: Entry = Entry::of::<Accept>();

/// Receive files on offer, or let in somebody who waits at the door.
///
/// A number means an offer; patterns after it take a part of a folder: names (`*.pdf`), paths (`docs/*.pdf`) or folders
/// (`docs/`). A name means somebody at the door; only the one who hosts the room can let them in, and whoever was let in
/// once may come back without being asked about. Without either it takes the only thing that waits for an answer; if
/// there are several, it lists them.
#[derive(clap::Parser)]
struct Accept {
    /// The number of an offer, or the name under which a knock was announced.
    #[arg(value_name = "N|NAME")]
    what: Option<Pending>,
    /// What to take of an offered folder; everything without one.
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,
}

#[async_trait]
impl Command for Accept {
    const NAME: &'static str = "accept";
    const EXAMPLES: &'static [&'static str] = &["accept", "accept bob", "accept 3", "accept 3 docs/ *.pdf"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        match door::pick(self.what.as_ref(), cx).await {
            Some(Meant::Offer(number)) => Desk::of(cx).accept(number, self.patterns).await?,
            Some(Meant::Knock(_)) if !self.patterns.is_empty() => bail!("somebody at the door comes in whole"),
            Some(Meant::Knock(name)) => drop(cx.ask(Request::Admit { name }).await?),
            None => {}
        }
        Ok(Flow::Continue)
    }

    async fn member(event: Arc<MemberEvent>, cx: &mut Context) -> Result<()> {
        match &*event {
            MemberEvent::Knock { knock, more } => {
                let event = Event::new("knock", notice(knock, *more)).with("name", &*knock.name);
                let event = event.with("key", Fingerprint::of(&knock.key).to_string()).with("more", *more);
                let address = knock.address.map(|address| address.to_string());
                let values = [("address", address), ("claims", knock.claims.clone())];
                let values = values.into_iter().filter_map(|(name, value)| Some((name, value?)));
                cx.event(values.fold(event, |event, (name, value)| event.with(name, value)));
            }
            MemberEvent::KnockOver { name, entered: false } => {
                cx.event(Event::new("knock-over", format!("{name} no longer waits")).with("name", &**name));
            }
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
    use crate::wire::PublicKey;

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
    }
}
