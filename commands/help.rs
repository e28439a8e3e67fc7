//! What commands there are, and how each is used.

use crate::{
    command::{Command, CommandName, Context, Entry, Flow, Result, async_trait, bail},
    registry::{Registry, bare_name},
    table::{folded, table},
    view::wrap,
};

pub const COMMAND: Entry = Entry::of::<Help>();

/// With fewer columns than this beside the usage, what a command does stands below it.
const NARROW: usize = 24;
const INDENT: &str = "    ";

/// List the commands, or show how one is used.
///
/// A line is a command if it begins with the name of one and fits its usage; all else is text, said to
/// everyone. With a slash before the name a line is always a command; with a space at its beginning it is
/// always text.
#[derive(clap::Parser)]
struct Help {
    /// The command to show.
    command: Option<CommandName>,
}

#[async_trait]
impl Command for Help {
    const NAME: &'static str = "help";
    const EXAMPLES: &'static [&'static str] = &["help", "help quit"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        match self.command {
            Some(name) => cx.print(page(cx.entries(), &name, cx.columns())?),
            None => cx.print(overview(cx.entries(), cx.columns())),
        }
        Ok(Flow::Continue)
    }
}

/// The commands for a window of so many columns, if there is one.
fn overview(entries: &'static [Entry], columns: Option<usize>) -> String {
    let rows: Vec<_> = entries.iter().map(|entry| (entry.usage(), entry.summary())).collect();
    let room = columns.map_or(usize::MAX, readable);
    let widest = rows.iter().map(|(usage, _)| wrap::columns(usage)).max().unwrap_or(0);
    let list = match room.saturating_sub(widest + 2) {
        // Beside the usage there is no room to speak of.
        0..NARROW => {
            let rows = rows.iter().flat_map(|(usage, summary)| {
                let summary = folded(summary, room.saturating_sub(INDENT.len()));
                [usage.clone()].into_iter().chain(summary.into_iter().map(|row| format!("{INDENT}{row}")))
            });
            rows.collect::<Vec<_>>().join("\n")
        }
        left => {
            let rows = rows.iter().flat_map(|(usage, summary)| {
                let usage = [usage.clone()].into_iter().chain(std::iter::repeat(String::new()));
                usage.zip(folded(summary, left)).map(|(usage, summary)| vec![usage, summary])
            });
            table(&rows.collect::<Vec<_>>())
        }
    };
    let rest = folded(
        "All else you type is said to the room. A slash makes a line a command for sure, a space at its beginning text.",
        room,
    );
    format!("{list}\n\n{}", rest.join("\n"))
}

/// Columns for text in a window of so many: the last one stays free, and nobody reads rows without end.
fn readable(columns: usize) -> usize {
    columns.saturating_sub(1).clamp(20, 120)
}

fn page(entries: &'static [Entry], name: &str, columns: Option<usize>) -> Result<String> {
    let registry = Registry::new(entries);
    let name = bare_name(name);
    match (registry.find(name), registry.nearest(name)) {
        (Some(entry), _) => Ok(columns.map_or_else(|| entry.page(), |columns| entry.page_in(readable(columns)))),
        (None, Some(near)) => bail!("no command is called {name}; did you mean {near}?"),
        (None, None) => bail!("no command is called {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::ALL;

    #[test]
    fn the_overview_names_every_command_with_its_summary() {
        let overview = overview(ALL, None);
        for entry in ALL {
            let row = overview.lines().find(|row| row.starts_with(&entry.usage()));
            assert!(row.is_some_and(|row| row.ends_with(&entry.summary())), "{}\n{overview}", entry.name);
        }
    }

    #[test]
    fn a_page_holds_usage_examples_and_other_names() {
        for name in ["exit", "/quit"] {
            let page = page(ALL, name, None).expect("it exists");
            assert!(
                page.contains("Usage: quit") && page.contains("\n  exit") && page.contains("Also called: exit"),
                "{page}"
            );
        }
        assert!(page(ALL, "qiut", None).expect_err("unknown").to_string().contains("did you mean quit?"));
    }

    #[test]
    fn it_is_laid_out_for_the_window() {
        let widest_word = ALL.iter().map(|entry| entry.usage().len()).max().expect("commands");
        for columns in [200, 121, 80, 60, 40] {
            let overview = overview(ALL, Some(columns));
            let most = (columns - 1).max(if columns < 60 { widest_word } else { 0 });
            assert!(overview.lines().all(|row| wrap::columns(row) <= most), "{columns}:\n{overview}");
            let flat = overview.split_whitespace().collect::<Vec<_>>().join(" ");
            for entry in ALL.iter().filter(|_| !(60..121).contains(&columns)) {
                let row = format!("{} {}", entry.usage(), entry.summary());
                assert!(flat.contains(&row), "{columns}: {row}\n{overview}");
            }
            let page = page(ALL, "sendfile", Some(columns)).expect("it exists");
            let widest = page.lines().map(wrap::columns).max().expect("rows");
            assert!(widest < columns.max(60), "{columns}:\n{page}");
        }
        let rows = |columns| page(ALL, "sendfile", Some(columns)).expect("it exists").lines().count();
        assert!(rows(120) < rows(80) && rows(80) < rows(50), "{} {} {}", rows(120), rows(80), rows(50));
    }
}
