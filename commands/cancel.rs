//! Ending a transfer.

use crate::{
    command::{Command, Context, Entry, Flow, KeptNumber, MemberName, Result, async_trait},
    transfer::desk::Desk,
};

pub const COMMAND: Entry = Entry::of::<Cancel>();

/// End a transfer that is under way.
///
/// Of somebody else's offer it throws away what came so far. Of your own it cuts off everyone who is receiving it, or
/// the one you name; the offer stays up.
#[derive(clap::Parser)]
struct Cancel {
    /// The offer's number.
    number: KeptNumber,
    /// Who shall not receive it, if the offer is yours.
    #[arg(value_name = "NAME")]
    receiver: Option<MemberName>,
}

#[async_trait]
impl Command for Cancel {
    const NAME: &'static str = "cancel";
    const EXAMPLES: &'static [&'static str] = &["cancel 3", "cancel 3 bob"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let receiver = match &self.receiver {
            Some(name) => Some(cx.find(name).await?),
            None => None,
        };
        Desk::of(cx).cancel(self.number.number()?, receiver.as_ref(), cx)?;
        Ok(Flow::Continue)
    }
}
