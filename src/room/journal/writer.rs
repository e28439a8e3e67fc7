//! What carries the records to the disk.

use std::{
    io,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{Journal, Pending, Progress, disk::Disk};
use crate::room::log::Log;

/// The writer.
pub(super) struct Writer {
    disk: Box<dyn Disk>,
    pending: Arc<Mutex<Pending>>,
    progress: watch::Sender<Progress>,
    log: Arc<Log>,
}

impl Journal {
    /// A journal on this disk for the room of this log, and its writer, which is to be driven by what is received.
    pub(super) fn on(disk: Box<dyn Disk>, log: Arc<Log>) -> (Self, Writer, mpsc::Receiver<()>) {
        let pending = Arc::<Mutex<Pending>>::default();
        let (wake, woken) = mpsc::channel(1);
        let (progress, watching) = watch::channel(Progress::default());
        #[cfg(test)]
        let eager = disk.is_eager();
        let writer = Writer { disk, pending: pending.clone(), progress, log };
        let journal = Self {
            pending,
            wake,
            progress: watching,
            records: Vec::new(),
            noted: 0,
            since: 0,
            checkpoint: 0,
            begun: Instant::now(),
            #[cfg(test)]
            eager,
        };
        (journal, writer, woken)
    }
}

impl Writer {
    /// Writes what comes, on a thread of its own, until the journal is dropped: a sync takes as long as it takes.
    pub(super) fn start(mut self, mut woken: mpsc::Receiver<()>) -> io::Result<()> {
        #[cfg(test)]
        if let Some(pace) = self.disk.pace() {
            tokio::spawn(async move {
                while woken.recv().await.is_some() {
                    tokio::time::sleep(pace).await;
                    self.step();
                }
            });
            return Ok(());
        }
        let work = move || {
            while woken.blocking_recv().is_some() {
                self.step();
            }
        };
        thread::Builder::new().name("journal".to_owned()).spawn(work)?;
        Ok(())
    }

    /// Writes what waits. Were a fault of ours to end the thread, the room would wait for it for ever.
    pub(super) fn step(&mut self) {
        if panic::catch_unwind(AssertUnwindSafe(|| self.write_all())).is_err() {
            self.fail(&io::Error::other("a fault in the program"));
        }
    }

    fn write_all(&mut self) {
        let Pending { records, seq, end, checkpoint } =
            std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        if self.progress.borrow().failed.is_none()
            && let Err(error) = self.write(&records, checkpoint)
        {
            self.fail(&error);
        }
        if end > 0 {
            // After a failure, too: the room goes on without a journal.
            self.log.reveal(seq);
            self.progress.send_modify(|progress| progress.synced = end);
        }
    }

    fn write(&mut self, records: &[u8], checkpoint: Option<(usize, Vec<Vec<u8>>)>) -> io::Result<()> {
        let (before, after) = records.split_at(checkpoint.as_ref().map_or(records.len(), |(at, _)| *at));
        if !before.is_empty() {
            self.disk.commit(before)?;
        }
        if let Some((_, pieces)) = checkpoint
            && !self.disk.is_replacing()
        {
            self.disk.replace(pieces)?;
        }
        if !after.is_empty() {
            self.disk.commit(after)?;
        }
        self.disk.advance()
    }

    fn fail(&mut self, error: &io::Error) {
        if self.progress.borrow().failed.is_some() {
            return;
        }
        let retired = panic::catch_unwind(AssertUnwindSafe(|| self.disk.retire()));
        let left = match retired.unwrap_or_else(|_| Err(io::Error::other("a fault in the program"))) {
            Ok(path) => format!("what was written until now is in {}", path.display()),
            Err(_) => "remove the file before a room uses it again, since it lacks what is said from now on".to_owned(),
        };
        tracing::error!(%error, left, "the journal ends");
        let why = format!("the journal could not be written: {error}; the room goes on without one; {left}");
        self.progress.send_modify(|progress| progress.failed = Some(why.into()));
    }
}
