//! The program: joins room or dialer, session, commands, input and view, and owns the order in which they start
//! and stop. Nothing else in the crate knows all of them.

mod doorstep;
mod entrance;
mod event;
mod files;
mod host;
mod input;
mod join;
mod leaving;
mod line;
mod mover;
mod namesakes;
mod oneshot;
mod person;
mod piping;
mod request;
mod talk;

use std::{
    io::IsTerminal,
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;

use crate::{
    cli::{Action, Cli, Common},
    transfer::settings::Settings,
    trust::{Home, Identity},
    view::{Json, Line, Plain, Terminal, View},
};

/// Does what the command line says. Returns the exit code: 0 done, 1 failed, 2 wrong usage.
pub fn run(cli: Cli) -> ExitCode {
    let is_json = cli.is_json();
    match start(cli) {
        Ok(code) => code,
        Err(error) => {
            let code = if error.is::<person::Usage>() { 2 } else { 1 };
            print_as(Line::Error(told(&error)), is_json);
            ExitCode::from(code)
        }
    }
}

fn start(cli: Cli) -> Result<ExitCode> {
    let home = Home::from_env()?;
    match cli.action {
        Action::Id => files::id(&home).map(|text| print(Line::Output(text)))?,
        Action::Members(members) => files::members(&home, members).map(|text| print(Line::Output(text)))?,
        Action::Forget(forget) => files::forget(&home, &forget).map(|text| print(Line::Output(text)))?,
        Action::Say(options) => {
            log_to(options.once.log.as_deref())?;
            return runtime()?.block_on(oneshot::say(&home, options));
        }
        Action::Send(options) => {
            log_to(options.once.log.as_deref())?;
            return runtime()?.block_on(oneshot::send(&home, options));
        }
        Action::Get(options) => {
            log_to(options.once.log.as_deref())?;
            let (code, path) = runtime()?.block_on(oneshot::get(&home, options))?;
            // A script has to know under which name it is.
            path.into_iter().for_each(|path| print(Line::Output(path.display().to_string())));
            return Ok(code);
        }
        Action::Host(options) => {
            log_to(options.common.log.as_deref())?;
            return runtime()?.block_on(host::run(&home, options));
        }
        Action::Join(options) => {
            log_to(options.common.log.as_deref())?;
            return runtime()?.block_on(join::run(&home, options));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An error and its causes in one line. Some errors name their cause in their own text: it is not said twice.
fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("could not start")
}

/// Prints one line outside a room.
fn print(line: Line) {
    print_as(line, false);
}

/// Prints one line outside a room, as a person or a program reads it.
fn print_as(line: Line, is_json: bool) {
    let view: Box<dyn View> = if is_json {
        let Ok(view) = Json::new() else { return };
        Box::new(view)
    } else {
        let Ok(view) = Plain::new() else { return };
        Box::new(view)
    };
    view.show(line);
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return };
    runtime.block_on(view.drained());
}

/// Sends the log to a file, if one is asked for. It never goes to the terminal.
fn log_to(path: Option<&Path>) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    let filter = EnvFilter::builder().with_default_directive(tracing::Level::INFO.into()).from_env_lossy();
    let file = open_log(path).with_context(|| format!("could not open {}", path.display()))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Mutex::new(file)).init();
    Ok(())
}

fn open_log(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    // Addresses and names are in it: for its owner's eyes.
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Reads the identity, which the first start makes.
fn identity(home: &Home) -> Result<Identity> {
    home.create()?;
    Ok(Identity::load_or_create(&home.identity())?)
}

/// What a person has set about files on the command line.
fn file_settings(common: &Common) -> Result<Settings> {
    let downloads = match &common.downloads {
        Some(folder) => std::path::absolute(folder).context("the download folder has no path")?,
        None => {
            let home = || dirs::home_dir().map(|home| home.join("Downloads"));
            let folder = dirs::download_dir().or_else(home).context("there is no home folder; choose --downloads")?;
            folder.join("pchat")
        }
    };
    Ok(Settings { auto_accept: common.auto_accept, downloads })
}

/// Where lines go, and whether a person sits there.
struct Screen {
    view: Arc<dyn View>,
    /// Present if input and output are a terminal.
    terminal: Option<Arc<Terminal>>,
}

impl Screen {
    fn open(common: &Common) -> Result<Self> {
        let look = common.look();
        if common.json {
            return Ok(Self { view: Arc::new(Json::new().context("could not start")?), terminal: None });
        }
        if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
            let terminal = Arc::new(Terminal::new());
            terminal.look(&look);
            return Ok(Self { view: terminal.clone(), terminal: Some(terminal) });
        }
        Ok(Self { view: Arc::new(Plain::new().context("could not start")?), terminal: None })
    }
}
