//! What commands there are, and how each is used.

use crate::{
    command::{Command, CommandName, Context, Entry, Flow, Result, async_trait, bail},
    registry::{Registry, bare_name},
    table::table,
};

pub const COMMAND: Entry = Entry::of::<Help>();

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
            Some(name) => cx.print(page(cx.entries(), &name)?),
            None => cx.print(overview(cx.entries())),
        }
        Ok(Flow::Continue)
    }
}

fn overview(entries: &'static [Entry]) -> String {
    let rows: Vec<_> = entries.iter().map(|entry| vec![entry.usage(), entry.summary()]).collect();
    format!(
        "{}\n\nAll else you type is said to the room. A slash makes a line a command for sure, a space at its \
         beginning text.",
        table(&rows)
    )
}

fn page(entries: &'static [Entry], name: &str) -> Result<String> {
    let registry = Registry::new(entries);
    let name = bare_name(name);
    match (registry.find(name), registry.nearest(name)) {
        (Some(entry), _) => Ok(entry.page()),
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
        let overview = overview(ALL);
        for entry in ALL {
            let row = overview.lines().find(|row| row.starts_with(&entry.usage()));
            assert!(row.is_some_and(|row| row.ends_with(&entry.summary())), "{}\n{overview}", entry.name);
        }
    }

    #[test]
    fn a_page_holds_usage_examples_and_other_names() {
        for name in ["exit", "/quit"] {
            let page = page(ALL, name).expect("it exists");
            assert!(
                page.contains("Usage: quit") && page.contains("\n  exit") && page.contains("Also called: exit"),
                "{page}"
            );
        }
        assert!(page(ALL, "qiut").expect_err("unknown").to_string().contains("did you mean quit?"));
    }
}
