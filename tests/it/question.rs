//! The code of a room, asked at a terminal: it shows while it is typed, and nowhere afterwards.

use std::{fs, process::Command};

use crate::support::{Home, Pty, Signal};

const QUESTION: &str = "code (Enter to knock):";
const WRONG: &str = "zoo abandon lens";
const REFUSED: &str = "error: that is not the code of this room";
const CTRL_U: &str = "\x15";
const CTRL_Y: &str = "\x19";
const CTRL_Z: &str = "\x1a";
const UP: &str = "\x1b[A";

/// A room, and the code that lets strangers in.
fn room(home: &Home) -> (Pty, u16, String) {
    let (host, port) = Pty::host(home, "alice", &[]);
    let text = host.text();
    let code = text.split_once("the code is ").and_then(|(_, rest)| rest.split_once(':'));
    let code = code.expect("the host is told the code").0.to_owned();
    (host, port, code)
}

/// A stranger's command line.
fn stranger(home: &Home, port: u16, env: &[(&str, &str)]) -> Command {
    let mut command = home.pchat();
    command.args(["join", &format!("127.0.0.1:{port}"), "--name", "bob", "--time", "off"]).envs(env.iter().copied());
    command
}

/// Somebody whom the room does not know, and who is asked for its code.
fn asked(command: Command) -> Pty {
    let pty = Pty::spawn(command);
    pty.expect(QUESTION);
    pty
}

/// Waits until the question is the last thing in the window.
fn asked_again(pty: &Pty) {
    pty.wait_for("the question again", |text| text.trim_end().ends_with(&format!("\n{QUESTION}")));
}

#[test]
fn what_is_typed_is_not_in_the_log_however_much_is_logged() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port, code) = room(&alice);
    let path = bob.path().join("log");
    let mut command = stranger(&bob, port, &[("RUST_LOG", "trace")]);
    command.args(["--log", path.to_str().expect("a path")]);
    let mut member = asked(command);
    // Pasted: all of it at once.
    member.keys(&format!("\x1b[200~{WRONG}\x1b[201~\r"));
    member.expect(REFUSED);
    asked_again(&member);
    member.line(&code);
    member.expect("bob>");
    member.keys("msg alice \x1b[200~between us\x1b[201~\r");
    host.expect("between us");
    member.line("quit");
    assert_eq!(member.wait_clean(), Some(0));
    let log = fs::read_to_string(path).expect("a log");
    assert!(log.contains("pchat::session::actor: connected"), "what is the program's own is logged: {log}");
    for typed in ["abandon", code.as_str(), "between us", "rustyline", "Changeset"] {
        assert!(!log.contains(typed), "{typed:?} is in the log");
    }
}

#[test]
fn a_terminal_that_can_only_print_does_not_echo_the_answer() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port, code) = room(&alice);
    let mut member = asked(stranger(&bob, port, &[("TERM", "dumb")]));
    member.line(WRONG);
    member.wait_for("the error on a line of its own", |text| text.contains(&format!("\n{REFUSED}")));
    asked_again(&member);
    member.line(&code);
    // What comes while keys are pressed would stand between them.
    member.wait_for("the last notice", |text| text.contains("* you are bob ") && text.trim_end().ends_with("\nbob>"));
    assert!(!member.raw().contains("abandon") && !member.raw().contains(&code), "{}", member.text());
    member.keys("seen");
    member.expect("bob> seen");
    member.keys("\r");
    host.expect("bob: seen");
    member.expect("bob: seen\nbob>");
    member.line("quit");
    assert_eq!(member.wait_clean(), Some(0));
}

#[test]
fn a_terminal_that_can_only_print_echoes_again_when_the_question_is_given_up() {
    let (alice, bob) = (Home::new(), Home::new());
    let (_host, port, _) = room(&alice);
    for give_up in ["\x04", "\x03", ""] {
        let mut member = asked(stranger(&bob, port, &[("TERM", "dumb")]));
        // What is not echoed is not waited for: a wrong code first shows that lines arrive.
        member.line(WRONG);
        member.expect(REFUSED);
        asked_again(&member);
        assert!(!member.raw().contains("abandon"));
        match give_up {
            "" => member.signal(Signal::TERM),
            key => member.keys(key),
        }
        assert_eq!(member.wait_clean(), Some(0), "{give_up:?}");
    }
}

#[test]
fn a_terminal_that_can_only_print_is_not_stopped_while_it_does_not_echo() {
    let (alice, bob) = (Home::new(), Home::new());
    let (_host, port, _) = room(&alice);
    let mut shell = bob.command("bash");
    let program = env!("CARGO_BIN_EXE_pchat");
    shell.args(["-c", &format!("set -m; '{program}' join 127.0.0.1:{port} --name bob; echo came back; read; fg")]);
    shell.env("TERM", "dumb");
    let mut member = asked(shell);
    member.keys(CTRL_Z);
    member.keys(&format!("\x15{WRONG}\n"));
    member.expect(REFUSED);
    member.keys("\x04");
    member.expect("came back");
    assert!(!member.raw().contains("abandon"), "{}", member.text());
}

#[test]
fn a_line_that_cannot_be_edited_is_asked_for_again() {
    let (alice, bob) = (Home::new(), Home::new());
    let (_host, port, code) = room(&alice);
    let mut member = asked(stranger(&bob, port, &[]));
    // More rows than the editor can count, and it panics.
    member.keys(&format!("\x1b[200~{}\x1b[201~", "\n".repeat(70_000)));
    member.expect("error: the line could not be edited");
    asked_again(&member);
    member.line(&code);
    member.expect("* you are bob");
    member.wait_for("its prompt", |text| text.trim_end().ends_with("\nbob>"));
    assert!(!member.text().contains(&code), "{}", member.text());
}

#[test]
fn a_line_that_is_too_long_is_no_knock() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port, code) = room(&alice);
    let mut member = asked(stranger(&bob, port, &[]));
    member.keys(&format!("\x1b[200~{}\x1b[201~\r", "x".repeat((1 << 20) + 1)));
    member.expect("error: that is too long for one line");
    asked_again(&member);
    member.line(&code);
    member.expect("* you are bob");
    assert!(!host.text().contains("wants to join"), "{}", host.text());
}

#[test]
fn what_was_killed_at_the_question_cannot_be_yanked_at_the_prompt() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port, code) = room(&alice);
    let mut member = asked(stranger(&bob, port, &[]));
    member.keys(&format!("{WRONG}{CTRL_U}{CTRL_Y}"));
    member.expect(&format!("{QUESTION} {WRONG}"));
    member.keys(&format!("{CTRL_U}{code}\r"));
    member.expect("bob>");
    member.keys(&format!("[{CTRL_Y}]"));
    member.expect("bob> []");
    // The editor at the prompt is another one, and as good.
    host.line("while you type");
    member.wait_for("a line above", |text| text.trim_end().ends_with("alice: while you type\nbob> []"));
    member.resize(24, 20);
    host.line("one two three four five");
    member.expect("alice: one two three\n  | four five\nbob> []");
    member.keys("\r");
    host.expect("bob: []");
    member.keys(UP);
    member.expect("bob> []");
    member.keys(&format!("{CTRL_U}quit\r"));
    assert_eq!(member.wait_clean(), Some(0));
    assert_eq!(fs::read_to_string(bob.history()).expect("a history"), "[]\nquit\n");
}

#[test]
fn a_stop_leaves_nothing_of_the_answer_above_the_shell() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port, code) = room(&alice);
    let mut shell = bob.command("bash");
    let program = env!("CARGO_BIN_EXE_pchat");
    let join = format!("'{program}' join 127.0.0.1:{port} --name bob");
    shell.args(["-c", &format!("set -m; {join}; echo stopped one; read; fg; echo stopped two; read; fg")]);
    let mut member = asked(shell);
    // It takes two rows, and the cursor goes back to the first one.
    let long = [WRONG; 6].join(" ");
    member.keys(&format!("{long}{}", "\x02".repeat(long.len() - 3)));
    member.wait_for_screen("the cursor behind the first word", |screen| {
        screen.contents().ends_with("lens") && screen.cursor_position().1 == 26
    });
    member.keys(CTRL_Z);
    member.expect("stopped one");
    let shown = member.text();
    assert!(!shown.contains(QUESTION) && !shown.contains("lens"), "{shown}");
    assert!(shown.contains("* "), "what stood above still does: {shown}");
    member.keys("\n");
    member.expect(&format!("{QUESTION} {WRONG}"));
    member.keys("\r");
    member.expect("error: ");
    asked_again(&member);
    member.line(&code);
    member.expect("bob>");
    // At the prompt, where nothing is secret, the line stays.
    member.keys("half a li");
    member.expect("bob> half a li");
    member.keys(CTRL_Z);
    member.expect("stopped two");
    assert!(member.text().contains("bob> half a li"));
    member.keys("\n");
    member.wait_for("the line again", |text| text.trim_end().ends_with("bob> half a li"));
    member.keys("ne\r");
    host.expect("bob: half a line");
    host.line("heard");
    member.expect("alice: heard");
    member.line("quit");
    assert_eq!(member.wait_clean(), Some(0));
}
