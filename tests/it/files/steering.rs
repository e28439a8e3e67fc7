//! Pausing, going on, ending and slowing down, from both sides.

use super::{ALL, MIB, expect_saved, names, noise, open_room, partial, put};
use crate::support::{Home, Pchat, Pty};

/// A room in which bob sends the host a file slowly, and it has begun.
fn slowly(alice: &Home, bob: &Home, len: u64) -> (Pchat, Pchat) {
    let (host, port) = open_room(alice);
    let mut member = Pchat::join(bob, "bob", port, ALL);
    put(bob, "a.bin", noise(1, len));
    member.say("limit 1K");
    member.out.expect("limit of all transfers together: 1.0 KiB/s");
    member.say("sendfile a.bin");
    member.out.expect("* alice receives a.bin");
    partial(alice, 1);
    (host, member)
}

#[test]
fn a_limit_holds_until_it_is_changed_and_can_be_looked_at() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, mut member) = slowly(&alice, &bob, MIB);
    host.say("transfers");
    let row = host.out.expect_start("1  a.bin (1.0 MiB)  from bob  ");
    assert!(row.contains("% ") && row.contains(" of 1.0 MiB"), "{row}");
    member.say("transfers");
    member.out.expect("1  a.bin (1.0 MiB)  for everyone  up");
    let row = member.out.expect_where("a receiver", |line| line.trim_start().starts_with("to alice  "));
    assert!(row.contains(" of 1.0 MiB"), "{row}");
    member.say("limit");
    member.out.expect("limit of all transfers together: 1.0 KiB/s");
    member.say("limit 1");
    member.out.expect("limit of a.bin: off");
    member.say("limit off");
    member.out.expect("limit of all transfers together: off");
    expect_saved(&host.out, &alice, "a.bin", &noise(1, MIB));
    member.say("limit 1 10 of them");
    host.out.expect("bob: limit 1 10 of them");
}

#[test]
fn a_limit_of_one_offer_leaves_the_others_alone() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let mut member = Pchat::join(&bob, "bob", host.port(), &[]);
    put(&bob, "slow.bin", noise(1, 100_000));
    put(&bob, "fast.bin", noise(2, 100_000));
    member.say("sendfile slow.bin fast.bin");
    host.out.expect_start("* bob offers fast.bin ");
    member.out.expect_start("* offer 2: fast.bin ");
    member.say("limit 1 1K");
    member.out.expect("limit of slow.bin: 1.0 KiB/s");
    host.say("accept 1");
    host.say("accept 2");
    expect_saved(&host.out, &alice, "fast.bin", &noise(2, 100_000));
    host.say("transfers");
    host.out.expect_where("it goes on", |line| line.starts_with("1  slow.bin") && line.contains(" of 97.7 KiB"));
    member.say("limit 1 off");
    expect_saved(&host.out, &alice, "slow.bin", &noise(1, 100_000));
}

#[test]
fn a_receiver_can_limit_too() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    put(&bob, "a.bin", noise(1, 12 * MIB));
    host.say("limit 4K");
    host.out.expect("limit of all transfers together: 4.0 KiB/s");
    member.say("sendfile a.bin");
    host.out.expect_start("* bob offers a.bin ");
    partial(&alice, 1);
    host.say("transfers");
    host.out.expect_where("it goes on", |line| line.starts_with("1  a.bin") && line.contains(" of 12.0 MiB"));
    host.say("limit off");
    expect_saved(&host.out, &alice, "a.bin", &noise(1, 12 * MIB));
}

#[test]
fn the_receiver_pauses_and_goes_on() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, mut member) = slowly(&alice, &bob, 100_000);
    host.say("pause 1");
    host.out.expect("* a.bin is paused; resume 1 goes on");
    member.out.expect("* alice paused a.bin");
    host.say("transfers");
    host.out.expect("1  a.bin (97.7 KiB)  from bob  paused");
    member.say("transfers");
    member.out.expect_where("it is told", |line| line.split_whitespace().eq(["to", "alice", "paused"]));
    host.say("pause 1");
    host.err.expect("error: a.bin is not being received");
    assert_eq!(names(&alice).len(), 1, "what came is kept");
    member.say("limit off");
    host.say("resume 1");
    expect_saved(&host.out, &alice, "a.bin", &noise(1, 100_000));
    member.out.expect("* alice saved a.bin");
    host.say("resume 1");
    host.err.expect("error: a.bin is not paused");
}

#[test]
fn the_sender_pauses_for_everyone_and_goes_on() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, mut member) = slowly(&alice, &bob, 100_000);
    member.say("pause 1");
    member.out.expect("* a.bin is paused for everyone; resume 1 goes on");
    host.out.expect("* bob has paused a.bin");
    host.say("transfers");
    host.out.expect("1  a.bin (97.7 KiB)  from bob  paused by its owner");
    member.say("transfers");
    member.out.expect("1  a.bin (97.7 KiB)  for everyone  paused");
    member.say("pause 1");
    member.err.expect("error: offer 1 is paused already");
    // To try is allowed.
    host.say("resume 1");
    host.out.expect("* bob has paused a.bin");
    member.say("limit off");
    member.say("resume 1");
    member.out.expect("* a.bin goes on");
    expect_saved(&host.out, &alice, "a.bin", &noise(1, 100_000));
    member.say("resume 1");
    member.err.expect("error: offer 1 is not paused");
}

#[test]
fn case_107_the_receiver_cancels_and_what_came_is_gone() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, mut member) = slowly(&alice, &bob, 100_000);
    host.say("cancel 1");
    host.out.expect("* a.bin is cancelled");
    member.out.expect("* alice cancelled a.bin");
    assert_eq!(names(&alice), [""; 0]);
    host.say("cancel 1");
    host.err.expect("error: a.bin is not being received");
    // It can be had all the same.
    member.say("limit off");
    host.say("accept 1");
    expect_saved(&host.out, &alice, "a.bin", &noise(1, 100_000));
}

#[test]
fn the_sender_cancels_for_one_or_for_all_and_the_offer_stays_up() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let (mut host, mut member) = slowly(&alice, &bob, 100_000);
    let other = Pchat::join(&carol, "carol", host.port(), ALL);
    member.out.expect("* carol receives a.bin");
    host.say("/cancel 1 carol");
    host.err.expect("error: only the one who offers 1 can cancel it for somebody");
    member.say("cancel 1 carol");
    other.out.expect("* bob has cancelled a.bin");
    member.out.expect("* a.bin is cancelled for carol");
    member.say("transfers");
    member
        .out
        .expect_where("alice still gets it", |line| line.trim_start().starts_with("to alice") && line.contains("%"));
    member.say("cancel 1");
    host.out.expect("* bob has cancelled a.bin");
    member.out.expect("* a.bin is cancelled for alice");
    member.say("cancel 1");
    member.err.expect("error: nobody is receiving a.bin; withdraw 1 takes it back");
    member.say("limit off");
    host.say("accept 1");
    expect_saved(&host.out, &alice, "a.bin", &noise(1, 100_000));
}

#[test]
fn more_than_four_at_once_wait_for_the_others() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    for i in 0..6 {
        put(&bob, &format!("{i}.bin"), noise(i, 100_000));
    }
    member.say("limit 1K");
    member.say("sendfile 0.bin 1.bin 2.bin 3.bin 4.bin 5.bin");
    member.out.collect(4, |line| line.starts_with("* alice receives "));
    host.out.collect(6, |line| line.ends_with(", which is being received"));
    host.say("transfers");
    host.out.collect(2, |line| line.ends_with("  waits for the others"));
    member.say("limit off");
    host.out.collect(6, |line| line.starts_with("* saved "));
    for i in 0..6 {
        super::expect_content(&super::downloads(&alice).join(format!("{i}.bin")), &noise(i, 100_000));
    }
}

#[test]
fn at_a_terminal_rows_above_the_prompt_tell_how_far_it_is() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = open_room(&alice);
    let mut member = Pty::join(&bob, "bob", port);
    put(&alice, "a.bin", noise(1, 100_000));
    host.say("limit 1K");
    host.say("sendfile a.bin");
    member.expect("* alice offers a.bin (97.7 KiB): accept 1 / decline 1");
    member.line("accept");
    member.wait_for("a row above the prompt", |text| {
        let Some(row) = text.lines().rev().nth(1) else { return false };
        row.starts_with("a.bin  ") && row.contains(" 97.7 KiB ") && row.ends_with(" from alice")
    });
    let row = |what: &str, fits: fn(&str) -> bool| {
        member.wait_for(what, |text| {
            text.lines().rev().nth(1).is_some_and(|row| row.starts_with("a.bin  ") && fits(row))
        });
    };
    host.say("pause 1");
    host.out.expect_start("* a.bin is paused for everyone");
    row("it is paused", |row| row.ends_with(" paused by its owner from alice"));
    host.say("resume 1");
    row("it goes on", |row| !row.contains("paused") && row.ends_with(" from alice"));
    member.keys("half a li");
    member.expect("bob> half a li");
    host.say("limit off");
    member.expect("* saved ");
    member.wait_for("no row", |text| !text.contains(" from alice\n") && text.trim_end().ends_with("bob> half a li"));
    host.out.expect("* bob saved a.bin");
}
