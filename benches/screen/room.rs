//! A room with two people at terminals and one who talks into a pipe.

use std::{
    io::{self, Write},
    process::{ChildStdin, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    support,
    terminal::{Home, Process, Pty},
};

/// What a line is filled up to, in bytes.
const LINE: usize = 64;

/// The people. Their homes live as long as they do.
pub struct Room {
    pub alice: Pty,
    pub carol: Pty,
    pub bob: Bob,
    _homes: [Home; 3],
}

/// Somebody who talks.
pub struct Bob {
    input: Option<ChildStdin>,
    said: u64,
    _process: Process,
}

impl Room {
    pub fn open() -> Self {
        let homes = [Home::new(), Home::new(), Home::new()];
        let command = |home: &Home, args: &[&str]| {
            let mut command = home.command(support::program());
            command.args(args);
            command
        };
        let host = ["host", "--port", "0", "--bind", "127.0.0.1", "--name", "alice", "--open", "--rate", "off"];
        let alice = Pty::spawn(command(&homes[0], &host));
        alice.wait_for("its prompt", |text| text.contains("you are alice") && text.contains("\nalice>"));
        let text = alice.text();
        let port = text.split_once("room open on port ").and_then(|(_, rest)| rest.split_whitespace().next());
        let address = format!("127.0.0.1:{}", port.expect("it tells its port"));
        let carol = Pty::spawn(command(&homes[1], &["join", &address, "--name", "carol"]));
        carol.wait_for("its prompt", |text| text.contains("you are carol") && text.contains("\ncarol>"));
        let mut bob = command(&homes[2], &["join", &address, "--name", "bob", "--text"]);
        bob.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut bob = bob.spawn().expect("the program starts");
        let bob = Bob { input: bob.stdin.take(), said: 0, _process: Process::of(bob) };
        carol.expect("bob joined");
        Self { alice, carol, bob, _homes: homes }
    }
}

impl Bob {
    /// Says so many lines at once. Gives the number of the last.
    pub fn say(&mut self, count: u64) -> io::Result<u64> {
        let mut text = String::new();
        for _ in 0..count {
            self.said += 1;
            let line = marked(self.said);
            text += &format!("{line:.<LINE$}\n");
        }
        self.input.as_mut().expect("it is open").write_all(text.as_bytes())?;
        Ok(self.said)
    }

    /// Says `rate` lines a second for that long, a few at a time. Gives how many that were.
    pub fn talk(&mut self, rate: u64, time: Duration) -> io::Result<u64> {
        const TICK: Duration = Duration::from_millis(10);
        let (start, before) = (Instant::now(), self.said);
        while start.elapsed() < time {
            let due = (start.elapsed().as_secs_f64() * rate as f64) as u64;
            self.say(due.saturating_sub(self.said - before))?;
            thread::sleep(TICK);
        }
        Ok(self.said - before)
    }

    /// The number of the last line.
    pub fn said(&self) -> u64 {
        self.said
    }
}

/// What the line of that number begins with.
fn marked(number: u64) -> String {
    format!("line {number} ")
}

/// Waits until that line stands in the window.
pub fn arrived(pty: &Pty, number: u64) {
    let line = marked(number);
    pty.wait_for_screen(&line, |screen| {
        let (height, width) = screen.size();
        let (row, _) = screen.cursor_position();
        // It is near the prompt, above which the last lines are.
        let near = (row.saturating_sub(4)..height.get()).rev();
        near.into_iter().any(|row| row_text(screen, row, width.get()).contains(&line))
    });
}

/// Waits until `line` stands at the cursor, which is behind it.
pub fn stands(pty: &Pty, line: &str) {
    pty.wait_for_screen(line, |screen| {
        let (row, _) = screen.cursor_position();
        row_text(screen, row, screen.size().1.get()).trim_end() == line
    });
}

fn row_text(screen: &vt100::Screen, row: u16, width: u16) -> String {
    let cells = (0..width).filter_map(|column| screen.cell(row, column));
    cells.map(|cell| if cell.has_contents() { cell.contents() } else { " " }).collect()
}
