//! Asks other programs of this system, for as long as it takes or a little while, whichever is shorter.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it is looked whether it has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// How much it may say.
const MOST: u64 = 1 << 20;

/// What a program told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whether it says that all went well.
    pub good: bool,
    /// Its standard output.
    pub out: String,
}

/// Somebody who asks programs.
pub trait Ask {
    /// What `program` says to these arguments; nothing if it is not there, or takes too long.
    fn ask(&self, program: &str, args: &[&str]) -> Option<Told>;
}

/// Asks the programs of this system.
#[derive(Clone, Copy, Debug)]
pub struct Programs;

impl Ask for Programs {
    fn ask(&self, program: &str, args: &[&str]) -> Option<Told> {
        let mut command = Command::new(program);
        command.args(args).env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().ok()?;
        let out = child.stdout.take()?;
        let (sender, told) = mpsc::sync_channel(1);
        thread::Builder::new()
            .name("asked".to_owned())
            .spawn(move || {
                let mut bytes = Vec::new();
                let read = out.take(MOST).read_to_end(&mut bytes);
                let _ = sender.send(read.is_ok().then_some(bytes));
            })
            .ok()?;
        let told = told.recv_timeout(PATIENCE);
        let status = if told.is_ok() { ended(&mut child) } else { None };
        if status.is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let out = String::from_utf8_lossy(&told.ok()??).into_owned();
        Some(Told { good: status?.success(), out })
    }
}

/// How a program ends that has said all it will.
fn ended(child: &mut Child) -> Option<ExitStatus> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(None) if Instant::now() < deadline => thread::sleep(PAUSE),
            other => return other.ok().flatten(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_asked_and_one_that_is_not_there_says_nothing() {
        assert_eq!(Programs.ask("echo", &["hello"]), Some(Told { good: true, out: "hello\n".to_owned() }));
        assert!(Programs.ask("false", &[]).is_some_and(|told| !told.good));
        assert_eq!(Programs.ask("/nonexistent/program", &[]), None);
    }

    #[test]
    fn a_program_that_takes_too_long_is_ended() {
        let began = Instant::now();
        assert_eq!(Programs.ask("sleep", &["60"]), None);
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    }

    #[test]
    fn a_program_that_closes_its_output_and_stays_is_ended_too() {
        assert_eq!(Programs.ask("sh", &["-c", "exec >&-; exec sleep 60"]), None);
    }

    #[test]
    fn a_program_that_never_stops_talking_is_cut() {
        assert!(Programs.ask("yes", &[]).is_some_and(|told| told.out.len() as u64 == MOST));
    }
}
