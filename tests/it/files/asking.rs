//! `sendfile` without a path, which asks for one.

use super::{ALL, expect_saved, noise, open_room, put};
use crate::support::{Home, Pchat, Pty};

const CTRL_C: &str = "\x03";

#[test]
fn through_a_pipe_the_next_line_is_the_answer() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    let bytes = noise(1, 5_000);
    put(&bob, "My Report.pdf", &bytes);
    member.say("sendfile");
    member.say("My Report.pdf");
    expect_saved(&host.out, &alice, "My Report.pdf", &bytes);
    member.say("My Report.pdf");
    host.out.expect("bob: My Report.pdf");
}

#[test]
fn at_a_terminal_it_asks_and_tab_completes_names_with_spaces() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pty::join(&bob, "bob", port);
    let bytes = noise(1, 5_000);
    put(&bob, "My Report.pdf", &bytes);
    put(&bob, "folder/inner one.bin", &bytes);
    member.line("sendfile");
    member.wait_for("the question", |text| text.trim_end().ends_with("\nfile:"));
    member.keys("My\t");
    member.expect("Report.pdf");
    member.keys("\r");
    expect_saved(&host.out, &alice, "My Report.pdf", &bytes);
    member.expect("* alice saved My Report.pdf");
    member.wait_for("the prompt", |text| text.trim_end().ends_with("\nbob>"));
    // As an argument it completes just so.
    member.keys("sendfile fol\t");
    member.expect("bob> sendfile folder/");
    member.keys("inn\t");
    member.expect("one.bin");
    member.keys("\r");
    expect_saved(&host.out, &alice, "inner one.bin", &bytes);
}

#[test]
fn an_empty_answer_and_ctrl_c_end_the_question() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pty::join(&bob, "bob", port);
    put(&bob, "photo.jpg", noise(1, 5_000));
    // For the nth time: the questions before it stay on the screen.
    let asked = |member: &Pty, n: usize| {
        member.wait_for("the question", |text| {
            text.trim_end().ends_with("\nfile:") && text.matches("bob> sendfile").count() == n
        });
    };
    let prompt = |member: &Pty| member.wait_for("the prompt", |text| text.trim_end().ends_with("\nbob>"));
    member.line("sendfile");
    asked(&member, 1);
    member.keys("\r");
    prompt(&member);
    member.line("photo.jpg");
    host.out.expect("bob: photo.jpg");
    for (n, typed) in [(2, ""), (3, "pho")] {
        member.line("sendfile");
        asked(&member, n);
        member.keys(typed);
        member.keys(CTRL_C);
        prompt(&member);
        member.line("and on");
        member.wait_for("what was said", |text| text.contains("bob: and on"));
        host.out.expect("bob: and on");
    }
    member.line("quit");
    assert_eq!(member.wait_clean(), Some(0));
}
