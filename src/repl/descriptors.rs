//! Low descriptors for the editor. rustyline waits with `select`, which takes descriptors below 1,024 only (it panics
//! above), and makes a new pair at each prompt. A host with many members may have none left that low.
//!
//! Two measures. Whoever opens many sockets [`lift`]s them, which is certain. And the editor holds a few low places
//! that it vacates just before each prompt and takes again right after rustyline has made its pair: within that moment
//! others would have to open all of them.

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, OwnedFd},
};

/// `FD_SETSIZE` of Linux and macOS.
const TOO_HIGH: i32 = 1_024;

/// How many places are held: rustyline needs two, the rest are for those who open files at the same moment.
const HELD: usize = 16;

/// Moves a descriptor out of the range that the editor needs. Where the limit of descriptors leaves no room above, it
/// stays as it is.
pub fn lift(descriptor: OwnedFd) -> OwnedFd {
    rustix::io::fcntl_dupfd_cloexec(&descriptor, TOO_HIGH).unwrap_or(descriptor)
}

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
    fn a_lifted_descriptor_leaves_the_low_range_or_stays_usable() {
        let (one, two) = std::os::unix::net::UnixStream::pair().unwrap();
        let lifted = lift(one.into());
        if rustix::process::getrlimit(rustix::process::Resource::Nofile).current.is_none_or(|limit| limit > 1_024) {
            assert!(lifted.as_raw_fd() >= TOO_HIGH);
        }
        rustix::io::write(&lifted, b"x").unwrap();
        let mut buffer = [0; 1];
        assert_eq!(rustix::io::read(&two, &mut buffer).unwrap(), 1);
    }

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
