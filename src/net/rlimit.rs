//! How many descriptors this process may have open.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What macOS grants at most although its hard limit says that there is none (`OPEN_MAX`).
const MACOS_OPEN_MAX: u64 = 10_240;

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
    fn the_soft_limit_becomes_the_hard_one() {
        let raised = raise_descriptor_limit().unwrap();
        assert_eq!(getrlimit(Resource::Nofile).current, raised);
        assert_eq!(raise_descriptor_limit().unwrap(), raised);
        if cfg!(not(target_os = "macos")) {
            assert_eq!(raised, getrlimit(Resource::Nofile).maximum);
        }
    }
}
