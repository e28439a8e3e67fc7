use crate::command::*;
pub const COMMAND: Entry = Entry::of::<Roll>();

/// Roll a die, for everyone or against one member.
#[derive(Parser)]
struct Roll {
    /// How many sides it has.
    #[arg(default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..))]
    sides: u8,
    /// Roll against this member, who rolls back; nobody else sees it.
    #[arg(long)]
    with: Option<MemberName>,
}

#[async_trait]
impl Command for Roll {
    const NAME: &'static str = "roll";
    const EXAMPLES: &'static [&'static str] = &["roll", "roll 20 --with bob"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        match &self.with {
            Some(name) => cx.send_to(&cx.find(name).await?, vec![roll(self.sides), self.sides, 1]).await?,
            None => cx.send(vec![roll(self.sides), self.sides, 0]).await?,
        };
        Ok(Flow::Continue)
    }

    async fn receive(message: Message, cx: &mut Context) -> Result<()> {
        let [rolled, sides, answer] = message.payload[..] else { bail!("not a roll") };
        cx.notice(format!("{} rolled {rolled} of {sides}", message.from.name));
        if answer == 1 && sides > 0 && !message.own {
            cx.send_to(&message.from, vec![roll(sides), sides, 0]).await?;
        }
        Ok(())
    }
}

fn roll(sides: u8) -> u8 {
    1 + std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), ()) as u8 % sides
}
