//! One thing done in somebody's room: `pchat say`, `send` and `get`.

use std::path::PathBuf;

use clap::Args;

/// What the ways to do one thing in a room share.
#[derive(Clone, Debug, Args)]
pub struct Once {
    /// Your name in the room
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Write a log to this file; the environment variable RUST_LOG says how much
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Seconds to wait for others when nothing moves any more
    #[arg(long, value_name = "SECS", default_value_t = 60)]
    pub wait: u64,
}

/// What to say.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  pchat say 192.168.1.5 the build is done\n  tail -f app.log | pchat say 192.168.1.5\n\n\
    The environment variable PCHAT_CODE holds the code of a room that does not know you yet."
)]
pub struct Say {
    /// The host's address or name, and its port unless that is 5000
    #[arg(value_name = "ADDR[:PORT]")]
    pub address: String,
    /// What to say; without it, the lines of input
    #[arg(value_name = "TEXT", trailing_var_arg = true)]
    pub text: Vec<String>,
    /// What all these share.
    #[command(flatten)]
    pub once: Once,
}

/// What to send.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  pchat send 192.168.1.5 report.pdf photos/\n  pchat send 192.168.1.5 a.iso --to bob\n  \
    tar c . | pchat send 192.168.1.5 - --as work.tar\n\n\
    The environment variable PCHAT_CODE holds the code of a room that does not know you yet."
)]
pub struct Send {
    /// The host's address or name, and its port unless that is 5000
    #[arg(value_name = "ADDR[:PORT]")]
    pub address: String,
    /// Files or folders; `-` is what is piped in
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<String>,
    /// Only for this member
    #[arg(long, value_name = "NAME")]
    pub to: Option<String>,
    /// The name under which `-` is sent
    #[arg(long = "as", value_name = "NAME")]
    pub named: Option<String>,
    /// What all these share.
    #[command(flatten)]
    pub once: Once,
}

/// What to receive.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  pchat get 192.168.1.5\n  pchat get 192.168.1.5 3\n  \
    pchat get 192.168.1.5 --latest -o report.pdf\n  pchat get 192.168.1.5 -o -\n\n\
    The environment variable PCHAT_CODE holds the code of a room that does not know you yet.")]
pub struct Get {
    /// The host's address or name, and its port unless that is 5000
    #[arg(value_name = "ADDR[:PORT]")]
    pub address: String,
    /// The number of the offer; without it, the only one that is up
    #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub number: Option<u32>,
    /// The offer that came last
    #[arg(long, conflicts_with = "number")]
    pub latest: bool,
    /// Where to: a folder, a new name, or `-` for standard output; without it, the folder you are in
    #[arg(short, long, value_name = "FILE|DIR|-")]
    pub output: Option<PathBuf>,
    /// What all these share.
    #[command(flatten)]
    pub once: Once,
}
