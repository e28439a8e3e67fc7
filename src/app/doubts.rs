//! Lines that a person at a terminal may not have meant as they are: slips of a command, and pastes that no message holds.
//! Neither is ever lost.

use std::{io::Write, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::ArgMatches;
use tokio::task::spawn_blocking;

use super::{assist::Here, line::Reader, spool::Spool};
use crate::{
    command::{Context, Entry},
    message::MAX_TEXT_LEN,
    registry::Reading,
    repl::{Next, Reply},
    size::Size,
};

/// What was doubted last, and where texts are kept that were too long.
#[derive(Default)]
pub(super) struct Doubts {
    /// The line that was put back into the editor.
    slip: Option<String>,
    /// The text about which the person is being asked.
    paste: Option<String>,
    folder: Option<Folder>,
}

impl Doubts {
    /// What happens to `line` instead of what it says, if it may not be meant so.
    pub(super) async fn about(&mut self, line: &str, reader: &Reader) -> Option<Reply> {
        if line.len() > MAX_TEXT_LEN {
            return self.about_paste(line, reader).await;
        }
        let slip = self.slip.take();
        if reader.text || slip.as_deref() == Some(line) {
            return None;
        }
        let name = reader.registry.misspelt(line, &Here::certain(&reader.session))?;
        reader.cx.notice(format!("not said: did you mean {name}? Enter again says it as it is"));
        self.slip = Some(line.to_owned());
        Some(Reply { next: Next::Again, ..Reply::default() })
    }

    async fn about_paste(&mut self, line: &str, reader: &Reader) -> Option<Reply> {
        // What cannot be read now is an error of the line.
        let Reading::Run { entry, matches } = reader.read(line).await.ok()? else { return None };
        let text = said(entry, &matches).filter(|_| entry.default)?;
        let len = text.trim_end_matches(['\n', '\r']).len();
        if len <= MAX_TEXT_LEN || reader.registry.offering().is_none() {
            return None;
        }
        let (is, holds) = (Size(len as u64), Size(MAX_TEXT_LEN as u64));
        let question = format!("that is {is}, a message holds {holds}: send it as a text file? (y/N) ");
        self.paste = Some(text);
        Some(Reply { next: Next::Ask(question), remember: true, echo: false })
    }

    /// Whether the next line is an answer.
    pub(super) fn is_asking(&self) -> bool {
        self.paste.is_some()
    }

    /// Does what the person answered.
    pub(super) async fn answered(&mut self, answer: &str, reader: &Reader) {
        let Some(text) = self.paste.take() else { return };
        if !matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
            return reader.cx.notice("not sent; the up-arrow brings it back");
        }
        if let Err(error) = self.offer(text, reader).await {
            reader.cx.error(format!("{error:#}"));
        }
    }

    async fn offer(&mut self, text: String, reader: &Reader) -> Result<()> {
        let entry = reader.registry.offering().context("no command here offers files")?;
        let folder = self.folder.take();
        let (folder, path) = spawn_blocking(move || {
            let mut folder = folder.map_or_else(Folder::new, Ok)?;
            let path = folder.keep(&text)?;
            anyhow::Ok((folder, path))
        })
        .await?
        .context("the text could not be written into a file")?;
        self.folder = Some(folder);
        let matches = entry.grammar().try_get_matches_from(["--".as_ref(), path.as_os_str()])?;
        reader.act(Reading::Run { entry, matches }, Context::for_line).await;
        Ok(())
    }
}

/// What the default command says.
fn said(entry: &Entry, matches: &ArgMatches) -> Option<String> {
    let grammar = entry.grammar();
    let id = grammar.get_positionals().last()?.get_id();
    Some(matches.get_raw(id.as_str())?.next_back()?.to_str()?.to_owned())
}

/// Pasted texts as files.
struct Folder {
    spool: Spool,
    files: u32,
}

impl Folder {
    fn new() -> Result<Self> {
        Ok(Self { spool: Spool::new(&std::env::temp_dir())?, files: 0 })
    }

    fn keep(&mut self, text: &str) -> Result<PathBuf> {
        self.files += 1;
        let (mut file, path) = self.spool.file(&format!("pasted-{}.txt", self.files))?;
        file.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, path::Path};

    use super::*;

    #[test]
    fn pasted_texts_are_private_and_go_with_their_folder() {
        let mut folder = Folder::new().expect("a folder");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        let (one, two) = (folder.keep("a\nb").expect("kept"), folder.keep("c\n").expect("kept"));
        assert!(one.ends_with("pasted-1.txt") && two.ends_with("pasted-2.txt"));
        assert_eq!((mode(folder.spool.path()), mode(&one)), (0o700, 0o600));
        let texts = [&one, &two].map(|path| fs::read_to_string(path).expect("readable"));
        assert_eq!(texts, ["a\nb\n", "c\n"]);
        let path = folder.spool.path().to_owned();
        drop(folder);
        assert!(!path.exists());
    }
}
