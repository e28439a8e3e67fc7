//! Who is put out of the room.

use crate::{
    command::{Command, Context, Entry, Flow, Result, async_trait},
    exile,
    table::table,
    wire::BanRow,
};

pub const COMMAND: Entry = Entry::of::<Bans>();

/// How many keys are listed; the others are counted.
const MAX_ROWS: usize = 200;

/// List who is put out of the room.
///
/// For each key: the name it had, its fingerprint, and for how long: for good, or for some minutes after a `kick`. Only
/// the one who hosts the room is told.
#[derive(clap::Parser)]
struct Bans {}

#[async_trait]
impl Command for Bans {
    const NAME: &'static str = "bans";
    const EXAMPLES: &'static [&'static str] = &["bans"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        cx.print(list(&exile::all(cx).await?));
        Ok(Flow::Continue)
    }
}

fn list(rows: &[BanRow]) -> String {
    if rows.is_empty() {
        return "nobody is put out".to_owned();
    }
    let listed: Vec<_> = rows.iter().take(MAX_ROWS).map(exile::cells).collect();
    let more = rows.len() - listed.len();
    if more > 0 { format!("{}\nand {more} more", table(&listed)) } else { table(&listed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{trust::Fingerprint, wire::PublicKey};

    fn row(of: u8, name: &str, secs: Option<u64>) -> BanRow {
        BanRow { key: PublicKey([of; 32]), name: name.to_owned(), secs }
    }

    #[test]
    fn keys_stand_in_columns_with_how_long_they_are_out() {
        let fingerprints = [1, 2].map(|of| Fingerprint::of(&PublicKey([of; 32])).to_string());
        let text = list(&[row(1, "bob", None), row(2, "eve\nfake", Some(130))]);
        let [bob, eve] = &fingerprints;
        assert_eq!(text, format!("bob              {bob}  for good\neve<U+000A>fake  {eve}  3 min more"));
        assert_eq!(list(&[]), "nobody is put out");
    }

    #[test]
    fn those_above_the_limit_are_counted() {
        let rows = vec![row(1, "bob", None); MAX_ROWS + 7];
        assert!(list(&rows).ends_with("\nand 7 more"));
    }
}
