//! The thread that writes, for the forms that are no terminal: a reader who does not read stops nobody but this thread.

use std::{
    io::{self, Write},
    sync::{Arc, mpsc},
    thread,
};

use super::Backlog;

/// Where something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// Standard output, or what stands for it.
    Out,
    /// Standard error, or what stands for it.
    Err,
}

/// The way to the thread.
pub(super) struct Writer {
    jobs: mpsc::Sender<(String, Output)>,
    backlog: Arc<Backlog>,
}

impl Writer {
    /// Writes to `out` and `err` from now on.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(out: impl Write + Send + 'static, err: impl Write + Send + 'static) -> io::Result<Self> {
        // Unbounded, for `put` must not wait: `Backlog` counts it, and its readers wait instead.
        let (jobs, queue) = mpsc::channel();
        let backlog = Arc::new(Backlog::default());
        let counted = backlog.clone();
        thread::Builder::new().name("output".to_owned()).spawn(move || write_all(&queue, out, err, &counted))?;
        Ok(Self { jobs, backlog })
    }

    /// Writes this after all that was put before.
    pub(super) fn put(&self, text: String, to: Output) {
        let bytes = text.len();
        self.backlog.add(bytes);
        if self.jobs.send((text, to)).is_err() {
            self.backlog.written(bytes);
        }
    }

    /// What is still to be written.
    pub(super) fn backlog(&self) -> &Backlog {
        &self.backlog
    }
}

fn write_all(queue: &mpsc::Receiver<(String, Output)>, mut out: impl Write, mut err: impl Write, backlog: &Backlog) {
    for (text, to) in queue {
        if to == Output::Err {
            // Nobody is left to be told that errors cannot be told.
            let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
        } else if !backlog.is_closed() && out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            backlog.close();
        }
        backlog.written(text.len());
    }
}
