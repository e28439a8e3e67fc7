//! What the benches share: their arguments, the program under test, medians.
#![allow(dead_code, reason = "each bench uses a part of it")]

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    str::FromStr,
    time::Duration,
};

/// Whether only to show that the bench works: `cargo test` runs benches too.
pub fn is_smoke() -> bool {
    env::args().any(|arg| arg == "--test") || !env::args().any(|arg| arg == "--bench")
}

/// The value of the argument `--NAME VALUE`, if it is given.
pub fn option<T: FromStr>(name: &str) -> Option<T> {
    let mut args = env::args().skip_while(|arg| *arg != name).skip(1);
    let value = args.next()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} {value} makes no sense")))
}

/// The arguments that are words, which choose among cases.
pub fn words() -> Vec<String> {
    let mut args = env::args().skip(1);
    let mut words = Vec::new();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--bench" | "--test" => {}
            option if option.starts_with("--") => drop(args.next()),
            _ => words.push(arg),
        }
    }
    words
}

/// The middle value.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The program under test: `--program PATH`, or the one built along.
pub fn program() -> PathBuf {
    option("--program").unwrap_or_else(|| env!("CARGO_BIN_EXE_pchat").into())
}

/// A home folder of its own, removed at the end.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new empty folder.
    pub fn new() -> Self {
        let unique = format!("pchat-bench-{}-{:?}", std::process::id(), std::time::Instant::now());
        let name: String = unique.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).expect("the temporary folder can be written");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The program with this home, no input, and nothing said on its errors.
    pub fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.env_clear().env("HOME", &self.0).env("USER", "host").stdin(Stdio::null()).stdout(Stdio::piped());
        command
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A room that the program keeps in a process of its own.
pub struct Room {
    child: Child,
    port: u16,
    _home: Scratch,
}

impl Room {
    /// A room that is open to all, without a limit of lines.
    ///
    /// With `--journal FOLDER` it keeps a journal there.
    pub fn open() -> Self {
        let mut options = vec!["--open", "--rate", "off", "--max-members", "10000"];
        let journal = option::<PathBuf>("--journal").map(|folder| folder.join("bench.journal"));
        if let Some(journal) = &journal {
            let _ = fs::remove_file(journal);
            options.extend(["--journal", journal.to_str().expect("a path in UTF-8")]);
        }
        Self::start(Scratch::new(), &options)
    }

    /// Opens a room with these options in that home. What its own user sees is read and thrown away.
    pub fn start(home: Scratch, options: &[&str]) -> Self {
        let mut child = home
            .command()
            .args(["host", "--port", "0", "--bind", "127.0.0.1"])
            .args(options)
            .spawn()
            .expect("the program starts");
        let mut output = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the room says its port");
        let port = line.trim().rsplit(' ').next().and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("no port in {line:?}"));
        std::thread::spawn(move || throw_away(output));
        Self { child, port, _home: home }
    }

    /// Where it listens on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Processor time that it has used.
    pub fn cpu(&self) -> Duration {
        cpu(&self.child.id().to_string())
    }

    /// Memory that it holds, in KiB.
    pub fn rss_kib(&self) -> u64 {
        self.status_kib("VmRSS:")
    }

    /// The most memory that it has held at once, in KiB.
    pub fn peak_kib(&self) -> u64 {
        self.status_kib("VmHWM:")
    }

    fn status_kib(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the room runs");
        let line = status.lines().find(|line| line.starts_with(name)).expect("Linux tells it");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number of KiB")
    }

    /// The process, for looking at it from outside.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn throw_away(mut output: BufReader<ChildStdout>) {
    let _ = std::io::copy(&mut output, &mut std::io::sink());
}

/// Processor time of a process, `self` for this one.
pub fn cpu(process: &str) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("the process runs");
    // The name, in brackets, may hold anything; user and system time are the 12th and 13th field after it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number of ticks")).sum();
    // USER_HZ is 100 on every Linux.
    Duration::from_millis(ticks * 10)
}
