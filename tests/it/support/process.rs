//! The program behind pipes.

use std::{
    io::Write,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{Home, Lines, PATIENCE};

/// A running process, killed when dropped.
pub struct Process {
    pid: Pid,
    status: mpsc::Receiver<ExitStatus>,
    ended: Option<ExitStatus>,
}

impl Process {
    pub fn of(mut child: Child) -> Self {
        let pid = Pid::from_child(&child);
        let (sender, status) = mpsc::channel();
        thread::spawn(move || {
            let _ = sender.send(child.wait().expect("a child can be waited for"));
        });
        Self { pid, status, ended: None }
    }

    /// Sends a signal. One that stops it has done so afterwards.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("it runs");
        if signal == Signal::STOP {
            self.wait_stopped();
        }
    }

    /// Its number.
    pub fn id(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// What everybody on this machine sees of how it was started.
    pub fn command_line(&self) -> String {
        let line = std::fs::read(format!("/proc/{}/cmdline", self.id())).expect("it runs");
        String::from_utf8_lossy(&line).replace('\0', " ")
    }

    /// Its thread of that name.
    #[cfg(target_os = "linux")]
    pub fn thread(&self, name: &str) -> Thread {
        let mut threads = std::fs::read_dir(format!("/proc/{}/task", self.id())).expect("it runs");
        let thread = threads.find_map(|entry| {
            let path = entry.ok()?.path();
            let its_name = std::fs::read_to_string(path.join("comm")).ok()?;
            (its_name.trim() == name).then_some(Thread(path))
        });
        thread.expect("it has such a thread")
    }

    /// How much memory it has at the moment, in bytes, where the system tells.
    pub fn resident(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(kib.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? << 10)
    }

    /// Waits until all its threads are stopped, where the system tells.
    fn wait_stopped(&self) {
        let runs = |task: std::fs::DirEntry| {
            let stat = std::fs::read_to_string(task.path().join("stat"));
            stat.is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['T', 'Z', 'X'])))
        };
        let tasks = || std::fs::read_dir(format!("/proc/{}/task", self.id()));
        until(|| !tasks().is_ok_and(|mut tasks| tasks.any(|task| task.is_ok_and(runs))), || "a stop".to_owned());
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        self.wait_or(String::new)
    }

    /// Whether it ends within this time.
    pub fn ends_within(&mut self, span: Duration) -> bool {
        if self.ended.is_none() {
            self.ended = self.status.recv_timeout(span).ok();
        }
        self.ended.is_some()
    }

    /// Waits until it has ended, and says what `seen` gives if it never does.
    pub fn wait_or(&mut self, seen: impl FnOnce() -> String) -> ExitStatus {
        let ended = || self.status.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it does not end: {}", seen()));
        *self.ended.get_or_insert_with(ended)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended.is_none() && self.status.try_recv().is_err() {
            let _ = kill_process(self.pid, Signal::KILL);
        }
    }
}

/// Waits until the system says that it is so. `what` says what is missing if it never does.
pub fn until(is_so: impl Fn() -> bool, what: impl FnOnce() -> String) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        if Instant::now() >= end {
            panic!("too long without {}", what());
        }
        thread::yield_now();
    }
}

/// A thread of a program.
#[cfg(target_os = "linux")]
pub struct Thread(std::path::PathBuf);

#[cfg(target_os = "linux")]
impl Thread {
    /// Waits until it waits for what it reads.
    pub fn wait_reading(&self) {
        let read = nix::libc::SYS_read.to_string();
        let call = || std::fs::read_to_string(self.0.join("syscall"));
        until(|| call().is_ok_and(|call| call.split(' ').next() == Some(&read)), || "a reading".to_owned());
    }

    /// Sends a signal to its program, which it takes unless it blocks it, and waits until it is taken.
    pub fn signal(&self, signal: Signal) {
        let id = self.0.file_name().and_then(|name| name.to_str()?.parse().ok());
        kill_process(id.and_then(Pid::from_raw).expect("a number"), signal).expect("it runs");
        let waits = |line: &str| line.strip_prefix("ShdPnd:").is_some_and(|signals| signals.trim() != "0".repeat(16));
        let status = || std::fs::read_to_string(self.0.join("status")).expect("it runs");
        until(|| !status().lines().any(waits), || "somebody who takes the signal".to_owned());
    }
}

/// What a program that has ended left.
#[derive(Debug)]
pub struct Ended {
    /// Nothing if a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// A program with pipes for all its outputs.
pub struct Pchat {
    pub process: Process,
    input: Option<ChildStdin>,
    pub out: Lines,
    pub err: Lines,
}

impl Pchat {
    /// Runs `command` behind pipes.
    pub fn spawn(name: &str, mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let out = Lines::read(name, child.stdout.take().expect("a pipe"));
        let err = Lines::read(&format!("{name}'s errors"), child.stderr.take().expect("a pipe"));
        let input = child.stdin.take();
        Self { process: Process::of(child), input, out, err }
    }

    /// `pchat` with these arguments.
    pub fn run(home: &Home, args: &[&str]) -> Self {
        let mut command = home.pchat();
        command.args(args);
        Self::spawn(&format!("pchat {}", args.join(" ")), command)
    }

    /// What `pchat` with these arguments comes to if nothing is typed.
    pub fn once(home: &Home, args: &[&str]) -> Ended {
        Self::run(home, args).end()
    }

    /// A room on a free port of loopback, with its user in it: whoever comes now is announced.
    pub fn host(home: &Home, name: &str, more: &[&str]) -> Self {
        let mut args = vec!["host", "--port", "0", "--bind", "127.0.0.1", "--name", name];
        args.extend(more);
        let host = Self::run(home, &args);
        host.out.collect(1, |line| line.starts_with("* you are "));
        host
    }

    /// A member of the room on that port, who is in when this returns.
    pub fn join(home: &Home, name: &str, port: u16, more: &[&str]) -> Self {
        let joiner = Self::knock(home, name, port, more);
        joiner.out.expect_start("* you are ");
        joiner
    }

    /// Somebody who asks for entry at that port.
    pub fn knock(home: &Home, name: &str, port: u16, more: &[&str]) -> Self {
        let address = format!("127.0.0.1:{port}");
        let mut args = vec!["join", &address, "--name", name];
        args.extend(more);
        Self::run(home, &args)
    }

    /// Somebody who has this code in the variable for it.
    pub fn with_code(home: &Home, name: &str, port: u16, code: &str) -> Self {
        Self::with_code_and(home, name, port, code, &[])
    }

    /// As [`with_code`](Self::with_code), with more arguments.
    pub fn with_code_and(home: &Home, name: &str, port: u16, code: &str, more: &[&str]) -> Self {
        let mut command = home.pchat();
        command.args(["join", &format!("127.0.0.1:{port}"), "--name", name]).args(more).env("PCHAT_CODE", code);
        Self::spawn(&format!("{name} with a code"), command)
    }

    /// The code of its room.
    pub fn code(&self) -> String {
        let start = "* the code is ";
        let line = &self.out.collect(1, |line| line.starts_with(start))[0];
        line[start.len()..].split(':').next().expect("it tells its code").to_owned()
    }

    /// The port on which its room is open.
    pub fn port(&self) -> u16 {
        let start = "* room open on port ";
        self.out.collect(1, |line| line.starts_with(start))[0][start.len()..].parse().expect("a port")
    }

    /// Types a line.
    pub fn say(&mut self, line: &str) {
        self.write(format!("{line}\n").as_bytes());
    }

    /// Writes to its input.
    pub fn write(&mut self, bytes: &[u8]) {
        self.input.as_mut().expect("its input is open").write_all(bytes).expect("it reads");
    }

    /// Takes its input, for another thread.
    pub fn take_input(&mut self) -> ChildStdin {
        self.input.take().expect("its input is open")
    }

    pub fn close_input(&mut self) {
        self.input = None;
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits until it ends by itself, its input open.
    pub fn wait(mut self) -> Ended {
        let (out, err) = (self.out.all().join("\n"), self.err.all().join("\n"));
        Ended { code: self.process.wait().code(), out, err }
    }

    /// Ends its input and waits until it ends.
    pub fn end(mut self) -> Ended {
        self.close_input();
        self.wait()
    }
}
