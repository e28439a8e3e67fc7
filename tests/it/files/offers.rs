//! How long an offer is up, and what becomes of it when people and links come and go.

use super::{ALL, MIB, expect_saved, join_through, names, noise, open_room, put};
use crate::support::{Home, Pchat, Signal};

#[test]
fn who_comes_later_sees_what_is_up_and_can_have_it() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    let bytes = noise(1, 5_000);
    put(&bob, "a.bin", &bytes);
    put(&bob, "b.bin", &bytes);
    member.say("sendfile a.bin");
    member.out.expect("* alice saved a.bin");
    member.say("sendfile b.bin");
    member.out.expect("* alice saved b.bin");
    member.say("withdraw 1");
    member.out.expect("* offer 1 (a.bin) is taken back");
    let mut later = Pchat::join(&carol, "carol", port, &[]);
    later.out.expect("* bob offers b.bin (4.9 KiB): accept 2 / decline 2");
    later.say("accept");
    expect_saved(&later.out, &carol, "b.bin", &bytes);
    member.out.expect("* carol saved b.bin");
    assert!(!later.out.so_far().iter().any(|line| line.contains("a.bin")));
    drop(host);
}

#[test]
fn case_92_what_is_taken_back_is_told_and_cannot_be_accepted() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let mut member = Pchat::join(&bob, "bob", host.port(), &[]);
    put(&bob, "a.bin", noise(1, 5_000));
    member.say("sendfile a.bin");
    host.out.expect("* bob offers a.bin (4.9 KiB): accept 1 / decline 1");
    // Before its number is known there, the line would be text.
    member.out.expect("* offer 1: a.bin (4.9 KiB) for everyone");
    member.say("withdraw 1");
    member.out.expect("* offer 1 (a.bin) is taken back");
    host.out.expect("* offer 1 (a.bin (4.9 KiB) of bob) is not up any more");
    host.say("/accept 1");
    host.err.expect("error: no offer has the number 1");
    // Its number is not used again.
    member.say("sendfile a.bin");
    member.out.expect("* offer 2: a.bin (4.9 KiB) for everyone");
    host.out.expect("* bob offers a.bin (4.9 KiB): accept 2 / decline 2");
    host.say("accept 2");
    host.out.expect_start("* saved ");
    // Whoever has it keeps it.
    member.say("withdraw 2");
    member.out.expect("* offer 2 (a.bin) is taken back");
    assert_eq!(names(&alice), ["a.bin"]);
}

#[test]
fn taking_back_cuts_off_those_who_are_receiving() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    put(&bob, "a.bin", noise(1, MIB));
    member.say("limit 100K");
    member.say("sendfile a.bin");
    super::partial(&alice, 1);
    member.say("withdraw 1");
    member.out.expect("* offer 1 (a.bin) is taken back");
    host.out.expect("* a.bin of bob is not offered any more; what came is kept for another time");
    assert_eq!(names(&alice).len(), 1);
}

#[test]
fn leaving_takes_offers_down() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let mut member = Pchat::join(&bob, "bob", host.port(), &[]);
    put(&bob, "a.bin", noise(1, 5_000));
    member.say("sendfile a.bin");
    host.out.expect("* bob offers a.bin (4.9 KiB): accept 1 / decline 1");
    member.say("quit");
    host.out.expect("* offer 1 (a.bin (4.9 KiB) of bob) is not up any more");
    assert_eq!(member.wait().code, Some(0));
    host.say("/accept 1");
    host.err.expect("error: no offer has the number 1");
}

#[test]
fn a_broken_link_takes_nothing_down_and_the_transfer_goes_on() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = open_room(&alice);
    let (mut member, proxy) = join_through(&bob, "bob", port, ALL);
    let bytes = noise(1, 3 * MIB);
    put(&bob, "a.bin", &bytes);
    member.say("limit 1M");
    member.say("sendfile a.bin");
    super::partial(&alice, MIB);
    proxy.cut();
    member.out.expect("* connected again");
    member.say("limit off");
    expect_saved(&host.out, &alice, "a.bin", &bytes);
    member.out.expect("* alice saved a.bin");
    host.say("transfers");
    host.out.expect_start("1  a.bin (3.0 MiB)  from bob  saved ");
    assert!(!host.out.so_far().iter().any(|line| line.contains("not up any more")));
}

/// Ends a host at once and opens its room again at the same port.
fn restart(host: Pchat, alice: &Home, port: u16) -> Pchat {
    host.signal(Signal::KILL);
    assert_eq!(host.wait().code, None);
    let again = Pchat::run(
        alice,
        &[
            "host",
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--name",
            "alice",
            "--open",
            "--auto-accept",
            "all",
        ],
    );
    again.out.expect_start("* room open on port ");
    again
}

#[test]
fn after_a_restart_of_the_host_offers_come_back_with_their_members() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    let mut other = Pchat::join(&carol, "carol", port, &[]);
    let bytes = noise(1, 5_000);
    put(&bob, "a.bin", &bytes);
    member.say("sendfile a.bin");
    other.out.expect("* bob offers a.bin (4.9 KiB): accept 1 / decline 1");
    member.out.expect("* alice saved a.bin");
    let host = restart(host, &alice, port);
    member.out.expect("* connected again; the room was restarted");
    other.out.expect("* connected again; the room was restarted");
    host.out.expect_start("* bob offers a.bin ");
    host.out.expect_start("* a.bin from bob is there already: ");
    // What carol hears after the offer tells that she has it again.
    member.say("here it is");
    other.out.expect("bob: here it is");
    other.say("accept");
    expect_saved(&other.out, &carol, "a.bin", &bytes);
    member.out.expect("* carol saved a.bin");
}

#[test]
fn a_transfer_between_two_joiners_survives_a_restart_of_the_host() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open", "--auto-accept", "none"]);
    let port = host.port();
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    let other = Pchat::join(&carol, "carol", port, ALL);
    let bytes = noise(1, 3 * MIB);
    put(&bob, "a.bin", &bytes);
    member.say("limit 1M");
    member.say("sendfile a.bin");
    super::partial(&carol, MIB);
    let host = restart(host, &alice, port);
    member.out.expect("* connected again; the room was restarted");
    member.say("limit off");
    expect_saved(&other.out, &carol, "a.bin", &bytes);
    member.out.expect("* carol saved a.bin");
    drop(host);
}
