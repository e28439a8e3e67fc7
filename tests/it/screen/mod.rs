//! What a person at a terminal sees while others talk, cell by cell: a model of a terminal is the judge, not the bytes.
//!
//! Times are left out, so that rows can be compared whole.

mod arriving;
mod ends;
mod moving;
mod pictures;
mod sizes;

use std::process::Command;

use crate::support::{Home, Pchat, Pty};

const CTRL_A: &str = "\x01";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const CTRL_E: &str = "\x05";
const CTRL_R: &str = "\x12";
const CTRL_Z: &str = "\x1a";
const LEFT: &str = "\x1b[D";

/// A room whose user, alice, sits at a terminal, and bob, who is there behind pipes with a key of his own.
struct Room {
    alice: Pty,
    bob: Pchat,
    port: u16,
    home: Home,
    _other: Home,
}

impl Room {
    fn open() -> Self {
        Self::open_in((24, 80))
    }

    /// A room whose user's window has so many rows and columns.
    fn open_in(size: (u16, u16)) -> Self {
        let (home, other) = (Home::new(), Home::new());
        let mut command = home.pchat();
        command.args(["host", "--port", "0", "--bind", "127.0.0.1", "--name", "alice", "--open", "--rate", "off"]);
        command.args(["--time", "off"]);
        let alice = Pty::spawn_in(size, command);
        alice.wait_for("its prompt", |text| text.contains("* you are alice") && text.contains("\nalice>"));
        let text = alice.text();
        let port = text.split_once("* room open on port ").and_then(|(_, rest)| rest.lines().next());
        let port = port.and_then(|port| port.trim().parse().ok()).expect("it tells its port");
        let bob = Pchat::join(&other, "bob", port, &["--time", "off", "--text", "--auto-accept", "all", "--stay"]);
        alice.expect("* bob joined");
        Self { alice, bob, port, home, _other: other }
    }

    /// Somebody else at a terminal of the same person, at the prompt.
    fn join(&self, name: &str) -> Pty {
        let member = Pty::spawn(join(&self.home, name, self.port));
        at_prompt(&member, name);
        member
    }
}

fn join(home: &Home, name: &str, port: u16) -> Command {
    let mut command = home.pchat();
    command.args(["join", &format!("127.0.0.1:{port}"), "--name", name, "--time", "off"]);
    command
}

/// Waits until somebody who comes in may type.
fn at_prompt(member: &Pty, name: &str) {
    let (prompt, welcome) = (format!("\n{name}>"), format!("* you are {name} "));
    member.wait_for("its prompt", |text| text.contains(&prompt) && text.contains(&welcome));
}

/// The rows of the window, each cell at its place, without the blank ones at the end of a row or of all.
fn rows(screen: &vt100::Screen) -> Vec<String> {
    let (height, width) = screen.size();
    let mut rows: Vec<String> = (0..height.get()).map(|row| one(screen, row, width.get())).collect();
    while rows.last().is_some_and(String::is_empty) {
        rows.pop();
    }
    rows
}

fn one(screen: &vt100::Screen, row: u16, width: u16) -> String {
    let mut text = String::new();
    for column in 0..width {
        let cell = screen.cell(row, column).expect("it is in the window");
        match cell.contents() {
            _ if cell.is_wide_continuation() => {}
            "" => text.push(' '),
            contents => text.push_str(contents),
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// Waits until the window ends with these rows, the cursor being at that column of the row that many above the last.
fn shows(pty: &Pty, last: &[&str], (above, column): (usize, u16)) {
    let what = format!("{last:#?} at the end and the cursor {above} rows above the last at column {column}");
    pty.wait_for_screen(&what, |screen| ends_with(screen, last, (above, column)));
}

fn ends_with(screen: &vt100::Screen, last: &[&str], (above, column): (usize, u16)) -> bool {
    let rows = rows(screen);
    // A prompt without a line has a blank at its end.
    let same = |(row, expected): (&String, &&str)| row == expected.trim_end();
    let at = rows.len().checked_sub(above + 1);
    rows.len() >= last.len()
        && rows[rows.len() - last.len()..].iter().zip(last).all(same)
        && screen.cursor_position() == (at.map_or(u16::MAX, |at| at as u16), column)
}

/// What a line of somebody says that stands in several rows.
fn whole<'a>(rows: impl IntoIterator<Item = &'a String>) -> String {
    rows.into_iter().map(|row| row.trim_start_matches("  | ")).collect()
}
