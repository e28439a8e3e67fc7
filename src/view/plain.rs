//! The form for pipes: one line per event, no colour, no prompt, no wrapping. It owns the thread that writes, so that a
//! reader who does not read stops nobody but this thread; it does not read input.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use jiff::Timestamp;

use super::{Backlog, Event, Line, Look, Manner, Privacy, Said, View, clock::Clock, filter, look::Time, wrap::MARGIN};

/// Lines to standard output, errors to standard error.
///
/// Give it `ready().await` before each event, `drained().await` before leaving, and end when `closed().await` returns.
pub struct Plain {
    jobs: mpsc::Sender<Job>,
    backlog: Arc<Backlog>,
    clock: Mutex<Clock>,
}

struct Job {
    text: String,
    error: bool,
}

impl Plain {
    /// Writes to the program's own outputs.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new() -> io::Result<Self> {
        Self::with(io::stdout(), io::stderr())
    }

    /// Writes to `out`, and errors to `err`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn with(out: impl Write + Send + 'static, err: impl Write + Send + 'static) -> io::Result<Self> {
        // Unbounded, for `show` must not wait: `Backlog` counts it, and its readers wait instead.
        let (jobs, queue) = mpsc::channel();
        let backlog = Arc::new(Backlog::default());
        let counted = backlog.clone();
        thread::Builder::new().name("output".to_owned()).spawn(move || write_all(&queue, out, err, &counted))?;
        Ok(Self { jobs, backlog, clock: Mutex::new(Clock::new(Time(None))) })
    }

    /// What stands before a line of this time: nothing, unless the person wants times.
    fn time(&self, at: Timestamp) -> String {
        let time = self.clock.lock().unwrap_or_else(PoisonError::into_inner).tell(at);
        time.map(|time| time + " ").unwrap_or_default()
    }

    fn put(&self, text: String, error: bool) {
        let bytes = text.len();
        self.backlog.add(bytes);
        if self.jobs.send(Job { text, error }).is_err() {
            self.backlog.written(bytes);
        }
    }
}

fn write_all(queue: &mpsc::Receiver<Job>, mut out: impl Write, mut err: impl Write, backlog: &Backlog) {
    for job in queue {
        if job.error {
            // Nobody is left to be told that errors cannot be told.
            let _ = err.write_all(job.text.as_bytes()).and_then(|()| err.flush());
        } else if !backlog.is_closed() && out.write_all(job.text.as_bytes()).and_then(|()| out.flush()).is_err() {
            backlog.close();
        }
        backlog.written(job.text.len());
    }
}

impl View for Plain {
    fn show(&self, line: Line) {
        match line {
            Line::Said(said) if said.own => {}
            Line::Said(said) => self.put(message(&(self.time(said.at) + &prefix(&said)), &said.text), false),
            Line::Event(Event { text, .. }) | Line::Notice(text) => {
                self.put(message(&(self.time(Timestamp::now()) + "* "), &text), false);
            }
            Line::Error(text) => self.put(message(&(self.time(Timestamp::now()) + "error: "), &text), true),
            Line::Output(text) => {
                for row in filter::rows(&text) {
                    self.put(format!("{}\n", filter::isolate(&row)), false);
                }
            }
        }
    }

    fn look(&self, look: &Look) {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner).set(look.time.clone());
    }

    fn backlog(&self) -> Option<&Backlog> {
        Some(&self.backlog)
    }
}

/// What is verified depends on the person, and scripts read this: no mark tells it.
fn prefix(said: &Said) -> String {
    let name = filter::clean(&said.name);
    let name = filter::isolate(&name);
    match (said.privacy, said.manner) {
        (Privacy::Room, Manner::Says) => format!("{name}: "),
        (Privacy::Room, Manner::Does) => format!("~ {name} "),
        (Privacy::Private, _) => format!("({name}) "),
    }
}

fn message(prefix: &str, text: &str) -> String {
    let mut whole = String::with_capacity(prefix.len() + text.len() + 1);
    for (i, row) in filter::rows(text).iter().enumerate() {
        whole.push_str(if i == 0 { prefix } else { MARGIN });
        whole.push_str(&filter::isolate(row));
        whole.push('\n');
    }
    whole
}

#[cfg(test)]
mod tests;
