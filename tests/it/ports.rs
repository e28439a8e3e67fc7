//! A room that moves to another port.

use crate::support::{Home, Pchat, Proxy};

/// Moves the room, and gives the new port.
fn moved(host: &mut Pchat) -> u16 {
    host.say("port 0");
    host.out.expect_start("the room is now on port ").parse().expect("a port")
}

#[test]
fn members_stay_in_a_room_that_moves_and_dial_its_new_port_later() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let old = host.port();
    let proxy = Proxy::to(old);
    let mut member = Pchat::join(&bob, "bob", proxy.port, &[]);
    let new = moved(&mut host);
    member.out.expect(&format!("* the room moved to port {new}"));
    host.out.expect(&format!("  pchat join 127.0.0.1:{new}"));
    member.say("still here");
    host.out.expect("bob: still here");
    let through = proxy.accepted();
    proxy.close(true);
    proxy.cut();
    member.out.expect("* connected again");
    assert_eq!(proxy.accepted(), through, "it dialled the new port");
    member.say("and again");
    host.out.expect("bob: and again");
    host.say("welcome back");
    member.out.expect("alice: welcome back");
}

#[test]
fn one_who_was_away_is_led_from_the_old_port_to_the_new_one() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let old = host.port();
    drop(Pchat::join(&bob, "bob", old, &[]).end());
    let new = moved(&mut host);
    let mut member = Pchat::join(&bob, "bob", old, &[]);
    member.say("found you");
    host.out.expect("bob: found you");
    let ended = member.end();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    // The key is remembered for the new port, too.
    let member = Pchat::join(&bob, "bob", new, &[]);
    assert!(!member.out.so_far().iter().any(|line| line.contains("remembered")), "{:?}", member.out.so_far());
}

#[test]
fn a_stranger_at_the_old_port_is_not_led_on() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &[]);
    let old = host.port();
    let new = moved(&mut host).to_string();
    let ended = Pchat::knock(&bob, "bob", old, &[]).end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(!ended.out.contains(&new) && !ended.err.contains(&new), "{ended:?}");
}

#[test]
fn case_9_a_room_does_not_move_to_a_taken_port() {
    let alice = Home::new();
    let mut host = Pchat::host(&alice, "alice", &[]);
    let port = host.port();
    let mut member = Pchat::join(&alice, "bob", port, &[]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let other = taken.local_addr().expect("it has one").port();
    host.say(&format!("port {other}"));
    let error = host.err.expect_start(&format!("error: port {other} is taken"));
    assert!(!error.contains("--port"), "{error}");
    host.say(&format!("port {port}"));
    host.err.expect("error: the room is at that port already");
    member.say("still here");
    host.out.expect("bob: still here");
}

#[test]
fn a_room_that_moved_may_move_back() {
    let alice = Home::new();
    let mut host = Pchat::host(&alice, "alice", &[]);
    let first = host.port();
    let second = moved(&mut host);
    assert_ne!(first, second);
    host.say(&format!("port {first}"));
    host.out.expect(&format!("the room is now on port {first}"));
    let mut member = Pchat::join(&alice, "bob", first, &[]);
    member.say("port");
    member.out.expect(&format!("the room is on port {first}"));
}
