use std::io::{ErrorKind, Read, Write};

use crate::command::*;
pub const COMMAND: Entry = Entry::of::<Echo>();

/// Bytes in one step: they fit the buffers on the way, so that nobody waits for the other to read.
const STEP: usize = 64 * 1024;

/// Send bytes to a member, who sends them back.
#[derive(Parser)]
struct Echo {
    /// To whom.
    member: MemberName,
    /// How many.
    #[arg(default_value_t = 1)]
    bytes: usize,
    /// Keep the stream until somebody ends it.
    #[arg(long)]
    hold: bool,
}

#[async_trait]
impl Command for Echo {
    const NAME: &'static str = "echo";
    const EXAMPLES: &'static [&'static str] = &["echo bob", "echo bob 1000000", "echo bob --hold"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let member = cx.find(&self.member).await?;
        let Self { bytes, hold, .. } = self;
        cx.spawn(move |cx| async move {
            let stream = cx.open_stream(&member, "echo, please").await?;
            cx.thread(move |cx| if hold { wait(stream, &cx) } else { send(stream, bytes, &cx) });
            Ok(())
        });
        Ok(Flow::Continue)
    }

    async fn stream(opened: Opened, cx: &mut Context) -> Result<()> {
        ensure!(&opened.purpose[..] == b"echo, please", "a strange purpose");
        cx.notice(format!("a stream of {} begins", opened.stream.peer().name));
        cx.thread(move |cx| back(opened.stream, &cx));
        Ok(())
    }
}

fn send(mut stream: Stream, bytes: usize, cx: &Context) -> Result<()> {
    let (mut left, mut heard) = (bytes, vec![0; STEP]);
    while left > 0 {
        let step = left.min(STEP);
        let said: Vec<u8> = (0..step).map(|i| (i ^ left >> 8) as u8).collect();
        stream.write_all(&said)?;
        stream.read_exact(&mut heard[..step])?;
        ensure!(heard[..step] == said, "something else came back");
        left -= step;
    }
    let name = stream.peer().name.clone();
    stream.finish()?;
    cx.notice(format!("{bytes} bytes came back from {name}"));
    Ok(())
}

fn wait(mut stream: Stream, cx: &Context) -> Result<()> {
    let error = stream.read(&mut [0]).expect_err("nobody says anything");
    ensure!(error.kind() != ErrorKind::TimedOut, "it went on");
    cx.notice(format!("the stream to {} was cut", stream.peer().name));
    Ok(())
}

fn back(mut stream: Stream, cx: &Context) -> Result<()> {
    let (mut total, mut heard) = (0, vec![0; STEP]);
    let name = stream.peer().name.clone();
    loop {
        match stream.read(&mut heard) {
            Ok(0) => break,
            Ok(len) => {
                stream.write_all(&heard[..len])?;
                total += len;
            }
            Err(_) => {
                cx.notice(format!("the stream of {name} was cut"));
                return Ok(());
            }
        }
    }
    stream.finish()?;
    cx.notice(format!("{total} bytes went back to {name}"));
    Ok(())
}
