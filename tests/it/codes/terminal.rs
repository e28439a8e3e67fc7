//! People at terminals, who are asked for the code.

use super::{OTHER, WRONG};
use crate::support::{Home, Pty};

const QUESTION: &str = "code (Enter to knock):";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

/// Somebody at a terminal whom the room does not know, at the question.
fn stranger(home: &Home, name: &str, port: u16) -> Pty {
    let stranger = Pty::run(home, &["join", &format!("127.0.0.1:{port}"), "--name", name]);
    asked(&stranger);
    stranger
}

/// Waits for the question, with nothing behind it.
fn asked(stranger: &Pty) {
    stranger.wait_for("the question", |text| text.trim_end().ends_with(&format!("\n{QUESTION}")));
}

/// Waits until these words stand behind the question, with whatever spaces between them.
fn typed(member: &Pty, words: &[&str]) {
    let line = format!("{QUESTION} {}", words.join(" "));
    member.wait_for(&line, |text| {
        let last = text.trim_end().lines().next_back().unwrap_or_default();
        last.split_whitespace().eq(line.split_whitespace())
    });
}

#[test]
fn the_right_code_lets_in_and_from_then_on_nobody_is_asked() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let code = host.code();
    let mut member = stranger(&bob, "bob", port);
    member.line(&code.to_uppercase().replace('-', " "));
    member.expect("* the code is right, and the room has proved that it knows it, too");
    member.expect("* you are bob in the room of alice; one other is here");
    host.expect("came in with the code");
    member.line("hello");
    host.expect("bob: hello");
    member.line("quit");
    assert_eq!(member.wait_clean(), Some(0));
    let mut again = Pty::join(&bob, "bob", port);
    assert!(!again.raw().contains(QUESTION));
    again.line("back again");
    host.expect("bob: back again");
    host.line("code");
    host.expect(&format!("the code is {code}: whoever knows it gets in"));
}

#[test]
fn tab_completes_the_words_of_a_code() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = Pty::host(&alice, "alice", &[]);
    let code = host.code();
    let words: Vec<_> = code.split('-').collect();
    let mut member = stranger(&bob, "bob", port);
    for (at, word) in words.iter().enumerate() {
        // No two words of the list begin with the same four letters.
        let beginning = &word[..word.len().min(4)];
        member.keys(beginning);
        typed(&member, &[&words[..at], &[beginning]].concat());
        member.keys("\t");
        typed(&member, &words[..=at]);
        // Where one word begins others, it is the first one that is offered, without a space.
        member.keys(" ");
    }
    member.keys("\r");
    member.expect("* you are bob in the room of alice");
}

#[test]
fn a_slip_and_a_wrong_code_are_told_and_asked_again() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = Pty::host(&alice, "alice", &[]);
    let mut member = stranger(&bob, "bob", port);
    member.line("zoo abandn lens");
    member.expect("error: word 2 is no word that a code is made of");
    asked(&member);
    member.line(OTHER);
    member.expect(&format!("error: {WRONG}"));
    asked(&member);
    member.line(&host.code());
    member.expect("* you are bob in the room of alice");
}

#[test]
fn enter_knocks_also_after_a_wrong_code() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let mut member = stranger(&bob, "bob", port);
    member.line(OTHER);
    member.expect(&format!("error: {WRONG}"));
    asked(&member);
    member.keys("\r");
    member.expect("* you wait at the door as bob: the host is being asked");
    host.expect("wants to join: accept bob");
    host.line("accept");
    member.expect("* you are bob in the room of alice");
    member.line("thank you");
    host.expect("bob: thank you");
}

#[test]
fn ctrl_c_and_ctrl_d_leave_at_the_question() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    for key in [CTRL_C, CTRL_D] {
        let mut member = stranger(&bob, "bob", port);
        member.keys(key);
        assert_eq!(member.wait_clean(), Some(0));
    }
    // In the middle of a word, too.
    let mut member = stranger(&bob, "bob", port);
    member.keys("zoo");
    member.expect(&format!("{QUESTION} zoo"));
    member.keys(CTRL_C);
    assert_eq!(member.wait_clean(), Some(0));
    host.line("who");
    host.expect("1 in the room");
    assert!(!host.text().contains("bob"));
}

#[test]
fn case_27_a_guesser_at_a_terminal_reads_how_long_to_wait_and_may_knock() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = Pty::host(&alice, "alice", &[]);
    let mut member = stranger(&bob, "bob", port);
    for wrong in ["zoo zoo zoo", "lens lens lens", OTHER] {
        member.line(wrong);
        member.wait_for("another question", |text| {
            let told = text.matches(WRONG).count();
            told == ["zoo zoo zoo", "lens lens lens", OTHER].iter().position(|other| *other == wrong).unwrap() + 1
        });
        asked(&member);
    }
    host.expect("* wrong codes come from 127.0.0.1 (3 so far)");
    member.line(&host.code());
    member.expect("error: too many wrong codes came from your address; the next one is");
    asked(&member);
    member.keys("\r");
    host.expect("wants to join: accept bob");
}
