//! Offering files, and waiting until others have them.

use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use tokio::time::timeout;

use crate::{
    app::{line::Reader, spool::Spool, talk::Errand},
    transfer::desk::{Account, Desk},
};

/// Offers the paths by the command that does it.
async fn offer(paths: &[String], to: Option<&str>, reader: &Reader) -> Result<()> {
    let entry = reader.registry.offering().context("this pchat has no command that offers files")?;
    let to = to.map(|to| ["--to".to_owned(), to.to_owned()]).into_iter().flatten();
    let words = to.chain(["--".to_owned()]).chain(paths.iter().map(|path| typed(path)));
    let matches = entry.grammar().try_get_matches_from(words)?;
    entry.run(matches, &mut reader.cx.for_line(entry)).await.map(drop)
}

/// The path as somebody would type it: a shell has dealt with `~` already.
fn typed(path: &str) -> String {
    if path.starts_with('~') { format!("./{path}") } else { path.to_owned() }
}

/// `pchat send`.
pub(super) struct Sending {
    pub(super) paths: Vec<String>,
    pub(super) to: Option<String>,
    pub(super) wait: Duration,
    /// What was piped in, which is removed with this.
    pub(super) _spool: Option<Spool>,
}

#[async_trait]
impl Errand for Sending {
    async fn run(self: Box<Self>, reader: &Reader) -> bool {
        let cx = &reader.cx;
        if let Err(error) = offer(&self.paths, self.to.as_deref(), reader).await {
            cx.error(format!("{error:#}"));
            return true;
        }
        let desk = Desk::of(cx);
        // Before the room has answered, it is not known who is there.
        let _ = timeout(self.wait, reader.session.drained()).await;
        let _ = desk.finish(self.wait, cx).await;
        let accounts = desk.accounts(cx);
        let wrong: Vec<String> = accounts.iter().flat_map(wrong).collect();
        wrong.iter().for_each(|line| cx.error(&**line));
        // What could not be offered has been told.
        !wrong.is_empty() || accounts.len() < self.paths.len()
    }
}

/// What did not work about an offer, one line each.
fn wrong(account: &Account) -> Vec<String> {
    let Account { name, reached, declined, missing } = account;
    let missing = missing.iter().map(|(who, why)| match &**why {
        "" => format!("{who} has not received {name}"),
        why => format!("{who} has not received {name}: {why}"),
    });
    let mut wrong: Vec<String> = missing.collect();
    if *reached == 0 {
        wrong.extend(declined.iter().map(|who| format!("{who} declined {name}")));
        if wrong.is_empty() {
            wrong.push(format!("nobody received {name}"));
        }
    }
    wrong
}

/// `pchat host --send`.
pub(in crate::app) struct Offering {
    pub(in crate::app) paths: Vec<String>,
    /// How many have to have all of it.
    pub(in crate::app) times: u32,
}

#[async_trait]
impl Errand for Offering {
    async fn run(self: Box<Self>, reader: &Reader) -> bool {
        let done = async {
            offer(&self.paths, None, reader).await?;
            Desk::of(&reader.cx).reached(self.paths.len(), self.times as usize).await
        };
        match done.await {
            Ok(()) => false,
            Err(error) => {
                reader.cx.error(format!("{error:#}"));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(reached: usize, declined: &[&str], missing: &[(&str, &str)]) -> Vec<String> {
        wrong(&Account {
            name: "a".into(),
            reached,
            declined: declined.iter().map(|name| (*name).to_owned()).collect(),
            missing: missing.iter().map(|(who, why)| ((*who).to_owned(), (*why).to_owned())).collect(),
        })
    }

    #[test]
    fn it_worked_if_somebody_has_it_and_all_others_declined() {
        assert_eq!(account(1, &["bob"], &[]), [""; 0]);
        assert_eq!(account(0, &["bob"], &[]), ["bob declined a"]);
        assert_eq!(account(0, &[], &[]), ["nobody received a"]);
        assert_eq!(account(1, &[], &[("bob", "")]), ["bob has not received a"]);
        assert_eq!(account(0, &[], &[("bob", "the disk is full")]), ["bob has not received a: the disk is full"]);
    }

    #[test]
    fn a_tilde_that_the_shell_left_is_part_of_a_name() {
        assert_eq!((typed("~x"), typed("a~")), ("./~x".to_owned(), "a~".to_owned()));
    }
}
