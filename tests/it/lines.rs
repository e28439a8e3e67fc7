//! `--plain` at a terminal: lines alone, nothing drawn.

use rustix::process::Signal;

use crate::support::{Home, Pchat, Pty};

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const QUESTION: &str = "* code (Enter to knock):";

/// A room whose user wants lines, and its port.
fn host(home: &Home, more: &[&str]) -> (Pty, u16) {
    let mut args = vec!["host", "--port", "0", "--bind", "127.0.0.1", "--name", "alice", "--plain"];
    args.extend(more);
    let host = Pty::run(home, &args);
    host.expect("* you are alice; nobody else is here");
    let text = host.text();
    let port = text.split_once("* room open on port ").and_then(|(_, rest)| rest.lines().next());
    let port = port.and_then(|port| port.trim().parse().ok()).expect("it tells its port");
    (host, port)
}

/// Nothing steered the terminal.
fn unsteered(pty: &Pty) {
    let raw = pty.raw();
    // What the terminal itself echoes of Ctrl-C and Ctrl-D is no byte of ours.
    let ours = raw.replace("^C", "").replace("^D\u{8}\u{8}", "");
    assert!(!ours.contains(|c: char| c.is_control() && !matches!(c, '\r' | '\n')), "{raw:?}");
}

#[test]
fn a_person_who_wants_lines_talks_without_anything_being_drawn() {
    let alice = Home::new();
    let (mut host, port) = host(&alice, &[]);
    let mut member = Pchat::join(&alice, "bob", port, &[]);
    host.expect("* bob joined");
    host.line("hello bob");
    member.out.expect("alice: hello bob");
    member.say("hi");
    host.expect("bob: hi");
    host.line("nick ann");
    host.expect("* you are now ann");
    host.line("/nosuch");
    host.expect("error: ");
    let text = host.text();
    assert_eq!(text.matches("hello bob").count(), 1, "as the terminal echoed it, and not again:\n{text}");
    assert!(!text.contains("alice>") && !text.contains("ann>"), "{text}");
    host.keys(CTRL_D);
    assert_eq!(host.wait_clean(), Some(0));
    unsteered(&host);
    member.out.expect_start("* ");
}

#[test]
fn a_host_who_wants_lines_can_be_asked_and_leaves_by_ctrl_c() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = host(&alice, &[]);
    let member = Pchat::knock(&bob, "bob", port, &[]);
    host.wait_for("the knock", |text| text.contains("bob") && text.contains("accept bob"));
    host.line("accept bob");
    member.out.expect_start("* you are bob ");
    host.keys(CTRL_C);
    assert_eq!(host.wait_clean(), Some(0));
    unsteered(&host);
}

#[test]
fn the_code_is_typed_unseen_and_lets_in() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = host(&alice, &[]);
    let code = host.code();
    let mut member = Pty::run(&bob, &["join", &format!("127.0.0.1:{port}"), "--name", "bob", "--plain"]);
    member.expect(QUESTION);
    member.line("not three words");
    // Between two questions the terminal echoes.
    member.wait_for("the question again", |text| text.contains("error: ") && text.matches(QUESTION).count() == 2);
    member.line(&code);
    member.expect("* you are bob in the room of alice");
    assert!(!member.raw().contains(&code) && !member.raw().contains("not three words"), "{}", member.raw());
    member.line("here I am");
    member.expect("here I am");
    host.expect("bob: here I am");
    member.line("quit");
    assert_eq!(member.wait_clean(), Some(0));
    unsteered(&member);
}

#[test]
fn leaving_at_the_question_for_the_code_lets_the_terminal_echo_again() {
    let (alice, bob) = (Home::new(), Home::new());
    let (_host, port) = host(&alice, &[]);
    for leave in [CTRL_C, CTRL_D] {
        let mut member = Pty::run(&bob, &["join", &format!("127.0.0.1:{port}"), "--name", "bob", "--plain"]);
        member.expect(QUESTION);
        member.keys(leave);
        member.wait_clean();
    }
    let mut member = Pty::run(&bob, &["join", &format!("127.0.0.1:{port}"), "--name", "bob", "--plain"]);
    member.expect(QUESTION);
    member.signal(Signal::TERM);
    member.wait_clean();
    unsteered(&member);
}

#[test]
fn a_command_that_asks_is_answered_in_the_next_line() {
    let alice = Home::new();
    let (mut host, port) = host(&alice, &[]);
    let member = Pchat::join(&alice, "bob", port, &["--stay"]);
    host.expect("* bob joined");
    std::fs::write(alice.path().join("a note.txt"), "hello").expect("a file");
    host.line("sendfile");
    host.wait_for("a question", |text| text.trim_end().lines().next_back().is_some_and(|row| row.starts_with("* ")));
    host.line("a note.txt");
    host.expect("offer 1: a note.txt");
    member.out.expect_start("* alice offers a note.txt");
    host.line("quit");
}
