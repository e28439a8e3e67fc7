//! How many descriptors this process may have open.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What macOS grants at most although its hard limit says that there is none (`OPEN_MAX`).
const MACOS_OPEN_MAX: u64 = 10_240;

/// What the program takes besides its connections: terminal, log, event queues, listeners, files of its own user.
const OWN: u64 = 64;

/// How many descriptors a process needs for `members`, one each, and `others`.
pub fn descriptors_for(members: u64, others: u64) -> u64 {
    OWN.saturating_add(members).saturating_add(others)
}

/// How many members fit below a limit of descriptors beside `others`.
pub fn members_within(limit: u64, others: u64) -> u64 {
    limit.saturating_sub(descriptors_for(0, others))
}

/// Raises the soft limit of open descriptors to the hard one, since every member takes one; the limit from now
/// on, nothing if there is none.
///
/// # Errors
///
/// If the system refuses; the limit is then as it was.
pub fn raise_descriptor_limit() -> io::Result<Option<u64>> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = match limit.maximum {
        maximum if cfg!(target_os = "macos") => Some(maximum.map_or(MACOS_OPEN_MAX, |max| max.min(MACOS_OPEN_MAX))),
        maximum => maximum,
    };
    let enough = match (limit.current, wanted) {
        (None, _) => true,
        (Some(current), Some(wanted)) => current >= wanted,
        (Some(_), None) => false,
    };
    if enough {
        return Ok(limit.current);
    }
    setrlimit(Resource::Nofile, Rlimit { current: wanted, maximum: limit.maximum })?;
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_fit_into_what_is_left_of_the_limit() {
        assert_eq!(descriptors_for(256, 1_840), 2_160);
        assert_eq!(members_within(2_160, 1_840), 256);
        assert_eq!(members_within(2_159, 1_840), 255);
        assert_eq!(members_within(1_024, 1_840), 0);
        assert_eq!(members_within(u64::MAX, 0), u64::MAX - OWN);
        assert_eq!(descriptors_for(u64::MAX, 1), u64::MAX);
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let raised = raise_descriptor_limit().unwrap();
        assert_eq!(getrlimit(Resource::Nofile).current, raised);
        assert_eq!(raise_descriptor_limit().unwrap(), raised);
        if cfg!(not(target_os = "macos")) {
            assert_eq!(raised, getrlimit(Resource::Nofile).maximum);
        }
    }
}
