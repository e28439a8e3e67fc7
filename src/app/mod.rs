//! The program: joins room or dialer, session, commands, input and view, and owns the order in which they start
//! and stop. Nothing else in the crate knows all of them.

mod assist;
mod diagnosis;
mod doorstep;
mod doubts;
mod entrance;
mod event;
mod files;
mod host;
mod input;
mod join;
mod journal;
mod leaving;
mod line;
mod mover;
mod namesakes;
mod oneshot;
mod packaging;
mod person;
mod piping;
mod redial;
mod request;
mod spool;
mod talk;
mod title;

use std::{
    io::IsTerminal,
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use anyhow::{Context, Result};
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    cli::{Action, Cli, Common},
    settings::{self, SettingsError},
    transfer::settings::Settings,
    trust::{Home, HomeError, Identity},
    view::{Json, Line, Plain, Terminal, View},
};

/// Does what the command line says. Returns the exit code: 0 done, 1 failed, 2 wrong usage.
pub fn run() -> ExitCode {
    let home = Home::from_env();
    let settings = open_settings(&home);
    let grammar = Cli::command();
    // Help must be had also by somebody whose file is wrong.
    let grammar = settings.as_ref().map_or(grammar.clone(), |settings| settings.apply(grammar));
    let parsed = grammar.try_get_matches().and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(told) => {
            // Where nobody listens, the exit code says enough.
            let _ = told.print();
            return ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(2));
        }
    };
    let is_json = cli.is_json();
    match start(cli, &matches, home, settings) {
        Ok(code) => code,
        Err(error) => {
            let code = if error.is::<person::Usage>() { 2 } else { 1 };
            print_as(Line::Error(told(&error)), is_json);
            ExitCode::from(code)
        }
    }
}

/// What the person has set for good, if there is a home where it can be.
fn open_settings(home: &Result<Home, HomeError>) -> Result<settings::Settings> {
    let Ok(home) = home else { return Ok(settings::Settings::default()) };
    settings::Settings::open(home.config(), person::checked(Cli::command())).map_err(|error| match error {
        SettingsError::File(_) => error.into(),
        _ => person::Usage(error.to_string()).into(),
    })
}

fn start(
    cli: Cli,
    matches: &ArgMatches,
    home: Result<Home, HomeError>,
    settings: Result<settings::Settings>,
) -> Result<ExitCode> {
    // What a way into a room starts with, told once more for those who ask in it.
    let settings = |way: &'static str| -> Result<_> {
        let settings = settings?;
        settings.start(way, matches.subcommand_matches(way).unwrap_or(&ArgMatches::default()));
        Ok(Arc::new(settings))
    };
    match cli.action {
        Action::Completions(of) => return packaging::completions(of.shell).map(|()| ExitCode::SUCCESS),
        Action::Man(man) => return packaging::man(man.dir.as_deref()).map(|()| ExitCode::SUCCESS),
        _ => {}
    }
    let home = home?;
    match cli.action {
        Action::Completions(_) | Action::Man(_) => {}
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
        Action::Doctor(options) => return diagnosis::run(&home, &options),
        Action::Host(options) => {
            let settings = settings("host")?;
            log_to(options.common.log.as_deref())?;
            return runtime()?.block_on(host::run(&home, settings, options));
        }
        Action::Join(options) => {
            let settings = settings("join")?;
            log_to(options.common.log.as_deref())?;
            return runtime()?.block_on(join::run(&home, settings, options));
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
    // What nobody can read as a filter filters like none.
    let filter = std::env::var("RUST_LOG").ok().and_then(|said| said.parse().ok());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(tracing::Level::INFO));
    let file = open_log(path).with_context(|| format!("could not open {}", path.display()))?;
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Mutex::new(file));
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
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
    /// Whether they are, but the person wants lines only.
    lines: bool,
}

impl Screen {
    fn open(common: &Common, settings: &settings::Settings) -> Result<Self> {
        let look = common.look();
        if common.json {
            let view = Arc::new(Json::new().context("could not start")?);
            return Ok(Self { view, terminal: None, lines: false });
        }
        let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        if terminal && !common.plain {
            let terminal = Arc::new(Terminal::new());
            terminal.look(&look);
            return Ok(Self { view: terminal.clone(), terminal: Some(terminal), lines: false });
        }
        let mut plain = Plain::new().context("could not start")?;
        // Scripts read lines that begin with a name, unless they say otherwise themselves.
        let asked = settings.get("time").is_ok_and(|time| time.origin == settings::Origin::Flag);
        if asked || (terminal && common.time.is_some()) {
            plain = plain.with_time(look.time);
        }
        Ok(Self { view: Arc::new(plain), terminal: None, lines: terminal })
    }

    /// Whether somebody sits there who can be asked.
    fn has_person(&self) -> bool {
        self.terminal.is_some() || self.lines
    }
}
