//! Looking into an offered folder.

use crate::{
    command::{Command, Context, Entry, Flow, KeptNumber, Result, async_trait},
    transfer::desk::Desk,
};

pub const COMMAND: Entry = Entry::of::<Files>();

/// List what an offered folder holds.
///
/// A pattern without a slash is about names (`*.pdf`), one with a slash about whole paths (`docs/*.pdf`).
#[derive(clap::Parser)]
struct Files {
    /// The offer's number.
    number: KeptNumber,
    /// Only files that one of these names.
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,
    /// Which hundred of them.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    page: u32,
}

#[async_trait]
impl Command for Files {
    const NAME: &'static str = "files";
    const EXAMPLES: &'static [&'static str] = &["files 3", "files 3 *.pdf docs/", "files 3 --page 2"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let number = self.number.number()?;
        let (desk, page) = (Desk::of(cx), self.page as usize);
        // Its owner may take a while to tell.
        cx.spawn(async move |cx| {
            cx.print(desk.files(number, &self.patterns, page).await?);
            Ok(())
        });
        Ok(Flow::Continue)
    }
}
