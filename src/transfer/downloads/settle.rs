//! The last step: a name of its own for what is whole, without replacing anything.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode};
use rustix::io::{Errno, Result};

use super::{
    Shared, calls,
    error::{DiskError, disk_error},
    plan::{Kind, Plan},
    staging::CONTENT,
};

/// How many names are tried. Whoever has as many of one name has another problem.
const MAX_NUMBER: u32 = 10_000;

/// Moves `content` to the first name that is free, which is the result.
pub(super) fn settle(shared: &Shared, container: &OwnedFd, plan: &Plan) -> std::result::Result<String, DiskError> {
    let mut way = Way::Rename;
    for number in 0..=MAX_NUMBER {
        let name = match number {
            0 => plan.top.as_str().to_owned(),
            number => plan.top.numbered(number).as_str().to_owned(),
        };
        match take(shared, container, plan.kind, &name, &mut way) {
            Ok(()) => return Ok(name),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(disk_error("save", &name)(errno)),
        }
    }
    Err(disk_error("save", plan.top.as_str())(Errno::EXIST))
}

/// How a name is taken that nothing has.
#[derive(Clone, Copy)]
enum Way {
    /// As one step, which network file systems do not have.
    Rename,
    /// By a second name, for a file, which simple file systems do not have.
    Link,
    /// For a folder, after a look. Should somebody take the name right then, it fails, since a folder takes the place of
    /// nothing but an empty one, in which nobody has anything to lose.
    Look,
    /// By something empty that holds its place: between the two steps a person may see it, and has it for good if the
    /// program ends there. It is for files on file systems that can do nothing else.
    Placeholder,
}

/// Gives `content` this name, and leaves nothing if it fails.
fn take(shared: &Shared, container: &OwnedFd, kind: Kind, name: &str, way: &mut Way) -> Result<()> {
    let folder = &shared.folder;
    if let Way::Rename = way {
        match calls::rename_new(container, CONTENT, folder, name) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                *way = if kind == Kind::File { Way::Link } else { Way::Look };
            }
            done => return done,
        }
    }
    if let Way::Link = way {
        match calls::link(container, CONTENT, folder, name) {
            // The other name is removed with the partial.
            Err(Errno::PERM | Errno::NOSYS | Errno::NOTSUP | Errno::MLINK | Errno::INVAL) => *way = Way::Placeholder,
            done => return done,
        }
    }
    if let Way::Look = way {
        return match calls::look(folder, name) {
            Ok(_) => Err(Errno::EXIST),
            Err(Errno::NOENT) => match calls::rename(container, CONTENT, folder, name) {
                Err(Errno::NOTEMPTY | Errno::NOTDIR) => Err(Errno::EXIST),
                done => done,
            },
            Err(errno) => Err(errno),
        };
    }
    drop(calls::create(folder, name, Mode::RUSR | Mode::WUSR)?);
    let done = calls::rename(container, CONTENT, folder, name);
    if done.is_err()
        && let Err(error) = calls::remove(folder, name, AtFlags::empty())
    {
        tracing::debug!(name, %error, "could not remove a placeholder");
    }
    done
}
