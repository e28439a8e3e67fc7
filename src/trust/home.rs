//! Where pchat keeps its files.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::file::{FileError, create_private_dir};

/// No folder for pchat's files is known.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The environment names no home folder.
    #[error("no home folder: HOME is not set; set it, or XDG_DATA_HOME, XDG_STATE_HOME and XDG_CONFIG_HOME")]
    NoHome,
}

/// The folders in which pchat keeps its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    data: PathBuf,
    state: PathBuf,
    config: PathBuf,
}

impl Home {
    /// The folders of this user, by the XDG base directory specification: `$XDG_DATA_HOME/pchat` or
    /// `~/.local/share/pchat`, `$XDG_STATE_HOME/pchat` or `~/.local/state/pchat`, and `$XDG_CONFIG_HOME/pchat` or
    /// `~/.config/pchat`.
    ///
    /// # Errors
    ///
    /// [`HomeError::NoHome`] if a folder would be in the home folder and `HOME` names none.
    pub fn from_env() -> Result<Self, HomeError> {
        Self::from_vars(|name| std::env::var_os(name))
    }

    fn from_vars(var: impl Fn(&str) -> Option<OsString>) -> Result<Self, HomeError> {
        // The specification says that a relative path is to be ignored.
        let absolute = |name: &str| var(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = |name: &str, default: &str| {
            let base = absolute(name).or_else(|| absolute("HOME").map(|home| home.join(default)));
            base.map(|base| base.join("pchat")).ok_or(HomeError::NoHome)
        };
        Ok(Self {
            data: folder("XDG_DATA_HOME", ".local/share")?,
            state: folder("XDG_STATE_HOME", ".local/state")?,
            config: folder("XDG_CONFIG_HOME", ".config")?,
        })
    }

    /// Everything in one folder.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { data: path.clone(), state: path.clone(), config: path }
    }

    /// Creates the folders of what pchat keeps by itself, for this user only, if they are not there.
    ///
    /// # Errors
    ///
    /// [`FileError::Io`] if that does not work.
    pub fn create(&self) -> Result<(), FileError> {
        create_private_dir(&self.data)?;
        create_private_dir(&self.state)
    }

    /// The folder of what must not get lost.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The file of the [`Identity`](super::Identity).
    pub fn identity(&self) -> PathBuf {
        self.data.join("identity.pem")
    }

    /// The file of the pinned host keys, see [`Hosts`](super::Hosts).
    pub fn hosts(&self) -> PathBuf {
        self.data.join("hosts")
    }

    /// The file of the keys let in before, see [`Members`](super::Members).
    pub fn members(&self) -> PathBuf {
        self.data.join("members")
    }

    /// The file of the keys put out for good, see [`Members::bans_at`](super::Members::bans_at).
    pub fn bans(&self) -> PathBuf {
        self.data.join("bans")
    }

    /// The file of those about whom something was said, see [`People`](super::People).
    pub fn people(&self) -> PathBuf {
        self.data.join("people")
    }

    /// The file of the room that was entered last, see [`LastRoom`](super::LastRoom).
    pub fn last(&self) -> PathBuf {
        self.state.join("last")
    }

    /// The file of the names in the last room that this person hosted, see [`RoomNames`](super::RoomNames).
    pub fn names(&self) -> PathBuf {
        self.state.join("names")
    }

    /// The file of the lines typed before.
    pub fn history(&self) -> PathBuf {
        self.state.join("history")
    }

    /// The file of what the person has set for good, see [`settings`](crate::settings).
    pub fn config(&self) -> PathBuf {
        self.config.join("config.toml")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::scratch::Scratch;
    use super::*;

    fn home(vars: &[(&str, &str)]) -> Result<Home, HomeError> {
        Home::from_vars(|name| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn files_are_where_xdg_says() {
        let xdg = home(&[("XDG_DATA_HOME", "/d"), ("XDG_STATE_HOME", "/s"), ("XDG_CONFIG_HOME", "/c")]).unwrap();
        assert_eq!(xdg.identity(), Path::new("/d/pchat/identity.pem"));
        assert_eq!(xdg.history(), Path::new("/s/pchat/history"));
        assert_eq!(xdg.config(), Path::new("/c/pchat/config.toml"));
        let default = home(&[("HOME", "/h")]).unwrap();
        assert_eq!(default.hosts(), Path::new("/h/.local/share/pchat/hosts"));
        assert_eq!(default.history(), Path::new("/h/.local/state/pchat/history"));
        assert_eq!(default.config(), Path::new("/h/.config/pchat/config.toml"));
    }

    #[test]
    fn relative_and_empty_values_are_ignored() {
        let ignored = home(&[("HOME", "/h"), ("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "")]).unwrap();
        assert_eq!(ignored, home(&[("HOME", "/h")]).unwrap());
        assert!(matches!(home(&[]), Err(HomeError::NoHome)));
        assert!(matches!(home(&[("HOME", "h")]), Err(HomeError::NoHome)));
    }

    #[test]
    fn folders_are_created_for_the_user_only() {
        let scratch = Scratch::new();
        let home = Home::at(scratch.join("a/b"));
        home.create().unwrap();
        home.create().unwrap();
        for folder in ["a", "a/b"] {
            assert_eq!(std::fs::metadata(scratch.join(folder)).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }
}
