//! Letting somebody come again who was put out.

use crate::{
    command::{Command, Context, Entry, Flow, Request, Result, async_trait, bail},
    described::described,
    exile,
    table::table,
    wire::BanRow,
};

pub const COMMAND: Entry = Entry::of::<Unban>();

/// Let somebody come again who was put out of the room.
///
/// It takes back `/ban`, and the 10 minutes after a `kick`. Whoever was put out is not let in by that: they have to knock
/// or give the code, as strangers do. `/bans` lists who is out. Only the one who hosts the room can do it.
#[derive(clap::Parser)]
struct Unban {
    /// The name they had, or the fingerprint of their key.
    #[arg(value_name = "NAME|FINGERPRINT")]
    whom: String,
}

#[async_trait]
impl Command for Unban {
    const NAME: &'static str = "unban";
    const BARE: bool = false;
    const EXAMPLES: &'static [&'static str] = &["unban mallory", "unban xvgy-6j6c-jy5f-4ulw-bhz3"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let row = only(exile::meant(exile::all(cx).await?, &self.whom), &self.whom)?;
        cx.ask(Request::Unban { key: row.key }).await?;
        cx.print(format!("{} may come again, and has to knock or give the code", described(&row.name, &row.key)));
        Ok(Flow::Continue)
    }
}

/// The one that is meant. Which of several, only the person can say.
fn only(rows: Vec<BanRow>, typed: &str) -> Result<BanRow> {
    match <[BanRow; 1]>::try_from(rows) {
        Ok([row]) => Ok(row),
        Err(none) if none.is_empty() => bail!("nobody called {typed} is put out"),
        Err(several) => {
            let rows: Vec<_> = several.iter().map(exile::cells).collect();
            bail!(
                "several who are put out are called {typed}; say the fingerprint of the one you mean:\n{}",
                table(&rows)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{trust::Fingerprint, wire::PublicKey};

    fn row(of: u8, name: &str) -> BanRow {
        BanRow { key: PublicKey([of; 32]), name: name.to_owned(), secs: None }
    }

    #[test]
    fn of_several_with_one_name_none_is_meant_and_all_are_listed() {
        assert_eq!(only(vec![row(1, "bob")], "bob").expect("it is clear").key, PublicKey([1; 32]));
        let error = only(vec![row(1, "bob"), row(2, "Bob\n")], "bob").expect_err("it is not clear").to_string();
        for of in [1, 2] {
            assert!(error.contains(&Fingerprint::of(&PublicKey([of; 32])).to_string()), "{error}");
        }
        assert_eq!(error.lines().count(), 3, "{error}");
        assert_eq!(only(Vec::new(), "bob").expect_err("nobody").to_string(), "nobody called bob is put out");
    }

    #[test]
    fn it_needs_the_slash_and_one_word() {
        const { assert!(!COMMAND.bare) };
        assert!(COMMAND.grammar().try_get_matches_from(["bob"]).is_ok());
        assert!(COMMAND.grammar().try_get_matches_from([""; 0]).is_err());
    }
}
