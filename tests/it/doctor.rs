//! `pchat doctor`: from either end, at rooms, at what is none, and at nothing.

use std::{
    fs,
    io::{self, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::support::{Ended, Home, Pchat};

/// What it comes to at that address, from a home in which it must leave nothing.
fn look_at(address: &str) -> Ended {
    let home = Home::new();
    let ended = Pchat::once(&home, &["doctor", address]);
    assert!(ended.err.is_empty(), "{ended:?}");
    assert_eq!(fs::read_dir(home.path()).expect("a home").count(), 0, "nothing is remembered");
    ended
}

/// What it comes to at a server that does this with each connection.
fn look_at_server(serve: fn(TcpStream)) -> Ended {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it has one").to_string();
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    let ended = look_at(&address);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    ended
}

fn conclusion(ended: &Ended) -> &str {
    ended.out.lines().last().and_then(|line| line.strip_prefix("=> ")).unwrap_or_else(|| panic!("one: {ended:?}"))
}

fn fingerprint(home: &Home) -> String {
    Pchat::once(home, &["id"]).out.rsplit(' ').next().expect("name and fingerprint").to_owned()
}

#[test]
fn a_room_is_told_with_its_fingerprint_and_version_and_notices_nothing() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let port = host.port();
    let address = format!("127.0.0.1:{port}");
    let ended = look_at(&address);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let key = format!("ok  its fingerprint is {}; none is remembered for {address} yet", fingerprint(&alice));
    for row in [
        &format!("ok  {address} (this machine itself) answers after "),
        "ok  it speaks version ",
        &key,
        "ok  round trip ",
    ] {
        assert!(ended.out.lines().any(|line| line.starts_with(row)), "{row}: {ended:?}");
    }
    assert!(ended.out.contains("4 connections made, and none entered"), "{ended:?}");
    assert_eq!(conclusion(&ended), format!("pchat join {address}"));
    // Whatever the room had to say of it would stand before what it says of bob.
    let before = host.out.so_far();
    Pchat::join(&bob, "bob", port, &[]).end();
    host.out.collect(1, |line| line == "* bob left");
    let seen = host.out.so_far();
    assert_eq!(seen.iter().position(|line| line == "* bob joined"), Some(before.len()), "{seen:?}");
    assert!(before.last().is_some_and(|line| line.starts_with("* you are alice")), "{before:?}");
}

#[test]
fn looking_often_leaves_enough_tries_to_come_in() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    // 32 tries are free: with five connections each, these would have spent them.
    for _ in 0..7 {
        assert_eq!(look_at(&format!("127.0.0.1:{}", host.port())).code, Some(0));
    }
    drop(Pchat::join(&bob, "bob", host.port(), &[]));
}

#[test]
fn a_key_that_is_remembered_is_compared_and_left_alone() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let address = format!("127.0.0.1:{}", host.port());
    Pchat::join(&bob, "bob", host.port(), &[]).end();
    let known = Pchat::once(&bob, &["doctor", &address]);
    let (key, own) = (fingerprint(&alice), fingerprint(&bob));
    assert!(
        known.out.contains(&format!("ok  its fingerprint is {key}, the one remembered for {address}")),
        "{known:?}"
    );
    assert_eq!(known.code, Some(0));
    let pins = bob.path().join(".local/share/pchat/hosts");
    let other = fs::read_to_string(&pins).expect("a pin").lines().map(changed).collect::<Vec<_>>().join("\n") + "\n";
    fs::write(&pins, &other).expect("a file");
    let ended = Pchat::once(&bob, &["doctor", &address]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains(&format!(" !  its fingerprint is {key}, but ")), "{ended:?}");
    assert!(conclusion(&ended).contains(&format!("pchat forget {address}")), "{ended:?}");
    assert_eq!(fs::read_to_string(&pins).expect("a pin"), other);
    assert_ne!(key, own);
}

/// A line of the list of pins with another key.
fn changed(line: &str) -> String {
    match line.split_once(' ') {
        Some((address, _)) if address.contains(':') => format!("{address} {}", "ab".repeat(32)),
        _ => line.to_owned(),
    }
}

#[test]
fn where_nothing_listens_it_is_refused() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it has one");
    let ended = look_at(&free.to_string());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.starts_with(&format!(" !  {free} (this machine itself) refuses the connection")), "{ended:?}");
    assert!(conclusion(&ended).contains("open one with `pchat host`"), "{ended:?}");
}

#[test]
fn a_web_server_is_named_and_cannot_steer_the_terminal() {
    let ended = look_at_server(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 \x1b[2J\xe2\x80\xae\r\n\r\n");
        let _ = io::copy(&mut stream, &mut io::sink());
    });
    let says = "it is a web server (HTTP), which says `HTTP/1.1 400 <U+001B>[2J<U+202E>`";
    assert!(ended.out.contains(says), "{ended:?}");
}

#[test]
fn a_server_that_says_nothing_is_given_up_soon() {
    let began = Instant::now();
    let ended = look_at_server(|mut stream| drop(io::copy(&mut stream, &mut io::sink())));
    assert!(ended.out.contains("says nothing within 3.5s"), "{ended:?}");
    // The rest is what a busy machine takes to start a program.
    assert!(began.elapsed() < Duration::from_secs(13), "{:?}", began.elapsed());
}

#[test]
fn a_server_that_hangs_up_is_told() {
    let ended = look_at_server(drop);
    assert!(ended.out.contains("closes it at once"), "{ended:?}");
}

#[test]
fn a_name_that_does_not_exist_is_told() {
    let ended = look_at("nobody.invalid");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.starts_with(" !  no host is called nobody.invalid"), "{ended:?}");
    assert!(conclusion(&ended).contains("`nobody.invalid` spelt right"), "{ended:?}");
}

#[test]
fn colours_are_for_terminals_and_those_who_ask() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it has one").to_string();
    let home = Home::new();
    assert!(!Pchat::once(&home, &["doctor", &free]).out.contains('\x1b'));
    let coloured = Pchat::once(&home, &["doctor", &free, "--color", "always"]).out;
    assert!(coloured.starts_with("\x1b[1;31m !\x1b[0m  127.0.0.1"), "{coloured}");
}

/// What it comes to on a port of this machine that was free a moment ago.
fn look_at_free_port(home: &Home) -> (u16, Ended) {
    for _ in 0..8 {
        let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it has one").port();
        let ended = Pchat::once(home, &["doctor", "--port", &port.to_string()]);
        // Another test may have taken it meanwhile.
        if !ended.out.contains(&format!("port {port} is taken")) {
            return (port, ended);
        }
    }
    panic!("no port stays free");
}

#[test]
fn a_free_port_is_told_and_nothing_is_left_behind() {
    let home = Home::new();
    let (port, ended) = look_at_free_port(&home);
    assert!(ended.out.starts_with(&format!("ok  port {port} is free\n")), "{ended:?}");
    assert!(ended.out.contains("only `pchat doctor ADDR` at the other end does"), "{ended:?}");
    assert!(!conclusion(&ended).is_empty() && ended.err.is_empty(), "{ended:?}");
    assert_eq!(fs::read_dir(home.path()).expect("a home").count(), 0, "nothing is remembered");
    drop(TcpListener::bind(("127.0.0.1", port)).expect("the port is given back"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_port_that_a_room_has_is_told_with_whose_it_is() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    let port = host.port().to_string();
    let key = fingerprint(&alice);
    for (home, whose) in [(&alice, "your room"), (&Home::new(), "a pchat room")] {
        let ended = Pchat::once(home, &["doctor", "--port", &port]);
        let begins = format!("ok  {whose} is open on port {port}: pchat (process ");
        assert!(ended.out.starts_with(&begins) && ended.out.contains(&key), "{ended:?}");
        // It was opened with --bind 127.0.0.1.
        assert!(ended.out.contains(" !  the room listens at loopback addresses only"), "{ended:?}");
        assert_eq!((ended.code, conclusion(&ended).contains("without --bind")), (Some(1), true), "{ended:?}");
    }
    host.signal(crate::support::Signal::TERM);
    let seen = host.wait().out;
    let after = seen.lines().skip_while(|line| !line.starts_with("* you are alice")).skip(1);
    assert_eq!(after.count(), 0, "the room shows nothing of it: {seen}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_room_that_anybody_may_reach_answers_at_each_address() {
    let alice = Home::new();
    let host = Pchat::run(&alice, &["host", "--port", "0", "--name", "alice"]);
    let port = host.port().to_string();
    let ended = Pchat::once(&Home::new(), &["doctor", "--port", &port]);
    assert!(ended.out.starts_with(&format!("ok  a pchat room is open on port {port}")), "{ended:?}");
    assert!(!ended.out.contains("does not answer this machine itself"), "{ended:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_port_that_another_program_has_is_told_with_its_name() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it has one").port();
    thread::spawn(move || {
        taken.incoming().flatten().for_each(|mut stream| {
            let _ = stream.write_all(b"SSH-2.0-x\r\n");
            let _ = io::copy(&mut stream, &mut io::sink());
        });
    });
    let ended = Pchat::once(&Home::new(), &["doctor", "--port", &port.to_string()]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let process = format!("(process {}), which is no pchat room; it is an SSH server", std::process::id());
    assert!(
        ended.out.starts_with(&format!(" !  port {port} is taken by ")) && ended.out.contains(&process),
        "{ended:?}"
    );
    assert!(conclusion(&ended).contains(&format!("pchat host --port {}", port + 1)), "{ended:?}");
}
