//! A member in a process of its own, spoken to through pipes.

use std::{
    fs,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Stdio},
    sync::{
        Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    data::Space,
    support::{self, Scratch},
};

/// How long anything may take.
const STUCK: Duration = Duration::from_secs(600);

/// A line and when it was read.
type Read = (Instant, String);

/// A process that is in a room.
pub struct Member {
    child: Child,
    input: Mutex<ChildStdin>,
    /// What the program tells.
    notices: Mutex<Receiver<Read>>,
    /// What members say.
    lines: Mutex<Receiver<Read>>,
    name: &'static str,
    downloads: PathBuf,
    port: u16,
    _home: Scratch,
}

impl Member {
    /// The host of a new room, open to all.
    pub fn host(space: &Space) -> io::Result<Self> {
        Self::start("hub", space, &["host", "--open", "--rate", "off", "--port", "0", "--bind", "127.0.0.1"])
    }

    /// A member of the room that `host` keeps.
    pub fn join(host: &Self, name: &'static str, space: &Space) -> io::Result<Self> {
        let member = Self::start(name, space, &["join", &format!("127.0.0.1:{}", host.port)])?;
        host.notice(&format!("{name} joined"))?;
        Ok(member)
    }

    fn start(name: &'static str, space: &Space, args: &[&str]) -> io::Result<Self> {
        let home = Scratch::new();
        let downloads = space.path(&format!("{name}-got"));
        let mut child = home
            .command()
            .args(args)
            .args(["--name", name, "--auto-accept", "all", "--downloads"])
            .arg(&downloads)
            .stdin(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().expect("it is a pipe");
        let output = child.stdout.take().expect("it is a pipe");
        let ((notice, notices), (line, lines)) = (channel(), channel());
        thread::spawn(move || sort(output, &notice, &line));
        let mut member = Self {
            child,
            input: Mutex::new(input),
            notices: Mutex::new(notices),
            lines: Mutex::new(lines),
            name,
            downloads,
            port: 0,
            _home: home,
        };
        if args[0] == "host" {
            let (_, line) = member.notice("room open")?;
            let port = line.trim().rsplit([' ', ':']).next().and_then(|port| port.parse().ok());
            member.port = port.unwrap_or_else(|| panic!("no port in {line:?}"));
        }
        Ok(member)
    }

    /// Types a line.
    pub fn say(&self, line: &str) -> io::Result<()> {
        let mut input = self.input.lock().expect("nobody panics with it");
        input.write_all(format!("{line}\n").as_bytes())
    }

    /// Waits for a notice with this text in it.
    pub fn notice(&self, text: &str) -> io::Result<Read> {
        let notices = self.notices.lock().expect("nobody panics with it");
        loop {
            let (at, line) = next(&notices, self.name)?;
            if line.contains(text) {
                return Ok((at, line));
            }
        }
    }

    /// When the next line that somebody said was read.
    pub fn heard(&self) -> io::Result<Read> {
        next(&self.lines.lock().expect("nobody panics with it"), self.name)
    }

    /// Sends a file or folder to another member. Returns how long it took, and where it is.
    pub fn send(&self, path: &Path, to: &Self) -> io::Result<(Duration, PathBuf)> {
        let start = Instant::now();
        self.say(&format!("sendfile {} --to {}", path.display(), to.name))?;
        let (_, asked) = to.notice(", which is being received")?;
        let (end, _) = to.notice("* saved ")?;
        // A room keeps a few offers of each member.
        let number = asked.rsplit_once("offer ").and_then(|(_, rest)| rest.split(',').next()).unwrap_or_default();
        self.say(&format!("withdraw {number}"))?;
        self.notice("is taken back")?;
        Ok((end - start, to.got(path)))
    }

    /// Where it has what was sent from there.
    pub fn got(&self, path: &Path) -> PathBuf {
        self.downloads.join(path.file_name().expect("everything sent has a name"))
    }

    /// Processor time that it has used.
    pub fn cpu(&self) -> Duration {
        support::cpu(&self.child.id().to_string())
    }

    /// The most memory that it has held at once, in MiB.
    pub fn peak_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("Linux tells it");
        let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok());
        kib.expect("a number of KiB") / 1024.0
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tells what the program says from what people say.
fn sort(output: ChildStdout, notices: &Sender<Read>, lines: &Sender<Read>) {
    for line in BufReader::new(output).lines() {
        let Ok(line) = line else { return };
        let to = if line.starts_with("* ") { notices } else { lines };
        if to.send((Instant::now(), line)).is_err() {
            return;
        }
    }
}

fn next(lines: &Receiver<Read>, name: &str) -> io::Result<Read> {
    lines.recv_timeout(STUCK).map_err(|_| io::Error::other(format!("{name} says nothing more")))
}
