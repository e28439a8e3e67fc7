//! The command line of the program: `pchat host`, `pchat join` and what manages keys. The commands of a
//! room are elsewhere.

mod once;

use std::{net::IpAddr, num::NonZeroU32, path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand};

use crate::{
    settings::ONCE,
    size::Size,
    transfer::settings::AutoAccept,
    view::look::{Bell, Look, Time, When},
    wire::DEFAULT_PORT,
};

pub use once::{Get, Once, Say, Send};

/// Encrypted chat rooms between terminals, with no account and no third-party server.
#[derive(Clone, Debug, Parser)]
#[command(version, after_help = "Examples:\n  pchat host\n  pchat join 192.168.1.5")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Action {
    /// Open a room and enter it.
    ///
    /// A host whose input ends (a service, or `pchat host < /dev/null`) stays until SIGINT or SIGTERM.
    Host(Host),
    /// Enter a room.
    ///
    /// If input is no terminal and ends, what was said is delivered before pchat leaves.
    Join(Join),
    /// Say something in a room, and leave it.
    ///
    /// Without a text each line of input is said, none is run as a command: `tail -f app.log | pchat say 192.168.1.5` goes on
    /// for days and dials again when the connection breaks. It ends when all is delivered.
    Say(Say),
    /// Send files or folders to those who are in a room, and leave it.
    ///
    /// It waits until everybody who is there has them or has declined. The exit code is 0 if somebody has them, and nobody is
    /// left who neither received nor declined them.
    Send(Send),
    /// Receive a file or folder that is offered in a room, and leave it
    Get(Get),
    /// Show the fingerprint of your key
    #[command(after_help = "Examples:\n  pchat id")]
    Id,
    /// List whom your rooms let in, or forget one
    Members(Members),
    /// Forget the key of a host, so that another one is believed.
    ///
    /// Do this only if you know why the key has changed: otherwise somebody may be posing as the host.
    Forget(Forget),
    /// Find out why two machines do not reach each other.
    ///
    /// Without an address it looks at this machine as a host: the port, the addresses, the firewall. With one it looks at a
    /// room from here, and does not enter it. Both change and remember nothing. Exit code 1 means that a problem was found.
    Doctor(Doctor),
    /// Print a script that makes your shell complete what you type after `pchat`
    #[command(
        after_help = "Examples:\n  pchat completions bash > ~/.local/share/bash-completion/completions/pchat\n  \
        pchat completions zsh > ~/.zfunc/_pchat\n  pchat completions fish > ~/.config/fish/completions/pchat.fish"
    )]
    Completions(Completions),
    /// Print the manual page, or write one for each subcommand into a folder
    #[command(after_help = "Examples:\n  pchat man | man -l -\n  pchat man --dir ~/.local/share/man/man1")]
    Man(Man),
}

/// Which shell to help.
#[derive(Clone, Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Where the manual goes.
#[derive(Clone, Debug, Args)]
pub struct Man {
    /// Folder for the pages, `pchat.1` and `pchat-host.1` and so on, which are written anew
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// How to open a room.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  pchat host\n  pchat host --port 5001 --name alice\n  \
    pchat host --bind 127.0.0.1 --bind ::1\n  pchat host --open --max-members 20\n  \
    tail -f app.log | pchat host --text\n  pchat host --send photos/")]
pub struct Host {
    /// TCP port to listen on; 0 takes any free one
    #[arg(long, value_name = "PORT", default_value_t = DEFAULT_PORT)]
    pub port: u16,
    /// IP address to listen on instead of all; may be repeated
    #[arg(long, value_name = "ADDR")]
    pub bind: Vec<IpAddr>,
    /// Let everyone in without asking
    #[arg(long)]
    pub open: bool,
    /// Offer this file or folder, and close the room when somebody has it; may be repeated
    #[arg(long, help_heading = ONCE, value_name = "PATH", num_args = 1..)]
    pub send: Vec<String>,
    /// How many have to have what is sent before the room closes
    #[arg(long, help_heading = ONCE, value_name = "N", default_value_t = 1, requires = "send")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub times: u32,
    /// Keep what is said in this file too, and go on from it when the room opens again
    #[arg(long, help_heading = ONCE, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub journal: Option<PathBuf>,
    /// What the room and its door bear.
    #[command(flatten)]
    pub limits: Limits,
    /// What both ways in share.
    #[command(flatten)]
    pub common: Common,
}

/// The heading in the help of a host under which its limits stand.
const LIMITS: &str = "Limits";

/// What a room and its door bear.
#[derive(Clone, Debug, Args)]
pub struct Limits {
    /// How many members the room holds
    #[arg(long, help_heading = LIMITS, value_name = "N", default_value_t = 256)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub max_members: u32,
    /// How many lines a second one member may say, or `off`
    #[arg(long, help_heading = LIMITS, value_name = "LINES", default_value = "50")]
    pub rate: Rate,
    /// How many connections may be coming in at a time; members who come back have 8 more
    #[arg(long, help_heading = LIMITS, value_name = "N", default_value_t = crate::limits::door::HANDSHAKES as u32)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub max_unauthenticated: u32,
    /// How many seconds a connection has until it must be in, or wait at the door
    #[arg(long, help_heading = LIMITS, value_name = "SECS", default_value_t = crate::limits::door::DEADLINE.as_secs())]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=300))]
    pub deadline: u64,
    /// How many transfers of files the room carries at a time
    #[arg(long, help_heading = LIMITS, value_name = "N", default_value_t = crate::limits::stream::MAX_IN_ROOM as u32)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=4_096))]
    pub max_streams: u32,
    /// How much of what was said is held, for ten minutes at most, for members who come back
    #[arg(long, help_heading = LIMITS, value_name = "SIZE", default_value = "16M", value_parser = held)]
    pub hold: Size,
    /// How many of the last lines those who come later are told; 0 for none
    #[arg(long, help_heading = LIMITS, value_name = "N", default_value_t = crate::limits::room::BACKLOG)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=crate::wire::MAX_PAST as i64))]
    pub backlog: u32,
}

/// A size of the log that is neither next to nothing nor too much for the numbers in it.
fn held(text: &str) -> Result<Size, String> {
    let size: Size = text.parse()?;
    if (1 << 20..=1 << 30).contains(&size.0) { Ok(size) } else { Err("from 1M to 1G".to_owned()) }
}

/// How to enter a room.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  pchat join 192.168.1.5\n  pchat join example.org:5001 --name bob\n  \
    pchat join [fd00::1]:5000\n  pchat join\n  echo done | pchat join 192.168.1.5 --text")]
pub struct Join {
    /// The host's address or name, and its port unless that is 5000; without it, the room entered last
    #[arg(value_name = "ADDR[:PORT]")]
    pub address: Option<String>,
    /// Seconds to wait, once input has ended, until everything said is delivered
    #[arg(long, value_name = "SECS", default_value_t = 60)]
    pub wait: u64,
    /// Stay in the room when input ends
    #[arg(long, help_heading = ONCE)]
    pub stay: bool,
    /// What both ways in share.
    #[command(flatten)]
    pub common: Common,
}

/// The heading in the help under which stands how lines look.
const LOOKS: &str = "Looks";

/// What both ways into a room share.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// Your name in the room
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Write a log to this file; the environment variable RUST_LOG says how much
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Receive files without asking up to this size (64M, say), `all` or `none`; in an open room a size counts as none
    #[arg(long, value_name = "SIZE|all|none", default_value = "64M")]
    pub auto_accept: AutoAccept,
    /// Folder for received files, instead of `pchat` in your download folder
    #[arg(long, value_name = "DIR")]
    pub downloads: Option<PathBuf>,
    /// The time before each line, in the format of strftime, or `off`; at a terminal %H:%M, elsewhere off
    #[arg(long, help_heading = LOOKS, value_name = "FORMAT|off")]
    pub time: Option<Time>,
    /// Whether to use colours; `auto` leaves them out if NO_COLOR is set or the terminal has none
    #[arg(long, help_heading = LOOKS, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// What rings the bell: nothing, what is said to you or names you, or all that others say
    #[arg(long, help_heading = LOOKS, value_name = "WHAT", default_value = "mention")]
    pub bell: Bell,
    /// Lines only, as in a pipe: no prompt, no colours, nothing redrawn; for screen readers and poor terminals
    #[arg(long, help_heading = LOOKS)]
    pub plain: bool,
    /// Say every line of input as text, run none as a command: for input that others may write
    #[arg(long, help_heading = ONCE)]
    pub text: bool,
    /// Read and write JSON, one object a line, for programs: docs/json.md
    #[arg(long, help_heading = ONCE)]
    pub json: bool,
}

impl Cli {
    /// Whether a program reads what is written.
    pub fn is_json(&self) -> bool {
        match &self.action {
            Action::Host(host) => host.common.json,
            Action::Join(join) => join.common.json,
            _ => false,
        }
    }
}

impl Common {
    /// How lines look.
    pub fn look(&self) -> Look {
        Look { time: self.time.clone().unwrap_or_default(), colour: self.color, bell: self.bell }
    }
}

/// What to do about those whom rooms let in.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  pchat members\n  pchat members forget bob")]
pub struct Members {
    /// What to do with the list; without it, show it.
    #[command(subcommand)]
    pub change: Option<MembersChange>,
}

/// A change of the list of those let in.
#[derive(Clone, Debug, Subcommand)]
pub enum MembersChange {
    /// Forget a member, who has to ask for entry again
    Forget {
        /// The name, or the fingerprint of the key
        name: String,
    },
}

/// Which host to forget.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  pchat forget 192.168.1.5:5000")]
pub struct Forget {
    /// The host, as it was given to `pchat join`
    #[arg(value_name = "ADDR[:PORT]")]
    pub address: String,
}

/// What to look at.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  pchat doctor\n  pchat doctor --port 5001\n  pchat doctor 192.168.1.5\n  \
    pchat doctor example.org:5001")]
pub struct Doctor {
    /// The room to look at, as it is given to `pchat join`; without it, this machine
    #[arg(value_name = "ADDR[:PORT]")]
    pub address: Option<String>,
    /// The port of this machine that a room is to have
    #[arg(long, value_name = "PORT", default_value_t = DEFAULT_PORT, conflicts_with = "address")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// Whether to use colours; `auto` leaves them out if NO_COLOR is set or the terminal has none
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: When,
}

/// How many lines a second one member may say; nothing for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub Option<NonZeroU32>);

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self(None));
        }
        text.parse().map(|lines| Self(Some(lines))).map_err(|_| "a number from 1, or off")
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, error::ErrorKind};

    use super::*;

    fn parse(line: &str) -> Result<Action, ErrorKind> {
        Cli::try_parse_from(line.split(' ')).map(|cli| cli.action).map_err(|error| error.kind())
    }

    #[test]
    fn the_grammar_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_host_has_its_defaults() {
        let Ok(Action::Host(host)) = parse("pchat host") else { panic!("it needs no option") };
        assert_eq!((host.port, host.limits.max_members), (5000, 256));
        assert_eq!(host.limits.rate, Rate(NonZeroU32::new(50)));
        assert_eq!((host.limits.max_unauthenticated, host.limits.deadline), (32, 10));
        assert!(host.bind.is_empty() && !host.open && !host.common.text);
        let Ok(Action::Host(host)) = parse("pchat host --bind 127.0.0.1 --bind ::1 --rate off") else {
            panic!("valid")
        };
        assert_eq!((host.bind.len(), host.limits.rate), (2, Rate(None)));
        let Ok(Action::Host(host)) = parse("pchat host --max-unauthenticated 8 --deadline 30") else { panic!("valid") };
        assert_eq!((host.limits.max_unauthenticated, host.limits.deadline), (8, 30));
    }

    #[test]
    fn a_join_takes_an_address_and_waits_a_minute() {
        let Ok(Action::Join(join)) = parse("pchat join [::1]:5001 --name bob --stay") else { panic!("valid") };
        assert_eq!((join.address.as_deref(), join.wait, join.stay), (Some("[::1]:5001"), 60, true));
        assert_eq!(join.common.name.as_deref(), Some("bob"));
    }

    #[test]
    fn what_is_said_and_sent_once_is_told_from_options() {
        let Ok(Action::Say(say)) = parse("pchat say a --name bob it is --done") else { panic!("valid") };
        assert_eq!((say.text.join(" "), say.once.name.as_deref()), ("it is --done".to_owned(), Some("bob")));
        let Ok(Action::Send(send)) = parse("pchat send a - b --as c --to bob") else { panic!("valid") };
        assert_eq!((send.paths, send.named.as_deref()), (vec!["-".to_owned(), "b".to_owned()], Some("c")));
        let Ok(Action::Get(get)) = parse("pchat get a 3 -o -") else { panic!("valid") };
        assert_eq!((get.number, get.output), (Some(3), Some(PathBuf::from("-"))));
        let Ok(Action::Join(join)) = parse("pchat join") else { panic!("the last room") };
        assert_eq!(join.address, None);
    }

    #[test]
    fn wrong_usage_is_an_error_of_its_own_kind() {
        for wrong in [
            "pchat dance",
            "pchat join a b",
            "pchat say",
            "pchat send a",
            "pchat get",
            "pchat get a 0",
            "pchat get a 1 --latest",
            "pchat host --times 2",
            "pchat host --send a --times 0",
            "pchat host --port 65536",
            "pchat host --bind example.org",
            "pchat host --max-members 0",
            "pchat host --max-members 10001",
            "pchat host --max-unauthenticated 0",
            "pchat host --max-unauthenticated 1025",
            "pchat host --deadline 0",
            "pchat host --deadline 301",
            "pchat host --deadline soon",
            "pchat host --rate 0",
            "pchat host --rate fast",
            "pchat host --backlog 501",
            "pchat host --stay",
            "pchat members forget",
            "pchat forget",
            "pchat doctor a b",
            "pchat doctor --port 0",
            "pchat doctor a --port 5001",
        ] {
            assert!(parse(wrong).is_err_and(|kind| kind != ErrorKind::DisplayHelp), "{wrong}");
        }
        assert_eq!(parse("pchat --help").err(), Some(ErrorKind::DisplayHelp));
        assert_eq!(parse("pchat --version").err(), Some(ErrorKind::DisplayVersion));
    }

    #[test]
    fn every_long_help_has_examples_that_parse() {
        let mut cli = Cli::command();
        cli.build();
        for subcommand in cli.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let help = subcommand.clone().render_long_help().to_string();
            let (_, examples) = help.split_once("Examples:").unwrap_or_else(|| panic!("{help}"));
            for example in examples.lines().filter_map(|line| line.find("pchat ").map(|at| &line[at..])) {
                // What a shell does with it is not ours.
                let example = example.split(['>', '|', '<']).next().unwrap_or_default().trim();
                assert!(parse(example).is_ok(), "{example}");
            }
        }
        let host = cli.find_subcommand("host").expect("it exists").clone().render_long_help().to_string();
        assert!(host.contains("SIGINT or SIGTERM"), "{host}");
        let (_, limits) = host.split_once("\nLimits:\n").expect("limits stand together");
        let (limits, _) = limits.split_once("Examples:").expect("and come last");
        for flag in ["--max-members", "--rate", "--max-unauthenticated", "--deadline"] {
            assert!(limits.contains(flag), "{host}");
        }
        assert!(!limits.contains("--name"), "nothing else stands there: {host}");
    }
}
