//! Stops a program and lets it go on, as a suspended machine or SIGSTOP does: its connections stay, its clocks go on, and
//! nothing of it runs.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

/// Whether the tasks of one program run.
#[derive(Clone, Default)]
pub(in crate::session::tests::sim) struct Gate(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    shut: bool,
    waiting: Vec<Waker>,
}

impl Gate {
    pub(super) fn shut(&self) {
        self.0.lock().unwrap().shut = true;
    }

    pub(super) fn open(&self) {
        let waiting = {
            let mut inner = self.0.lock().unwrap();
            inner.shut = false;
            std::mem::take(&mut inner.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(super) fn is_shut(&self) -> bool {
        self.0.lock().unwrap().shut
    }

    /// Whether it is open; if not, the task is woken when it is.
    fn passes(&self, cx: &Context<'_>) -> bool {
        let mut inner = self.0.lock().unwrap();
        if inner.shut {
            inner.waiting.retain(|waiting| !waiting.will_wake(cx.waker()));
            inner.waiting.push(cx.waker().clone());
        }
        !inner.shut
    }

    /// Waits until it is open.
    pub(super) async fn passed(&self) {
        std::future::poll_fn(|cx| if self.passes(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// A task of this program.
    pub(super) fn behind<F: Future>(&self, task: F) -> Gated<F> {
        Gated { gate: self.clone(), task: Box::pin(task) }
    }
}

/// A task that runs while its program does.
pub(super) struct Gated<F> {
    gate: Gate,
    task: Pin<Box<F>>,
}

impl<F: Future> Future for Gated<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if self.gate.passes(cx) { self.task.as_mut().poll(cx) } else { Poll::Pending }
    }
}
