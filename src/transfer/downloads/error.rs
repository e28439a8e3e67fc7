//! What can go wrong with the download folder and what is written there.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustix::io::Errno;

use crate::{transfer::name::NameError, view::filter::clean};

/// Why a folder cannot be the download folder.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// What comes from others would mix with what programs of this user read by themselves.
    #[error("{} is your home folder; files from others need a folder of their own", .0.display())]
    Home(PathBuf),
    /// The top of the file system.
    #[error("/ cannot be the download folder")]
    Root,
    /// It belongs to another user, who could read and alter what is in it.
    #[error("{} belongs to another user", .0.display())]
    Owner(PathBuf),
    /// It is a symbolic link that another user made.
    #[error("{} is a symbolic link that another user made", .0.display())]
    Link(PathBuf),
    /// The system refuses.
    #[error("could not {doing} {}: {source}", path.display())]
    Io {
        /// What did not work, as a verb.
        doing: &'static str,
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// For `map_err`: the error of doing something with the folder.
pub(super) fn folder_error<E: Into<io::Error>>(doing: &'static str, path: &Path) -> impl FnOnce(E) -> OpenError {
    move |source| OpenError::Io { doing, path: path.to_owned(), source: source.into() }
}

/// Why an offer cannot be kept under the names it has.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A name is refused; it is made fit to be shown.
    #[error("the name \"{name}\" is refused: {source}")]
    Name {
        /// The name.
        name: String,
        /// Why.
        source: NameError,
    },
    /// The offer of a file does not hold exactly one, or not all of it is meant.
    #[error("the offer of a file that is not one file")]
    NotOneFile,
}

impl PlanError {
    pub(super) fn name(name: &str, source: NameError) -> Self {
        Self::Name { name: clean(name).into_owned(), source }
    }
}

/// Why something could not be written to the disk.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// There is no room, or not for this user. More may be made.
    #[error("no room left on the disk for {name}")]
    Full {
        /// What was to be written.
        name: String,
    },
    /// The system refuses.
    #[error("could not {doing} {name}: {source}")]
    Failed {
        /// What did not work, as a verb.
        doing: &'static str,
        /// What it was about.
        name: String,
        /// The cause.
        source: io::Error,
    },
    /// Bytes are missing, or there are more of them than there should be.
    #[error("{name} is not whole")]
    NotWhole {
        /// What is not.
        name: String,
    },
}

/// For `map_err`: the error of doing something with what has this name.
pub(super) fn disk_error(doing: &'static str, name: &str) -> impl FnOnce(Errno) -> DiskError {
    move |errno| {
        let name = clean(name).into_owned();
        match errno {
            Errno::NOSPC | Errno::DQUOT => DiskError::Full { name },
            errno => DiskError::Failed { doing, name, source: errno.into() },
        }
    }
}
