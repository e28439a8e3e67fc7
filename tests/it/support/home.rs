//! A home folder of its own for each person in a test.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

/// Variables through which the machine that runs the tests would shine through.
const FOREIGN: &[&str] = &[
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_DOWNLOAD_DIR",
    "RUST_LOG",
    "NO_COLOR",
    "COLUMNS",
    "LINES",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "VTE_VERSION",
    "LC_ALL",
    "LC_CTYPE",
    "COLORTERM",
    "WT_SESSION",
    "ConEmuANSI",
    "STY",
    "LOGNAME",
    "RUST_BACKTRACE",
    "PCHAT_CODE",
];

/// One person's home, removed when dropped. A person may run several programs in it.
pub struct Home(PathBuf);

impl Home {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("pchat-it-{}-{count}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a scratch folder");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn identity(&self) -> PathBuf {
        self.0.join(".local/share/pchat/identity.pem")
    }

    pub fn history(&self) -> PathBuf {
        self.0.join(".local/state/pchat/history")
    }

    /// The program, as this person runs it.
    pub fn pchat(&self) -> Command {
        self.command(env!("CARGO_BIN_EXE_pchat"))
    }

    /// Any program, as this person runs it.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        for name in FOREIGN {
            command.env_remove(name);
        }
        command.env("HOME", &self.0).env("USER", "guest").env("LANG", "C.UTF-8").env("TERM", "xterm-256color");
        command.current_dir(&self.0);
        command
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
