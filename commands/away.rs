//! Saying that one is away.

use std::time::Instant;

use crate::{
    absence::{self, Change},
    command::{
        Arc, Command, Context, Entry, Event, Flow, Input, Member, MemberEvent, Message, Result, Withdrawal,
        async_trait, ensure,
    },
    trust::Fingerprint,
};

pub const COMMAND: Entry = Entry::of::<Away>();

/// Longest reason, in bytes: what still fits a row.
const MAX_REASON: usize = 200;

/// Say that you are away, and why.
///
/// The others read it once, `who` shows it, and whoever writes to you alone is told. Whatever you say after that brings
/// you back, and so does `/away` without a reason.
#[derive(clap::Parser)]
struct Away {
    /// Why, to the end of the line.
    reason: Option<String>,
}

#[async_trait]
impl Command for Away {
    const NAME: &'static str = "away";
    const INPUT: Input = Input::Line;
    const BARE: bool = false;
    // Whoever is not ignored any more may still be away.
    const HEARS_IGNORED: bool = true;
    const EXAMPLES: &'static [&'static str] = &["away lunch", "away"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let reason = self.reason.as_deref().unwrap_or_default().trim();
        if reason.is_empty() && absence::is_own(cx) {
            absence::back(cx).await?;
            return Ok(Flow::Continue);
        }
        let len = reason.len();
        ensure!(len <= MAX_REASON, "a reason has at most {MAX_REASON} bytes, this one has {len}");
        let (mark, before) = absence::marks(cx);
        cx.keep(mark, reason.to_owned()).await?;
        absence::set_own(cx, mark);
        if let Some(before) = before {
            cx.withdraw(before).await?;
        }
        Ok(Flow::Continue)
    }

    async fn receive(message: Message, cx: &mut Context) -> Result<()> {
        // Of what nobody keeps nobody comes back.
        let (Some(number), None) = (message.kept, &message.private) else { return Ok(()) };
        let Some(reason) = reason(&message.payload) else { return Ok(()) };
        let change = absence::with(cx, |absences| absences.leaves(&message.from, number, reason));
        tell(change, &message.from, reason, cx);
        Ok(())
    }

    async fn withdrawn(withdrawal: Withdrawal, cx: &mut Context) -> Result<()> {
        let Withdrawal { number, from, restart } = withdrawal;
        // Whoever has left is not back.
        if cx.members().iter().any(|member| (member.key, member.instance) == (from.key, from.instance)) || restart {
            let change = absence::with(cx, |absences| absences.returns(&from, number, restart));
            tell(change, &from, "", cx);
        }
        Ok(())
    }

    async fn member(event: Arc<MemberEvent>, cx: &mut Context) -> Result<()> {
        if let MemberEvent::Left { member, .. } = &*event {
            absence::with(cx, |absences| absences.gone(member));
        }
        Ok(())
    }
}

fn reason(payload: &[u8]) -> Option<&str> {
    if payload.len() > MAX_REASON { None } else { std::str::from_utf8(payload).ok() }
}

/// Tells of a change, if it is to be told.
fn tell(change: Option<Change>, member: &Member, reason: &str, cx: &Context) {
    let Some(change) = change.filter(|_| !cx.ignores(&member.key)) else { return };
    let me = cx.me();
    let own = (member.key, member.instance) == (me.key, me.instance);
    // What one does oneself is confirmed each time.
    if !own && !absence::with(cx, |absences| absences.may_tell(member, Instant::now())) {
        return;
    }
    let (kind, text) = match (change, own) {
        (Change::Away, true) => {
            ("absent", format!("{}; what you say next brings you back", absence::sentence("you are", reason)))
        }
        (Change::Away, false) => ("absent", absence::sentence(&format!("{} is", member.name), reason)),
        (Change::Here, true) => ("present", "you are here again".to_owned()),
        (Change::Here, false) => ("present", format!("{} is here again", member.name)),
    };
    let event = Event::new(kind, text).with("name", &*member.name);
    cx.event(event.with("key", Fingerprint::of(&member.key).to_string()).with("reason", reason));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_the_rest_of_the_line_or_nothing() {
        let matches = |words: &[&str]| COMMAND.grammar().try_get_matches_from(words).is_ok();
        assert!(matches(&[]) && matches(&["--", "it's lunch, \"see you"]));
        const { assert!(!COMMAND.bare) };
    }

    #[test]
    fn a_reason_that_is_too_long_or_no_text_says_nothing() {
        assert_eq!(reason("Mittag, grüß dich".as_bytes()), Some("Mittag, grüß dich"));
        assert_eq!(reason(&[b'x'; MAX_REASON + 1]), None);
        assert_eq!(reason(b"\xff"), None);
    }
}
