//! Making sure that a key is that of the person: two people compare four words that their programs work out together.
//!
//! The words go over a way on which one knows the other by voice or face; the messages of this command go through the room,
//! which is not believed in anything. What they are, and why they cannot be foreseen, is in `exchange`; what is open, and
//! for how long, in `open`.

mod exchange;
mod open;

use std::{sync::PoisonError, time::Instant};

use anyhow::Context as _;
use clap::ValueEnum;
use tokio::time::timeout;

use self::{
    exchange::{Block, Step, Words},
    open::{Meant, Open, PATIENCE, Reaction},
};
use crate::{
    command::{
        Arc, Command, Context, Entry, Flow, Member, MemberEvent, MemberName, Message, Result, async_trait, bail, ensure,
    },
    described::described,
    remembered,
    trust::Mark,
    view::filter::clean,
    words::quote,
};

pub const COMMAND: Entry = Entry::of::<Verify>();

/// Make sure that a key is that of the person, by words that you compare.
///
/// It shows four words to each of you. Compare them by voice or in person, not in this room: if they are the same, the key
/// that the room names is that of the person, and nobody can read or change the files between you. From then on that key
/// is marked, on your machine and in every room: behind the name stands a mark that no name can contain. What is said in a
/// room still passes through whoever hosts it, whom you have to believe about who said it.
///
/// Without a name it lists whom you have verified.
#[derive(clap::Parser)]
struct Verify {
    /// Whom.
    name: Option<MemberName>,
    /// Whether the words that were shown are the same.
    #[arg(ignore_case = true)]
    same: Option<Same>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Same {
    #[value(alias = "yes")]
    Y,
    #[value(alias = "no")]
    N,
}

#[async_trait]
impl Command for Verify {
    const NAME: &'static str = "verify";
    const EXAMPLES: &'static [&'static str] = &["verify bob", "verify bob y", "verify bob n", "verify"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        match (self.name, self.same) {
            (Some(word), same) if cx.answering() => answer(&word, same, cx).await,
            (Some(name), None) => compare(&name, cx).await,
            (Some(name), Some(same)) => {
                let meant = with(cx, |open| open.named(&name, Instant::now()));
                conclude(meant, same, &format!("the words of {}", clean(&name)), cx).await
            }
            (None, _) => {
                let listed = remembered::list(Mark::Verified, cx).await?;
                cx.print(listed.unwrap_or_else(|| "you have verified nobody yet".to_owned()));
                Ok(Flow::Continue)
            }
        }
    }

    async fn receive(message: Message, cx: &mut Context) -> Result<()> {
        // Between the two only, and nonsense is worth no line.
        let Some(step) = Step::decode(&message.payload).filter(|_| message.private.is_some() && !message.own) else {
            return Ok(());
        };
        let (me, from, fresh) = (cx.me(), &message.from, random()?);
        match with(cx, |open| open.take(&me, from, step, fresh, Instant::now())) {
            Reaction::Nothing => {}
            Reaction::Say(step) => drop(cx.send_to(from, step.encode()).await?),
            Reaction::Agreed(step, words, waiting) => {
                if let Some(step) = step
                    && let Err(error) = cx.send_to(from, step.encode()).await
                {
                    with(cx, |open| open.forget(&from.key));
                    return Err(error);
                }
                if waiting.is_none_or(|waiting| waiting.send(words).is_err()) {
                    cx.notice(invitation(from, &words));
                }
            }
            Reaction::Broken => cx.error(format!(
                "{} did not keep to what was agreed on to find words, so there are none: whoever is at fault, do not \
                 believe that this key is theirs",
                described(&from.name, &from.key)
            )),
        }
        Ok(())
    }

    async fn member(event: Arc<MemberEvent>, cx: &mut Context) -> Result<()> {
        if let MemberEvent::Left { member, .. } = &*event {
            with(cx, |open| open.left(member));
        }
        Ok(())
    }
}

/// Looks at the exchanges of this session, without waiting for anything meanwhile.
fn with<T>(cx: &Context, look: impl FnOnce(&mut Open) -> T) -> T {
    look(&mut cx.state::<Open>().lock().unwrap_or_else(PoisonError::into_inner))
}

fn random() -> Result<Block> {
    let mut block = [0; 32];
    aws_lc_rs::rand::fill(&mut block).ok().context("the system gives no random numbers")?;
    Ok(Block(block))
}

/// What the one who did not begin reads.
fn invitation(from: &Member, words: &Words) -> String {
    let (name, typed) = (clean(&from.name), clean(&quote(&from.name)).into_owned());
    format!(
        "{name} compares words with you: {words}\nsay them by voice or in person, not in this room; the same? \
         verify {typed} y / verify {typed} n"
    )
}

/// Finds words with a member and asks whether they are the same there.
async fn compare(name: &str, cx: &mut Context) -> Result<Flow> {
    let (member, me) = (cx.find(name).await?, cx.me());
    let shown = clean(&member.name).into_owned();
    ensure!(member.key != me.key, "{shown} has your own key: there is nothing to verify");
    ensure!(!cx.ignores(&member.key), "you ignore {shown}, so that no answer would reach you");
    if let Some(person) = cx.people().get(&member.key)
        && let Some(day) = person.marks.since(Mark::Verified)
    {
        cx.notice(format!("{shown} is verified already, since {day}"));
    }
    let number = random()?;
    let (step, mut words) = with(cx, |open| open.start(&me, &member, number, Instant::now()));
    if let Some(step) = step
        && let Err(error) = cx.send_to(&member, step.encode()).await
    {
        with(cx, |open| open.forget(&member.key));
        return Err(error);
    }
    let words = match timeout(PATIENCE, &mut words).await {
        Ok(Ok(words)) => words,
        Ok(Err(_)) => bail!("no words with {shown}: they left, or it broke off"),
        Err(_) => {
            with(cx, |open| open.give_up(&member.key));
            // What comes from now on is told in a line of its own.
            words.close();
            let Ok(words) = words.try_recv() else {
                bail!("{shown} does not answer: cut off, or with a pchat that lacks this, or they ignore you")
            };
            words
        }
    };
    cx.notice(format!("the words for {shown}: {words}\ncompare them by voice or in person, not in this room"));
    with(cx, |open| open.ask(&member, Instant::now()));
    Ok(Flow::Ask("same? y/n "))
}

/// Takes the answer to our own question.
async fn answer(word: &str, same: Option<Same>, cx: &mut Context) -> Result<Flow> {
    let meant = with(cx, |open| open.answered(Instant::now()));
    match (Same::from_str(word, true), same) {
        (Ok(same), None) => conclude(meant, same, "these words", cx).await,
        _ => {
            let Meant::Words(member) = meant else { bail!("not verified") };
            let name = quote(&member.name);
            bail!("not verified; if the words were the same: verify {name} y, and if not: verify {name} n")
        }
    }
}

/// Does what an answer about words means.
async fn conclude(meant: Meant, same: Same, asked: &str, cx: &mut Context) -> Result<Flow> {
    let member = match meant {
        Meant::Words(member) => member,
        Meant::TooLate => bail!("not verified: {asked} are older than five minutes; find new ones"),
        Meant::Several => bail!(
            "not verified: {asked} were shown for more than one key, so somebody may be playing tricks; find new ones, \
             and compare the fingerprints, too"
        ),
        Meant::Nothing => bail!("nothing to answer: {asked} were not shown, or are answered already"),
    };
    let who = described(&member.name, &member.key);
    match same {
        Same::Y => {
            cx.mark(&member, Mark::Verified).await?;
            cx.print(format!("{who} is verified"));
        }
        Same::N => {
            cx.error(format!(
                "the words differ: somebody may pose as {who} to you and as you to them, and read and change the files \
                 between you. Tell them so another way; this key is NOT verified"
            ));
            cx.unmark(&member.key, Mark::Verified).await.context("it is still verified in the file")?;
        }
    }
    with(cx, |open| open.forget(&member.key));
    Ok(Flow::Continue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_that_begins_like_it_is_none() {
        let fits = |words: &[&str]| COMMAND.grammar().try_get_matches_from(words).is_ok();
        assert!(fits(&[]) && fits(&["bob"]) && fits(&["bob", "y"]) && fits(&["bob", "NO"]) && fits(&["yes"]));
        assert!(!fits(&["it", "please"]) && !fits(&["bob", "y", "n"]));
    }
}
