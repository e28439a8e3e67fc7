//! Reading a pipe: lines as a person would type them, or the requests of a program.

use anyhow::Result;
use tokio::{sync::watch, time::timeout};

use super::{
    event::Stage,
    input::{self, Piped},
    line::Reader,
    request::Request,
    talk::{AtEnd, Lines},
};
use crate::{
    command::{Entry, Event, Flow},
    transfer::desk::Desk,
};

/// What is read from a pipe.
struct Piping<'a> {
    reader: &'a Reader,
    json: bool,
    asker: Option<&'static Entry>,
    failed: bool,
}

impl Piping<'_> {
    /// Does what a line of the pipe says.
    async fn line(&mut self, line: &str) -> Flow {
        if !self.json {
            return self.typed(line).await.0;
        }
        match Request::read(line) {
            Ok(None) => Flow::Continue,
            Ok(Some(Request { line, id })) => {
                let (flow, ok) = self.typed(&line).await;
                if let Flow::Ask(question) = flow {
                    self.reader.cx.event(Event::new("question", question));
                }
                if let Some(id) = id {
                    self.reader.cx.event(Event::new("done", "").with("id", id).with("ok", ok));
                }
                flow
            }
            Err(wrong) => {
                self.error(wrong);
                Flow::Continue
            }
        }
    }

    /// Does what a line says, and says whether it worked.
    async fn typed(&mut self, line: &str) -> (Flow, bool) {
        // A pipe need not look at a question, but what follows is the answer all the same.
        let done = match self.asker.take() {
            Some(asker) => self.reader.answer(asker, line).await,
            None => self.reader.line(line).await,
        };
        self.asker = done.asker;
        self.failed |= done.failed;
        (done.flow, !done.failed)
    }

    fn error(&mut self, reason: impl Into<String>) {
        self.failed = true;
        self.reader.cx.error(reason);
    }
}

/// Reads a pipe, once we are in. Returns whether something in it failed.
pub(super) async fn piped(reader: &Reader, mut stage: watch::Receiver<Stage>, input: Lines) -> Result<bool> {
    // An error means that the session is over.
    if stage.wait_for(|stage| *stage == Stage::Inside).await.is_err() {
        return Ok(false);
    }
    let mut piping = Piping { reader, json: input.json, asker: None, failed: false };
    let mut lines = input::lines()?;
    while let Some(line) = lines.recv().await {
        match line {
            Piped::Line(line) => {
                if piping.line(&line).await == Flow::Quit {
                    return Ok(piping.failed);
                }
            }
            Piped::TooLong => piping.error("a line of the input is too long to be sent"),
            Piped::Failed(reason) => piping.error(reason),
        }
    }
    match input.at_end {
        AtEnd::Stay => std::future::pending().await,
        AtEnd::Leave(wait) => {
            let _ = timeout(wait, reader.session.drained()).await;
            for name in Desk::of(&reader.cx).finish(wait, &reader.cx).await {
                piping.error(format!("nobody received {name}"));
            }
        }
    }
    Ok(piping.failed)
}
