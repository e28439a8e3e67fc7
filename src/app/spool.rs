//! A private folder for what is on its way between a person or a pipe and the room, removed when it is no longer needed.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context, Result};
use tokio::sync::oneshot;

use super::{host::random, person::Usage, talk::Signals};

/// A folder that nobody else may look into.
#[derive(Debug)]
pub(super) struct Spool(PathBuf);

impl Spool {
    /// One in `folder`.
    pub(super) fn new(folder: &Path) -> Result<Self> {
        let folder = std::path::absolute(folder).context("there is no such folder")?;
        let path = folder.join(format!(".pchat-{:032x}.tmp", u128::from_ne_bytes(random()?)));
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("could not write to {}", folder.display()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// A new file in it, and its path.
    pub(super) fn file(&self, name: &str) -> io::Result<(File, PathBuf)> {
        let path = self.0.join(name);
        Ok((OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?, path))
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "a temporary folder stays");
        }
    }
}

/// Everything that is piped in, in a file of this name, which is whole when this returns. Nothing if a signal came first.
pub(super) async fn of_input(name: &str) -> Result<Option<(Spool, String)>> {
    if name.is_empty() || name.contains('/') || name == "." || name == ".." || name.len() > 255 {
        return Err(Usage(format!("--as {name}: that cannot be the name of a file")).into());
    }
    // Before there is anything that a signal must not leave behind.
    let mut signals = Signals::listen()?;
    let spool = Spool::new(&std::env::temp_dir())?;
    let (mut file, path) = spool.file(name)?;
    let path = path.into_os_string().into_string().ok().context("the temporary folder has a name that is no text")?;
    let (over, copied) = oneshot::channel();
    // On a thread that nobody waits for: a pipe may never end.
    thread::Builder::new().name("input".to_owned()).spawn(move || {
        let _ = over.send(io::copy(&mut io::stdin().lock(), &mut file));
    })?;
    tokio::select! {
        copied = copied => {
            copied.context("the input was not read")?.context("could not keep what is piped in")?;
            Ok(Some((spool, path)))
        }
        () = signals.any() => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_folder_is_private_and_gone_with_what_is_in_it() {
        let spool = Spool::new(&std::env::temp_dir()).expect("a folder");
        let path = spool.path().to_owned();
        assert_eq!(std::fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o700);
        std::fs::create_dir_all(path.join("a/b")).expect("a folder");
        std::fs::write(path.join("a/b/c"), "x").expect("a file");
        drop(spool);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_name_that_leads_elsewhere_is_wrong_usage() {
        for name in ["", ".", "..", "a/b", "/etc/x", &"x".repeat(256)] {
            assert!(of_input(name).await.expect_err(name).is::<Usage>());
        }
    }
}
