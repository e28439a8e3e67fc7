//! Low descriptors for the editor. rustyline waits with `select`, which takes descriptors below 1,024 only (it panics
//! above), and makes a new pair at each prompt. A host with many members may have none left that low.
//!
//! So the editor holds a few low places that it vacates just before each prompt and takes again right after rustyline has
//! made its pair: within that moment others would have to open all of them. Accepted connections, which are many, move
//! out of that range by themselves (`net`).

use std::{fs::File, io, os::fd::AsRawFd};

/// `FD_SETSIZE` of Linux and macOS.
const TOO_HIGH: i32 = 1_024;

/// How many places are held: rustyline needs two, the rest are for those who open files at the same moment.
const HELD: usize = 16;

/// The places held.
#[derive(Default)]
pub(super) struct Places(Vec<File>);

impl Places {
    pub(super) fn take(&mut self) {
        while self.0.len() < HELD {
            match open() {
                Ok(file) if file.as_raw_fd() < TOO_HIGH => self.0.push(file),
                _ => return,
            }
        }
    }

    pub(super) fn vacate(&mut self) {
        self.0.clear();
    }
}

fn open() -> io::Result<File> {
    File::open("/dev/null")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_low_and_come_back_after_they_were_vacated() {
        let mut places = Places::default();
        places.take();
        assert_eq!(places.0.len(), HELD);
        places.vacate();
        places.take();
        assert!(places.0.iter().all(|file| file.as_raw_fd() < TOO_HIGH));
    }
}
