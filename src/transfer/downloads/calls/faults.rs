//! Disks that fail when a test wants them to.

use std::sync::Mutex;

use rustix::io::{Errno, Result};

use super::Call;

/// What happens instead of a call.
#[derive(Clone, Copy, Debug)]
pub(in crate::transfer) enum Fault {
    Fails(Errno),
    /// A write takes only half of what it is given; other calls are as ever.
    Short,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    at: Option<(usize, Fault)>,
    always: Vec<(Call, Errno)>,
    short: bool,
}

/// Which calls fail, and what was called.
#[derive(Debug, Default)]
pub(in crate::transfer) struct Faults(Mutex<State>);

impl Faults {
    /// Lets the call of that number from now, and only that one, go wrong.
    pub(in crate::transfer) fn at(&self, number: usize, fault: Fault) {
        let mut state = self.0.lock().unwrap();
        state.calls.clear();
        state.at = Some((number, fault));
    }

    /// Lets these calls fail for good.
    pub(in crate::transfer) fn always(&self, always: &[(Call, Errno)]) {
        self.0.lock().unwrap().always = always.to_vec();
    }

    /// Lets nothing more go wrong but what always does, and tells what was called since the last of these.
    pub(in crate::transfer) fn none(&self) -> Vec<Call> {
        let mut state = self.0.lock().unwrap();
        state.at = None;
        std::mem::take(&mut state.calls)
    }

    pub(super) fn next(&self, call: Call) -> Result<()> {
        let mut state = self.0.lock().unwrap();
        let number = state.calls.len();
        state.calls.push(call);
        state.short = false;
        if let Some((_, errno)) = state.always.iter().find(|(failing, _)| *failing == call) {
            return Err(*errno);
        }
        match state.at {
            Some((at, Fault::Fails(errno))) if at == number => Err(errno),
            Some((at, Fault::Short)) if at == number => {
                state.short = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn portion<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        if self.0.lock().unwrap().short { &bytes[..bytes.len().div_ceil(2)] } else { bytes }
    }
}
