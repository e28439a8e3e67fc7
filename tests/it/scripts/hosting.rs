//! `pchat host --send`.

use std::fs;

use super::{once, put};
use crate::support::{Home, Pchat, Pty, Signal};

const ROOM: &[&str] = &["host", "--port", "0", "--bind", "127.0.0.1", "--name", "alice"];

fn hosting(home: &Home, more: &[&str]) -> Pchat {
    Pchat::run(home, &[ROOM, more].concat())
}

/// Receives what is up into a folder of its own.
fn get(home: &Home, name: &str, host: &Pchat, more: &[&str]) -> crate::support::Ended {
    let mut command = home.pchat();
    let folder = home.path().join("here");
    fs::create_dir_all(&folder).expect("a folder");
    command.args(["get", &format!("127.0.0.1:{}", host.port()), "--name", name]).args(more);
    command.env("PCHAT_CODE", host.code()).current_dir(folder);
    Pchat::spawn("get", command).end()
}

#[test]
fn it_says_how_to_get_it_and_ends_when_somebody_has_it() {
    let (alice, bob) = (Home::new(), Home::new());
    put(&alice, "a.bin", "x");
    let mut host = hosting(&alice, &["--send", "a.bin"]);
    let port = host.port();
    host.out.expect(&format!("* pchat get 127.0.0.1:{port}"));
    host.out.expect(&format!("* pchat join 127.0.0.1:{port}"));
    host.out.expect_start("* the code is ");
    host.out.expect("* offer 1: a.bin (1 B) for everyone");
    host.close_input();
    let got = get(&bob, "bob", &host, &[]);
    assert_eq!((got.code, got.err.as_str()), (Some(0), ""));
    host.out.expect("* bob saved a.bin");
    let ended = host.wait();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert_eq!(fs::read(bob.path().join("here/a.bin")).expect("it is there"), b"x");
}

#[test]
fn what_was_received_is_delivered_though_the_room_closes_at_once() {
    let alice = Home::new();
    put(&alice, "a.txt", "whole\n");
    for args in [&["-o", "-"][..], &["-o", "chosen"]] {
        let bob = Home::new();
        let host = hosting(&alice, &["--send", "a.txt"]);
        host.out.expect("* offer 1: a.txt (6 B) for everyone");
        let got = get(&bob, "bob", &host, args);
        assert_eq!((got.code, got.err.as_str()), (Some(0), ""));
        assert_eq!(host.wait().code, Some(0));
        if args[1] == "-" {
            assert_eq!(got.out, "whole");
        } else {
            assert_eq!(fs::read(bob.path().join("here/chosen")).expect("it is there"), b"whole\n");
        }
    }
}

#[test]
fn it_stays_for_as_many_as_it_is_told_to_and_until_they_have_all_of_it() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    put(&alice, "a.bin", "x");
    put(&alice, "b.bin", "y");
    let host = hosting(&alice, &["--send", "a.bin", "b.bin", "--times", "2"]);
    host.out.expect("* offer 2: b.bin (1 B) for everyone");
    assert_eq!(get(&bob, "bob", &host, &["1"]).code, Some(0));
    assert_eq!(get(&bob, "bob", &host, &["2"]).code, Some(0));
    assert_eq!(get(&carol, "carol", &host, &["1"]).code, Some(0));
    host.out.collect(3, |line| line.contains(" saved "));
    assert_eq!(get(&carol, "carol", &host, &["2"]).code, Some(0));
    assert_eq!(host.wait().code, Some(0));
}

#[test]
fn what_is_not_there_and_a_signal_end_in_1() {
    let alice = Home::new();
    let missing = once(&alice, &[ROOM, &["--send", "missing.bin"]].concat());
    assert_eq!(missing.code, Some(1));
    assert!(missing.err.contains("could not open missing.bin"), "{}", missing.err);
    put(&alice, "a.bin", "x");
    let host = hosting(&alice, &["--send", "a.bin"]);
    host.out.expect("* offer 1: a.bin (1 B) for everyone");
    host.signal(Signal::TERM);
    assert_eq!(host.wait().code, Some(1));
}

#[test]
fn in_a_terminal_somebody_who_knocks_can_be_let_in_to_get_it() {
    let (alice, bob) = (Home::new(), Home::new());
    put(&alice, "a.bin", "x");
    let (mut host, port) = Pty::host(&alice, "alice", &["--send", "a.bin"]);
    host.expect("offer 1: a.bin (1 B) for everyone");
    let getting = Pchat::run(&bob, &["get", &format!("127.0.0.1:{port}"), "-o", "got", "--name", "bob"]);
    host.expect("wants to join: accept bob");
    host.line("accept bob");
    assert_eq!(getting.end().code, Some(0));
    assert_eq!(host.wait_clean(), Some(0));
    assert_eq!(fs::read(bob.path().join("got")).expect("it is there"), b"x");
}
