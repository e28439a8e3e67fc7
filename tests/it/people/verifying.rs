//! Comparing words.

use super::{fingerprint, make_unwritable, open_room, verify};
use crate::support::{Home, Pchat, Pty};

#[test]
fn two_people_have_the_same_words_and_both_have_the_key_verified_after_a_restart_too() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = open_room(&alice, &[]);
    let mut member = Pchat::join(&bob, "bob", port, &[]);
    for list in [&mut host, &mut member] {
        list.say("verify");
        list.out.expect("you have verified nobody yet");
    }
    verify(&mut host, ("bob", &mut member), "alice");
    for (list, name, home) in [(&mut host, "bob", &bob), (&mut member, "alice", &alice)] {
        list.say("verify");
        list.out.expect_start(&format!("{name}  {}  since 2", fingerprint(home)));
        list.say("who");
        list.out.expect_where("the word", |line| line.starts_with(name) && line.ends_with("verified"));
    }
    // Pipes keep names as they are.
    member.say("hello");
    host.out.expect("bob: hello");
    // The other way round, and again: it is said, and allowed.
    member.say("verify alice");
    member.out.expect_start("* alice is verified already, since 2");
    let words = member.out.expect_start("* the words for alice: ");
    assert_eq!(host.out.expect_start("* bob compares words with you: "), words);
    drop((member, host));

    let (mut host, port) = open_room(&alice, &[]);
    let _member = Pchat::join(&bob, "robert", port, &[]);
    host.out.expect("* robert joined");
    host.say("who");
    host.out.expect_where("the word", |line| line.starts_with("robert  ") && line.ends_with("verified"));
}

#[test]
fn two_members_verify_each_other_without_the_host_having_a_part_in_it() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let (mut host, port) = open_room(&alice, &[]);
    let mut member = Pchat::join(&bob, "bob", port, &[]);
    let mut other = Pchat::join(&carol, "carol", port, &[]);
    member.out.expect("* carol joined");
    verify(&mut member, ("carol", &mut other), "bob");
    host.say("who");
    for name in ["bob", "carol"] {
        host.out.expect_where(name, |line| line.starts_with(name) && !line.contains("verified"));
    }
    assert!(!host.out.so_far().iter().any(|line| line.contains("words")), "{:?}", host.out.so_far());
}

#[test]
fn a_verified_name_bears_a_mark_on_the_terminal_from_then_on_and_nothing_else_does() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let (mut host, port) = open_room(&alice, &[]);
    let mut member = Pty::join(&bob, "bob", port);
    let mut other = Pchat::join(&carol, "carol", port, &[]);
    member.expect("* carol joined");
    host.say("before");
    member.expect("\nalice: before");
    member.line("verify alice");
    member.expect("same? y/n");
    host.out.expect_start("* bob compares words with you: ");
    host.say("more");
    member.expect("\nalice: more");
    member.line("y");
    member.expect(" is verified");
    host.say("after");
    member.expect("\nalice✓: after");
    host.say("msg bob psst");
    member.expect("\n(alice✓, to you alone) psst");
    member.line("msg alice psst");
    member.expect("\n(to alice✓ alone) psst");
    host.out.expect("(bob) psst");
    other.say("alice✓: a lie");
    member.expect("\ncarol: alice✓: a lie");
    member.line("quit");
    assert_eq!(member.wait_clean(), Some(0));
    host.say("quit");
    assert_eq!(host.wait().code, Some(0));

    let (mut host, port) = open_room(&alice, &[]);
    let member = Pty::join(&bob, "bob", port);
    host.say("once more");
    member.expect("\nalice✓: once more");
}

#[test]
fn words_that_arrive_take_no_prompt_away_and_are_answered_in_the_line() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = Pty::host(&alice, "alice", &["--open"]);
    let mut member = Pchat::join(&bob, "bob", port, &[]);
    host.expect("* bob joined");
    host.keys("half a li");
    host.expect("alice> half a li");
    member.say("verify alice");
    let words = member.out.expect_start("* the words for alice: ");
    host.expect(&format!("* bob compares words with you: {words}"));
    host.wait_for("the line", |text| text.trim_end().ends_with("alice> half a li"));
    host.keys("\x15verify bob y\r");
    host.expect(" is verified");
    member.say("y");
    member.say("hello");
    host.expect("\nbob✓: hello");
}

#[test]
fn different_words_are_told_loudly_and_take_the_mark_away_and_what_is_no_answer_verifies_nobody() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = open_room(&alice, &[]);
    let mut member = Pchat::join(&bob, "bob", port, &[]);
    for answer in ["maybe", "y and no"] {
        host.say("verify bob");
        host.out.expect_start("* the words for bob: ");
        host.say(answer);
        host.err.expect_start("error: ");
    }
    host.say("verify");
    host.out.expect("you have verified nobody yet");
    // They can still be answered.
    host.say("verify bob y");
    host.out.expect_where("it is done", |line| line.starts_with("bob (") && line.ends_with(" is verified"));
    host.say("verify bob n");
    host.err.expect_start("error: nothing to answer: the words of bob were not shown");
    member.say("verify alice");
    host.out.expect_start("* bob compares words with you: ");
    host.say("verify bob n");
    host.err.expect_start(&format!(
        "error: the words differ: somebody may pose as bob ({}) to you and as you to them, ",
        fingerprint(&bob)
    ));
    host.say("verify");
    host.out.expect("you have verified nobody yet");
    member.say("n");
    member.err.expect_start("error: the words differ");
}

#[test]
fn an_answer_is_about_the_key_whose_words_were_shown_under_whatever_name_it_goes_now() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = open_room(&alice, &[]);
    let mut member = Pchat::join(&bob, "bob", port, &[]);
    member.say("verify alice");
    member.out.expect_start("* the words for alice: ");
    host.out.expect_start("* bob compares words with you: ");
    member.say("nick");
    member.err.expect_start("error: not verified; if the words were the same: verify alice y");
    member.say("nick robert");
    host.out.expect("* bob is now robert");
    host.say("/verify robert y");
    host.err.expect_start("error: nothing to answer");
    host.say("/verify bob y");
    host.out.expect(&format!("bob ({}) is verified", fingerprint(&bob)));
    host.say("who");
    host.out.expect_where("the word", |line| line.starts_with("robert") && line.ends_with("verified"));
}

#[test]
fn oneself_is_not_verified_and_what_cannot_be_saved_is_not_believed() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = open_room(&alice, &[]);
    let mut member = Pchat::join(&bob, "bob", port, &[]);
    let _second = Pchat::join(&alice, "laptop", port, &[]);
    host.out.expect("* laptop joined");
    for name in ["alice", "laptop"] {
        host.say(&format!("verify {name}"));
        host.err.expect(&format!("error: {name} has your own key: there is nothing to verify"));
    }
    make_unwritable(&alice);
    host.say("verify bob");
    host.out.expect_start("* the words for bob: ");
    host.say("y");
    host.err.expect_start("error: could not open ");
    host.say("who");
    host.out.expect_where("bob", |line| line.starts_with("bob ") && !line.contains("verified"));
    member.say("verify alice");
    member.out.expect_start("* the words for alice: ");
}

#[test]
fn whoever_does_not_answer_is_told_of_in_time() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = open_room(&alice, &[]);
    let mut member = Pchat::join(&bob, "bob", port, &[]);
    member.say("ignore alice");
    member.out.expect_start("alice (");
    host.say("verify bob");
    host.err.expect("error: bob does not answer: cut off, or with a pchat that lacks this, or they ignore you");
    member.say("verify alice");
    member.err.expect("error: you ignore alice, so that no answer would reach you");
}
