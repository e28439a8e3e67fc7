//! Receiving one offer.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use async_trait::async_trait;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

use crate::{
    app::{
        line::Reader,
        spool::Spool,
        talk::{Errand, Signals},
    },
    transfer::desk::{Desk, Up},
};

/// How long the room has to answer.
const ANSWER: Duration = Duration::from_secs(30);

/// How long what the room says may take to be understood here.
const UNDERSTOOD: Duration = Duration::from_secs(2);

/// A mark under which nothing of ours is kept.
const NOTHING: u32 = 0;

/// Which offer is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// The one with this number.
    Number(u32),
    /// The one that came last.
    Latest,
    /// The only one there is.
    Only,
}

/// Where it goes.
pub(super) enum Target {
    /// Into this folder, under the name it has.
    Folder(PathBuf),
    /// To this path, which a person has chosen; it is put together in a folder beside it.
    Name(PathBuf, Spool),
    /// To standard output.
    Out(Spool),
}

impl Target {
    /// What `-o` means.
    ///
    /// # Errors
    ///
    /// If something is there already that is no folder, or nothing can be written there.
    pub(super) fn new(output: Option<&Path>) -> Result<Self> {
        let Some(path) = output else { return Ok(Self::Folder(std::env::current_dir()?)) };
        if path == Path::new("-") {
            return Ok(Self::Out(Spool::new(&std::env::temp_dir())?));
        }
        let is_named_as_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        match std::fs::symlink_metadata(path) {
            Ok(_) if path.is_dir() => Ok(Self::Folder(path.to_owned())),
            Ok(_) => bail!("{} is there already, and nothing is overwritten", path.display()),
            Err(_) if is_named_as_folder => Ok(Self::Folder(path.to_owned())),
            Err(_) => {
                let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
                Ok(Self::Name(std::path::absolute(path)?, Spool::new(above)?))
            }
        }
    }

    /// The folder into which it is received.
    pub(super) fn folder(&self) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.clone(),
            Self::Name(_, spool) | Self::Out(spool) => spool.path().to_owned(),
        }
    }
}

/// `pchat get`, as far as it needs the room.
pub(super) struct Getting {
    pub(super) which: Which,
    pub(super) wait: Duration,
    /// Whether a folder is of no use.
    pub(super) file_only: bool,
    /// Hears where it is.
    pub(super) received: oneshot::Sender<PathBuf>,
}

impl Getting {
    async fn get(self, reader: &Reader) -> Result<()> {
        let desk = Desk::of(&reader.cx);
        all_told(&desk, reader).await?;
        let offer = choose(self.which, self.wait, &desk).await?;
        if self.file_only {
            ensure!(!offer.folder, "{} is a folder, and only a file can go to standard output", offer.text);
        }
        desk.accept(offer.number, Vec::new()).await?;
        // Nobody waits for it if the program ends before.
        let _ = self.received.send(desk.outcome(offer.number).await?);
        Ok(())
    }
}

impl Target {
    /// Whether a folder is of no use there.
    pub(super) fn takes_files_only(&self) -> bool {
        matches!(self, Self::Out(_))
    }

    /// Brings there what was received, once the room is left. Returns the path if nobody knows it beforehand.
    ///
    /// # Errors
    ///
    /// If the system refuses, or a signal ends it.
    pub(super) async fn deliver(self, received: PathBuf) -> Result<Option<PathBuf>> {
        match self {
            Self::Folder(_) => Ok(Some(received)),
            Self::Name(name, _spool) => place(&received, &name).map(|()| None),
            Self::Out(_spool) => {
                let mut signals = Signals::listen()?;
                tokio::select! {
                    written = write_out(received) => written.map(|()| None),
                    () = signals.any() => bail!("stopped"),
                }
            }
        }
    }
}

#[async_trait]
impl Errand for Getting {
    async fn run(self: Box<Self>, reader: &Reader) -> bool {
        match self.get(reader).await {
            Ok(()) => false,
            Err(error) => {
                reader.cx.error(format!("{error:#}"));
                true
            }
        }
    }
}

/// Waits until everything that the room keeps is known here: what it answers to us comes after that.
async fn all_told(desk: &Desk, reader: &Reader) -> Result<()> {
    reader.cx.withdraw(NOTHING).await?;
    ensure!(timeout(ANSWER, reader.session.drained()).await.is_ok(), "the room does not answer");
    let kept = reader.session.kept();
    let known = |up: &[Up]| kept.iter().all(|number| up.iter().any(|up| up.number == *number)).then_some(());
    // What other commands keep, or what is refused here, is never among the offers.
    let _ = timeout(UNDERSTOOD, desk.offer_where(known)).await;
    Ok(())
}

/// The offer that is meant, for which it waits if there is none yet.
async fn choose(which: Which, wait: Duration, desk: &Desk) -> Result<Up> {
    let found = |up: &[Up]| match which {
        Which::Number(number) => up.iter().find(|up| up.number == number).cloned(),
        Which::Latest | Which::Only => up.last().cloned(),
    };
    let none = || match which {
        Which::Number(number) => format!("no offer has the number {number}"),
        Which::Latest | Which::Only => "nothing is offered".to_owned(),
    };
    let found = tokio::select! {
        found = desk.offer_where(found) => found,
        () = sleep(wait) => bail!(none()),
    };
    let up = desk.offers();
    if which == Which::Only && up.len() > 1 {
        let rows: Vec<_> = up.iter().map(|up| format!("{}: {}", up.number, up.text)).collect();
        bail!("several are offered; say which number, or --latest\n{}", rows.join("\n"));
    }
    Ok(found)
}

/// Gives what was received the name that a person has chosen, without replacing anything.
fn place(received: &Path, name: &Path) -> Result<()> {
    let doing = || format!("could not save {}", name.display());
    match renameat_with(CWD, received, CWD, name, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {
            // A second name is not given to what is there either, and is all that simpler file systems have for it.
            std::fs::hard_link(received, name).with_context(doing)?;
        }
        done => done.map_err(io::Error::from).with_context(doing)?,
    }
    if let Some(folder) = name.parent() {
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).with_context(doing)?;
    }
    Ok(())
}

/// Writes what was received to standard output. A reader that has enough is no error.
async fn write_out(path: PathBuf) -> Result<()> {
    let (over, written) = oneshot::channel();
    // On a thread that nobody waits for: a reader may never read.
    thread::Builder::new().name("content".to_owned()).spawn(move || {
        let write = || {
            let mut file = std::fs::File::open(path)?;
            let mut out = io::stdout().lock();
            io::copy(&mut file, &mut out)?;
            out.flush()
        };
        let _ = over.send(write());
    })?;
    match written.await? {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("could not write to standard output"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_folder_a_new_name_or_the_output_and_nothing_that_is_there() {
        let spool = Spool::new(&std::env::temp_dir()).expect("a folder");
        let here = |name: &str| spool.path().join(name);
        std::fs::write(here("file"), "x").expect("a file");
        std::os::unix::fs::symlink("nowhere", here("link")).expect("a link");
        assert!(matches!(Target::new(Some(spool.path())), Ok(Target::Folder(_))));
        assert!(matches!(Target::new(Some(&here("new/"))), Ok(Target::Folder(_))));
        assert!(matches!(Target::new(Some(Path::new("-"))), Ok(Target::Out(_))));
        for there in ["file", "link"] {
            let error = Target::new(Some(&here(there))).err().expect("it is there").to_string();
            assert!(error.ends_with("is there already, and nothing is overwritten"), "{error}");
        }
        let Ok(target @ Target::Name(..)) = Target::new(Some(&here("new"))) else { panic!("a name") };
        assert_eq!(target.folder().parent(), Some(spool.path()), "it is put together on the same file system");
        assert!(Target::new(Some(&here("missing/new"))).is_err());
    }

    #[test]
    fn a_name_that_was_taken_meanwhile_is_not_replaced() {
        let spool = Spool::new(&std::env::temp_dir()).expect("a folder");
        let (received, name) = (spool.path().join("received"), spool.path().join("name"));
        std::fs::write(&received, "new").expect("a file");
        std::fs::write(&name, "old").expect("a file");
        assert!(place(&received, &name).is_err());
        assert_eq!(std::fs::read(&name).expect("it is there"), b"old");
        std::fs::remove_file(&name).expect("removed");
        place(&received, &name).expect("free");
        assert_eq!(std::fs::read(&name).expect("it is there"), b"new");
    }
}
