//! A17: where a code never shows.

use std::{fs, path::PathBuf};

use super::{OTHER, WRONG};
use crate::support::{Home, Pchat, Pty};

/// All ways in which somebody might write it down.
fn forms(code: &str) -> Vec<String> {
    let words: Vec<_> = code.split('-').collect();
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let joined = words.concat();
    let bytes = |text: &str| format!("{:?}", text.as_bytes());
    vec![
        code.to_owned(),
        words.join(" "),
        joined.clone(),
        hex(&joined),
        hex(code),
        bytes(&joined).trim_matches(['[', ']']).to_owned(),
        bytes(code).trim_matches(['[', ']']).to_owned(),
    ]
}

#[track_caller]
fn nowhere(code: &str, text: &str, place: &str) {
    let small = text.to_lowercase();
    for form in forms(code) {
        assert!(!small.contains(&form), "{form} is in {place}");
    }
}

/// Every file under a home, in one text.
fn files(home: &Home) -> String {
    fn visit(folder: PathBuf, all: &mut String) {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                visit(entry, all);
            } else if let Ok(bytes) = fs::read(&entry) {
                all.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
    }
    let mut all = String::new();
    visit(home.path().to_owned(), &mut all);
    all
}

#[test]
fn case_81_no_code_is_in_a_log_a_file_or_a_command_line_of_either_end() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut command = alice.pchat();
    command.args(["host", "--port", "0", "--bind", "127.0.0.1", "--name", "alice", "--log", "log"]);
    command.env("RUST_LOG", "trace");
    let mut host = Pchat::spawn("host", command);
    let (port, code) = (host.port(), host.code());
    let knock = |code: &str| {
        let mut command = bob.pchat();
        command.args(["join", &format!("127.0.0.1:{port}"), "--name", "bob", "--stay", "--log", "log"]);
        command.env("RUST_LOG", "trace").env("PCHAT_CODE", code);
        Pchat::spawn("bob", command)
    };
    let ended = knock(OTHER).end();
    assert_eq!(ended.code, Some(1));
    let mut member = knock(&code);
    member.out.expect_start("* you are bob");
    for process in [&host.process, &member.process] {
        let line = process.command_line();
        assert!(line.contains("pchat"), "{line}");
        for code in [&code[..], OTHER] {
            nowhere(code, &line, "a command line");
        }
    }
    // What the host types about it, rightly and wrongly, is nobody's either.
    host.say("code new");
    let new = host.out.expect_start("the code is ");
    let new = new.split(':').next().expect("a code").to_owned();
    host.say(&format!("code {new}"));
    host.err.expect_start("error: nothing was said: ");
    host.say(&format!("/code {new}"));
    host.err.expect_start("error: ");
    host.say("after");
    member.out.expect("alice: after");
    member.say("quit");
    let ended = member.wait();
    host.say("quit");
    let host = host.wait();
    for code in [&code[..], OTHER, &new] {
        nowhere(code, &files(&alice), "a file of the host's");
        nowhere(code, &files(&bob), "a file of the joiner's");
        nowhere(code, &(ended.out.clone() + &ended.err), "what the joiner read");
        nowhere(code, &host.err, "the host's errors");
    }
    // There is a log at both ends.
    for home in [&alice, &bob] {
        let log = fs::read_to_string(home.path().join("log")).expect("a log");
        assert!(log.contains("connected"), "{log}");
    }
    nowhere(OTHER, &host.out, "what the host read");
}

#[test]
fn case_81_a_typed_code_is_neither_in_the_scrollback_nor_in_a_history() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let code = host.code();
    let mut command = bob.pchat();
    command.args(["join", &format!("127.0.0.1:{port}"), "--name", "bob", "--log", "log"]).env("RUST_LOG", "trace");
    let mut member = Pty::spawn(command);
    member.expect("code (Enter to knock):");
    member.line(OTHER);
    member.expect(&format!("error: {WRONG}"));
    member.expect("code (Enter to knock):");
    member.line(&code);
    member.expect("* you are bob in the room of alice");
    member.wait_for("its prompt", |text| text.contains("\nbob>"));
    let line = member.process.command_line();
    for code in [&code[..], OTHER] {
        nowhere(code, &member.scrollback(), "the scrollback");
        nowhere(code, &line, "a command line");
    }
    // What the host typed wrongly is held back.
    host.line(&format!("code {code}"));
    host.expect("error: nothing was said: code takes no such words");
    host.line("after");
    member.expect("alice: after");
    // The history goes back no further than the first line in the room.
    member.keys("\x1b[A\x1b[A");
    member.wait_for("an empty prompt", |text| text.trim_end().ends_with("\nbob>"));
    member.line("hello");
    host.expect("bob: hello");
    for person in [&mut member, &mut host] {
        person.line("quit");
        assert_eq!(person.wait_clean(), Some(0));
    }
    assert_eq!(fs::read_to_string(bob.history()).expect("a history"), "hello\nquit\n");
    assert_eq!(fs::read_to_string(alice.history()).expect("a history"), "after\nquit\n");
    for code in [&code[..], OTHER] {
        nowhere(code, &files(&bob), "a file of the joiner's");
        nowhere(code, &files(&alice), "a file of the host's");
    }
}
