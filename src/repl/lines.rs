//! Lines of a person who wants nothing drawn (`--plain`): for screen readers, and for terminals that can do little. The
//! terminal itself echoes and edits what is typed; no prompt stands anywhere, and what is shown is the plain view's.

use std::{
    io::Write,
    os::unix::net::UnixStream,
    sync::{Arc, Mutex},
    thread,
};

use anyhow::{Context, Result};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

use super::{
    Next, STOP_WITHIN, Typed,
    dumb::{line, unseen},
    restore,
};
use crate::view::{Line, View};

/// The way to end the reading from outside.
pub struct LinesHandle {
    stop: Mutex<UnixStream>,
    /// Closed when the thread is gone.
    gone: watch::Receiver<()>,
}

/// Starts reading. `question` is asked before anything else, as by [`Next::AskSecret`]; questions are shown in `view`.
///
/// # Errors
/// When standard input is no terminal, and when the system gives no thread.
pub fn lines(view: Arc<dyn View>, question: Option<String>) -> Result<(LinesHandle, mpsc::Receiver<Typed>)> {
    restore::remember().context("could not read the state of the terminal")?;
    // One: the thread waits for the reply to a line before it can send another.
    let (typed, lines) = mpsc::channel(1);
    let (alive, gone) = watch::channel(());
    let (stop, stopped) = UnixStream::pair().context("could not make a socket pair")?;
    thread::Builder::new()
        .name("input".to_owned())
        .spawn(move || {
            let _alive = alive;
            run(&*view, question, &typed, &stopped);
        })
        .context("could not start the thread that reads")?;
    Ok((LinesHandle { stop: Mutex::new(stop), gone }, lines))
}

fn run(view: &dyn View, question: Option<String>, lines: &mpsc::Sender<Typed>, stopped: &UnixStream) {
    let mut input = Vec::new();
    let mut next = question.map_or(Next::Prompt, Next::AskSecret);
    loop {
        // Before the question shows: who answers at once is unseen, too.
        let unseen = matches!(next, Next::AskSecret(_)).then(unseen);
        if let Next::Ask(question) | Next::AskSecret(question) = &next {
            view.show(Line::Notice(question.trim_end().to_owned()));
        }
        let read = line(&mut input, stopped);
        drop(unseen);
        let (reply, answer) = oneshot::channel();
        let typed = match read {
            Some(text) => Typed::Line { text, reply },
            None => Typed::Quit { reply },
        };
        if lines.blocking_send(typed).is_err() {
            return;
        }
        next = answer.blocking_recv().unwrap_or_default().next;
        if let Next::Stop = next {
            return;
        }
    }
}

impl LinesHandle {
    /// Ends the reading; the terminal echoes as before. Returns when the thread is gone, after half a second in any case.
    pub async fn stop(&self) {
        // A reader that is gone needs no word.
        let _ = super::helper::lock(&self.stop).write(b"s");
        let mut gone = self.gone.clone();
        let ended = timeout(STOP_WITHIN, async { while gone.changed().await.is_ok() {} }).await;
        if ended.is_err() {
            restore::restore();
        }
    }
}
