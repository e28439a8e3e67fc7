//! Not seeing somebody.

use std::{fs, time::Instant};

use super::{fingerprint, open_room};
use crate::support::{Home, PATIENCE, Pchat};

#[test]
fn ignoring_hides_somebody_on_ones_own_screen_alone_until_it_ends_and_over_restarts() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let (mut host, port) = open_room(&alice, &["--auto-accept", "all"]);
    let mut member = Pchat::join(&bob, "bob", port, &["--stay", "--auto-accept", "all"]);
    let mut other = Pchat::join(&carol, "carol", port, &["--auto-accept", "none"]);
    host.out.expect("* carol joined");
    host.say("ignore alice");
    host.err.expect("error: alice has your own key: you cannot ignore yourself");
    host.say("ignore it");
    other.out.expect("alice: ignore it");
    host.say("ignore bob");
    let who = format!("bob ({})", fingerprint(&bob));
    host.out.expect(&format!("{who} is ignored from now on: nothing of theirs shows here"));
    // Everything that bob may do, and something of carol after it.
    fs::write(bob.path().join("bait"), "bait").expect("a file");
    for line in ["hidden", "msg alice hidden", "sendfile bait", "nick hidden", "verify alice", "nick bob"] {
        member.say(line);
    }
    member.err.expect_start("error: alice does not answer");
    other.out.expect("bob: hidden");
    other.out.expect("* bob is now hidden");
    fs::write(alice.path().join("mine"), "mine").expect("a file");
    host.say("sendfile mine");
    member.out.expect_start("* saved ");
    other.say("seen");
    host.out.expect("carol: seen");
    // It is known all the same: a number is a number, and who has one's own file is told to whoever asks.
    let end = Instant::now() + PATIENCE;
    loop {
        host.say("transfers");
        let row = host.out.expect_where("who has it", |line| line.contains("to bob") || line.contains("to hidden"));
        host.out.expect_where("the bait", |line| line.contains("bait") && line.ends_with("its owner is ignored"));
        if row.ends_with("saved") {
            break;
        }
        assert!(Instant::now() < end, "{row}");
    }
    assert!(!alice.path().join("Downloads/pchat/bait").exists());
    let so_far = host.out.so_far();
    let from = so_far.iter().position(|line| line.starts_with(&who)).expect("it was said");
    let told = so_far[from..].iter().filter(|line| line.starts_with("* ") || line.ends_with("hidden"));
    assert!(told.eq(["* offer 2: mine (4 B) for everyone"].iter().copied()), "{so_far:?}");
    host.say("accept");
    host.out.expect("nothing and nobody waits for an answer");
    host.say("ignore");
    host.out.expect_start(&format!("bob  {}  since 2", fingerprint(&bob)));
    host.say("who");
    host.out.expect_where("the word", |line| line.contains(&fingerprint(&bob)) && line.ends_with("ignored"));
    host.say("unignore bob");
    host.out.expect(&format!("{who} is not ignored any more"));
    host.out.expect_where("the question", |line| line.contains(" offers bait (4 B): accept "));
    member.say("seen again");
    host.out.expect("bob: seen again");
    host.say("ignore bob");
    host.out.expect(&format!("{who} is ignored from now on: nothing of theirs shows here"));
    host.say("quit");
    assert_eq!(host.wait().code, Some(1), "it could not ignore itself");
    drop((member, other));

    // In the next room: not even that somebody comes and goes.
    let (mut host, port) = open_room(&alice, &[]);
    let mut member = Pchat::join(&bob, "robert", port, &[]);
    member.say("hidden");
    let mut other = Pchat::join(&carol, "carol", port, &["--stay"]);
    host.out.expect("* carol joined");
    member.say("quit");
    assert_eq!(member.wait().code, Some(0));
    other.out.expect("* robert left");
    other.say("seen");
    host.out.expect("carol: seen");
    assert!(!host.out.so_far().iter().any(|line| line.contains("robert") || line.contains("hidden")));
    // By the name that was known, of one who is not there.
    host.say("unignore bob");
    host.out.expect(&format!("{who} is not ignored any more"));
    let mut member = Pchat::join(&bob, "robert", port, &[]);
    host.out.expect("* robert joined");
    member.say("hello");
    host.out.expect("robert: hello");
}
