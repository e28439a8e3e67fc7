//! Writing the talk down.

mod markdown;

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use jiff::Zoned;
use rustix::fs::OFlags;

use crate::{
    args,
    command::{Command, Context, Entry, Event, Flow, Input, Result, async_trait, ensure},
    tape::{Follower, Heard, Tape},
    view::{Line, filter::clean, written},
};
use markdown::Markdown;

pub const COMMAND: Entry = Entry::of::<Log>();

/// What ends writing down instead of naming a file.
const OFF: &str = "off";

/// How long a disk has to take the last lines when another file is chosen, or none.
const PATIENCE: Duration = Duration::from_secs(2);

/// Write down what is said from now on, into a file.
///
/// The file is Markdown, with times, days, and links to the files that you receive. A file that is there already is
/// gone on with, never overwritten; a new one is for your eyes alone. What is said to you alone is written down, too.
/// `/log off` ends it, and without a file it tells where it writes to.
#[derive(clap::Parser)]
struct Log {
    /// One JSON object a line instead of Markdown, as `--json` writes them.
    #[arg(long)]
    json: bool,
    /// The file; `~` is your home folder. `off` for none.
    #[arg(value_name = "FILE|off", value_hint = clap::ValueHint::FilePath)]
    file: Option<String>,
}

/// Where it is written to.
#[derive(Default)]
struct Place(Option<PathBuf>);

#[async_trait]
impl Command for Log {
    const NAME: &'static str = "log";
    const INPUT: Input = Input::Paths;
    const BARE: bool = false;
    const EXAMPLES: &'static [&'static str] = &["log ~/talk.md", "log --json talk.jsonl", "log off", "log"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let place = cx.state::<Place>();
        let place = || place.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = place().0.clone().filter(|_| cx.tape().is_followed());
        let shown = |path: &Path| clean(&path.to_string_lossy()).into_owned();
        let Some(file) = self.file else {
            ensure!(!self.json, "name a file: /log --json talk.jsonl");
            cx.print(match before {
                Some(path) => format!("what is said is written to {}", shown(&path)),
                None => "nothing is written down".to_owned(),
            });
            return Ok(Flow::Continue);
        };
        if file == OFF {
            let tape = cx.tape().clone();
            tokio::task::spawn_blocking(move || tape.close(PATIENCE)).await?;
            cx.print(match before {
                Some(path) => format!("nothing more is written to {}", shown(&path)),
                None => "nothing is written down".to_owned(),
            });
            place().0 = None;
            return Ok(Flow::Continue);
        }
        let path = std::path::absolute(args::path(&file)).context("it has no path")?;
        let form = if self.json { Form::Json } else { Form::Markdown(Markdown::default()) };
        let job = (path.clone(), form, cx.clone());
        tokio::task::spawn_blocking(move || begin(job.0, job.1, job.2)).await??;
        cx.print(format!("what is said from now on is written to {}", shown(&path)));
        place().0 = Some(path);
        Ok(Flow::Continue)
    }
}

/// How it is written.
enum Form {
    Markdown(Markdown),
    Json,
}

impl Form {
    /// What stands before the first line.
    fn head(&self, host: &str, now: &Zoned) -> String {
        match self {
            Self::Markdown(_) => markdown::head(host, now),
            Self::Json => String::new(),
        }
    }

    fn line(&mut self, Heard { missed, shown }: &Heard, now: &Zoned) -> String {
        match self {
            Self::Markdown(markdown) => markdown.line(*missed, shown, now.time_zone()),
            Self::Json => {
                let line = written(shown.at, shown.line.clone());
                if *missed == 0 {
                    return line;
                }
                let event = Event::new("missed", "lines came faster than they could be written").with("lines", *missed);
                written(shown.at, Line::Event(event)) + &line
            }
        }
    }
}

/// Opens a file, and writes down what is said from then on.
fn begin(path: PathBuf, form: Form, cx: Context) -> Result<()> {
    let mut file = open(&path).with_context(|| format!("could not write to {}", path.display()))?;
    let tape: Tape = cx.tape().clone();
    let gone_on = file.metadata().is_ok_and(|file| file.len() > 0);
    let head = form.head(&tape.host(), &Zoned::now());
    let head = if gone_on && !head.is_empty() { format!("\n{head}") } else { head };
    file.write_all(head.as_bytes()).with_context(|| format!("could not write to {}", path.display()))?;
    // The file before this one gets its last lines first.
    tape.close(PATIENCE);
    let follower = tape.follow();
    let write = move || {
        if let Err(error) = write(&mut file, form, follower) {
            let shown = clean(&path.to_string_lossy()).into_owned();
            cx.error(format!("nothing more is written to {shown}: {error}"));
        }
    };
    thread::Builder::new().name("pchat-log".to_owned()).spawn(write).context("no thread could be started")?;
    Ok(())
}

/// A file to add to. Waits for nobody: not for the reader of a pipe, say.
fn open(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true).mode(0o600).custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32);
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no file")) }
}

/// Writes line by line, so that nothing is missing in it whatever happens then.
fn write(out: &mut impl Write, mut form: Form, follower: Follower) -> io::Result<()> {
    for heard in follower {
        out.write_all(form.line(&heard, &Zoned::now()).as_bytes())?;
        out.flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::{
        tape::Shown,
        trust::{Fingerprint, scratch::Scratch},
        view::{Manner, Privacy, Said, schema::Schema},
        wire::PublicKey,
    };

    /// A disk that takes so many bytes.
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn case_131_a_full_disk_ends_it_and_the_talk_goes_on() {
        let tape = Tape::default();
        let follower = tape.follow();
        let written = thread::spawn(move || write(&mut Disk(200), Form::Json, follower));
        let mut said = 0;
        while tape.is_followed() {
            tape.note(&Line::Notice("x".repeat(50)));
            said += 1;
            thread::yield_now();
        }
        let error = written.join().expect("it ends").expect_err("the disk is full");
        assert_eq!((error.kind(), said > 1), (io::ErrorKind::StorageFull, true));
    }

    #[test]
    fn its_objects_are_those_that_are_documented_for_programs() {
        let schema = Schema::documented();
        let (at, key) = (Timestamp::UNIX_EPOCH, Fingerprint::of(&PublicKey([2; 32])));
        let said = |privacy, manner, own, text: &str| {
            let (name, text) = ("bob".to_owned(), text.to_owned());
            Line::Said(Said { name, key, verified: false, privacy, own, manner, at, past: false, text })
        };
        let joined = Event::new("join", "bob joined").with("name", "bob").with("key", key.to_string());
        let lines = [
            ("message", said(Privacy::Room, Manner::Says, false, "a\nb \u{202e}\x1b[2J")),
            ("action", said(Privacy::Room, Manner::Does, true, "waves")),
            ("private", said(Privacy::Private, Manner::Says, true, "psst")),
            ("join", Line::Event(joined)),
            ("notice", Line::Notice("x".to_owned())),
        ];
        for (kind, line) in lines {
            let shown = Arc::new(Shown { at, line });
            let written = Form::Json.line(&Heard { missed: 3, shown }, &Zoned::now());
            let kinds: Vec<_> = written.lines().map(|line| schema.check(line)).collect();
            assert_eq!(kinds, ["missed", kind]);
            assert!(
                !written.contains('\x1b') && written.contains("\"time\":\"1970-01-01T00:00:00.000Z\""),
                "{written}"
            );
        }
    }

    #[test]
    fn a_new_file_is_for_its_owner_and_an_old_one_is_added_to() {
        let folder = Scratch::new();
        let path = folder.join("talk.md");
        open(&path).and_then(|mut file| file.write_all(b"one\n")).expect("a new file");
        assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
        open(&path).and_then(|mut file| file.write_all(b"two\n")).expect("an old file");
        assert_eq!(fs::read_to_string(&path).expect("text"), "one\ntwo\n");
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let folder = Scratch::new();
        let pipe = folder.join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).expect("a pipe");
        symlink("/dev/null", folder.join("null")).expect("a link");
        for bad in [pipe.clone(), folder.join("null"), folder.join("."), folder.join("none/talk.md")] {
            assert!(open(&bad).is_err(), "{}", bad.display());
        }
        // With somebody who reads, it could be opened, and is none all the same.
        let _reader = fs::OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits() as i32).open(&pipe);
        assert!(open(&pipe).is_err());
    }

    #[test]
    fn a_file_may_be_named_off_by_its_path_alone() {
        let fits = |words: &[&str]| COMMAND.grammar().try_get_matches_from(words).is_ok();
        assert!(fits(&[]) && fits(&[OFF]) && fits(&["--json", "a b"]) && !fits(&["a", "b"]));
    }
}
