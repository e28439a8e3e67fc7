//! Where received files go.

use crate::{
    args,
    command::{Command, Context, Entry, Flow, Input, Result, async_trait},
    transfer::desk::Desk,
};

pub const COMMAND: Entry = Entry::of::<Downloads>();

/// Show or change the folder that files are received into.
///
/// What is being received goes on where it began.
#[derive(clap::Parser)]
struct Downloads {
    /// The folder from now on; it is made if it is not there.
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: Option<String>,
}

#[async_trait]
impl Command for Downloads {
    const NAME: &'static str = "downloads";
    const INPUT: Input = Input::Paths;
    const EXAMPLES: &'static [&'static str] = &["downloads", "downloads ~/from-pchat"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        Desk::of(cx).use_downloads(self.folder.as_deref().map(args::path), cx).await?;
        Ok(Flow::Continue)
    }
}
