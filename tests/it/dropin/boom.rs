use crate::command::*;
pub const COMMAND: Entry = Entry::of::<Boom>();

/// Panic, as no program should, here or at a member's.
#[derive(Parser)]
struct Boom {
    /// Where in the program: in a line, a task, a thread, or (at a member's only) an event.
    place: String,
    /// At this member's.
    #[arg(long)]
    at: Option<MemberName>,
}

#[async_trait]
impl Command for Boom {
    const NAME: &'static str = "boom";
    const EXAMPLES: &'static [&'static str] = &["boom line", "boom event --at bob"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        match &self.at {
            Some(name) => drop(cx.send_to(&cx.find(name).await?, self.place.clone().into_bytes()).await?),
            None => fail(&self.place, cx),
        }
        Ok(Flow::Continue)
    }

    async fn receive(message: Message, cx: &mut Context) -> Result<()> {
        if !message.own {
            fail(&String::from_utf8_lossy(&message.payload), cx);
        }
        Ok(())
    }
}

fn fail(place: &str, cx: &Context) {
    match place {
        "task" => cx.spawn(|_| async { panic!("boom in a task") }),
        "thread" => cx.thread(|_| panic!("boom in a thread")),
        place => panic!("boom in a {place}"),
    }
}
