//! `pchat say`, `send` and `get`: one thing to do in somebody's room, for scripts and for people in a hurry. They enter as
//! `pchat join` does, with the same identity, pins and code, and leave when it is done.

mod get;
mod offer;
mod say;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use tokio::sync::oneshot;

pub(super) use offer::Offering;

use super::{
    Screen,
    join::{Visit, visit},
    person, spool,
    talk::{AtEnd, Errand, Lines},
};
use crate::{
    cli,
    transfer::settings::{AutoAccept, Settings},
    trust::Home,
    view::Quiet,
};

/// What a person who sits at a terminal sees of it; `saved` comes last.
const TOLD: &[&str] = &[
    "fingerprint",
    "pinned",
    "waiting",
    "proved",
    "disconnected",
    "reconnected",
    "moved",
    "sending",
    "delivered",
    "declined",
    "cancelled",
    "paused",
    "failed",
    "saved",
];

/// Says something in a room.
pub(super) async fn say(home: &Home, options: cli::Say) -> Result<ExitCode> {
    let wait = Duration::from_secs(options.once.wait);
    let text = options.text.join(" ");
    let (lines, errand): (_, Option<Box<dyn Errand>>) = match text.trim() {
        "" if options.text.is_empty() => (Some(Lines { text: true, json: false, at_end: AtEnd::Leave(wait) }), None),
        "" => return Err(person::Usage("there is nothing to say".to_owned()).into()),
        _ => (None, Some(Box::new(say::Saying { text, wait }))),
    };
    let settings = Settings { auto_accept: AutoAccept::Decline, downloads: PathBuf::new() };
    let call = Call::new(&options.address, &options.once)?;
    visit(home, call.visit(settings, lines, errand)).await
}

/// Sends files to those who are in a room.
pub(super) async fn send(home: &Home, options: cli::Send) -> Result<ExitCode> {
    let piped = options.paths.iter().filter(|path| *path == "-").count();
    let usage = |text: &str| Err(person::Usage(text.to_owned()).into());
    match (piped, &options.named) {
        (0, Some(_)) => return usage("--as NAME is the name of what is piped in: send - as well"),
        (1, None) => return usage("what is piped in needs a name: --as NAME"),
        (0 | 1, _) => {}
        _ => return usage("input can be sent once"),
    }
    let call = Call::new(&options.address, &options.once)?;
    let mut paths = options.paths;
    for path in paths.iter().filter(|path| *path != "-") {
        std::fs::metadata(path).with_context(|| format!("could not open {path}"))?;
    }
    let spool = match &options.named {
        Some(name) => {
            let Some((spool, path)) = spool::of_input(name).await? else { return Ok(ExitCode::FAILURE) };
            paths.iter_mut().filter(|given| *given == "-").for_each(|given| given.clone_from(&path));
            Some(spool)
        }
        None => None,
    };
    let errand = offer::Sending { paths, to: options.to, wait: Duration::from_secs(options.once.wait), _spool: spool };
    let settings = Settings { auto_accept: AutoAccept::Decline, downloads: PathBuf::new() };
    visit(home, call.visit(settings, None, Some(Box::new(errand)))).await
}

/// Receives something that is offered in a room. Returns where it is, too, if its name was not known beforehand.
pub(super) async fn get(home: &Home, options: cli::Get) -> Result<(ExitCode, Option<PathBuf>)> {
    let mut call = Call::new(&options.address, &options.once)?;
    let target = get::Target::new(options.output.as_deref())?;
    if !matches!(target, get::Target::Folder(_)) {
        // It is not where it is saved first that a person wants it.
        call.screen.view = Arc::new(Quiet::new(&TOLD[..TOLD.len() - 1]).context("could not start")?);
    }
    let which = match (options.number, options.latest) {
        (Some(number), _) => get::Which::Number(number),
        (None, true) => get::Which::Latest,
        (None, false) => get::Which::Only,
    };
    let (received, path) = oneshot::channel();
    let (wait, file_only) = (Duration::from_secs(options.once.wait), target.takes_files_only());
    let errand = Box::new(get::Getting { which, wait, file_only, received });
    let settings = Settings { auto_accept: AutoAccept::Never, downloads: target.folder() };
    let code = visit(home, call.visit(settings, None, Some(errand))).await?;
    match path.await {
        Ok(path) if code == ExitCode::SUCCESS => Ok((code, target.deliver(path).await?)),
        _ => Ok((code, None)),
    }
}

/// What all of them begin with.
struct Call {
    addr: crate::trust::HostAddr,
    name: String,
    screen: Screen,
}

impl Call {
    fn new(typed: &str, once: &cli::Once) -> Result<Self> {
        let (addr, name) = (person::address(typed)?, person::name(once.name.as_deref())?);
        let view = Arc::new(Quiet::new(TOLD).context("could not start")?);
        Ok(Self { addr, name, screen: Screen { view, terminal: None, lines: false } })
    }

    fn visit(self, files: Settings, lines: Option<Lines>, errand: Option<Box<dyn Errand>>) -> Visit {
        let Self { addr, name, screen } = self;
        let settings = Arc::default();
        Visit { addr, name, settings, files, screen, lines, errand, last: None, may_end: false }
    }
}
