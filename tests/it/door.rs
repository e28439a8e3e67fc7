//! Floods at the door of a room, from several addresses of loopback: only Linux has more than one without ado.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, TcpStream},
    time::{Duration, Instant},
};

use pchat::{net, trust::Identity};
use rustls::{ClientConnection, StreamOwned};

use crate::support::{Home, PATIENCE, Pchat, Proxy, Signal, dial};

/// Where strangers come from. Those who run the program come from 127.0.0.1.
const STRANGER: u8 = 3;

/// More connections than an address may waste.
const TOO_MANY: usize = 40;

/// A stranger's connection; nothing if it was closed before the system could say that it is there.
fn call(port: u16) -> Option<TcpStream> {
    match dial(Ipv4Addr::new(127, 0, 0, STRANGER).into(), port) {
        Ok(stream) => {
            stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
            Some(stream)
        }
        Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
        Err(error) => panic!("the room does not listen: {error}"),
    }
}

/// Sends this and waits until the room has closed. Gives what it answered.
fn answer(stream: Option<TcpStream>, bytes: &[u8]) -> Vec<u8> {
    let Some(mut stream) = stream else { return Vec::new() };
    // It may close before it has everything.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the room does not close: {error}"),
    }
    answer
}

/// A caller that speaks TLS as it should, with a key of its own.
fn encrypted(port: u16) -> StreamOwned<ClientConnection, TcpStream> {
    let identity = Identity::generate().expect("random numbers");
    let name = "pchat.invalid".try_into().expect("a name");
    let tls = ClientConnection::new(net::client_config(&identity), name).expect("a configuration");
    let mut caller = StreamOwned::new(tls, call(port).expect("it is not turned away"));
    caller.conn.complete_io(&mut caller.sock).expect("a handshake");
    caller
}

/// Somebody comes in from another address, and is heard.
fn others_get_in(home: &Home, host: &Pchat, port: u16) {
    let mut honest = Pchat::join(home, "bob", port, &[]);
    honest.say("nothing keeps me out");
    host.out.expect("bob: nothing keeps me out");
    let ended = honest.end();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
}

#[test]
fn case_116_an_address_that_only_tries_is_turned_away_and_told_why() {
    let home = Home::new();
    let host = Pchat::host(&home, "alice", &[]);
    let port = host.port();
    (0..TOO_MANY).for_each(|_| drop(answer(call(port), b"?")));
    let proxy = Proxy::from(STRANGER, port);
    let ended = Pchat::once(&home, &["join", &format!("127.0.0.1:{}", proxy.port), "--name", "carol"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert_eq!(
        ended.err,
        format!(
            "error: 127.0.0.1:{} closed the connection at once; a room does so when too many tries came from your \
             address (wait a minute), and so does what is no room",
            proxy.port
        )
    );
    others_get_in(&home, &host, port);
    assert_eq!(host.err.so_far(), [""; 0], "the host's user is told nothing");
}

#[test]
fn case_116_an_address_from_which_a_member_came_is_not_turned_away() {
    let home = Home::new();
    let host = Pchat::host(&home, "alice", &[]);
    let port = host.port();
    let proxy = Proxy::from(STRANGER, port);
    let mut member = Pchat::join(&home, "carol", proxy.port, &[]);
    (0..TOO_MANY).for_each(|_| drop(answer(call(port), b"?")));
    proxy.cut();
    member.out.expect("* connected again");
    member.say("back");
    host.out.expect("carol: back");
}

#[test]
fn case_4_what_a_proxy_header_claims_is_not_believed() {
    let home = Home::new();
    let host = Pchat::host(&home, "alice", &[]);
    let port = host.port();
    // Both claim to come from 127.0.0.1.
    let first = b"PROXY TCP4 127.0.0.1 127.0.0.1 40000 5000\r\n".to_vec();
    let second = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\x9c\x40\x13\x88".to_vec();
    for _ in 0..TOO_MANY / 2 {
        for header in [&first, &second] {
            assert_eq!(answer(call(port), header), [0_u8; 0]);
        }
    }
    let mut hello = Vec::new();
    let name = "pchat.invalid".try_into().expect("a name");
    let identity = Identity::generate().expect("random numbers");
    let mut tls = ClientConnection::new(net::client_config(&identity), name).expect("a configuration");
    tls.write_tls(&mut hello).expect("it has a hello");
    assert_eq!(answer(call(port), &hello), [0_u8; 0], "who sent the headers has tried too often");
    others_get_in(&home, &host, port);
}

#[test]
fn case_1_a_scan_is_a_line_or_two_in_the_log() {
    let home = Home::new();
    let log = home.path().join("log");
    let host = Pchat::host(&home, "alice", &["--log", log.to_str().expect("a path")]);
    let port = host.port();
    (0..2_000).for_each(|_| drop(call(port)));
    // Connections are accepted in their order.
    others_get_in(&home, &host, port);
    host.signal(Signal::TERM);
    assert_eq!(host.wait().code, Some(0));
    let log = fs::read_to_string(log).expect("a log");
    let reports: Vec<_> = log.lines().filter(|line| line.contains("connections closed at the door")).collect();
    let counts = reports.iter().flat_map(|line| line.split(['=', ' '])).filter_map(|word| word.parse::<usize>().ok());
    assert_eq!(counts.sum::<usize>(), 2_000, "{log}");
    // One each 10 s, and one at the end.
    assert!((1..=4).contains(&reports.len()) && log.lines().count() < 20, "{log}");
}

#[test]
fn case_2_the_deadline_is_the_hosts_to_choose() {
    let home = Home::new();
    let host = Pchat::host(&home, "alice", &["--deadline", "1"]);
    let began = Instant::now();
    assert_eq!(answer(call(host.port()), b""), [0_u8; 0]);
    let took = began.elapsed();
    // The default is 10 s.
    assert!((Duration::from_secs(1)..Duration::from_secs(8)).contains(&took), "{took:?}");
}

#[test]
fn one_who_proves_a_key_and_says_nothing_more_gives_way() {
    let home = Home::new();
    let host = Pchat::host(&home, "alice", &["--max-unauthenticated", "1", "--deadline", "120"]);
    let port = host.port();
    let mut silent = encrypted(port);
    others_get_in(&home, &host, port);
    assert!(silent.read(&mut [0]).is_err(), "it was closed without a word");
}

#[test]
fn case_7_without_descriptors_members_talk_on_and_others_get_in_when_there_are_some() {
    let home = Home::new();
    let mut command = home.command("sh");
    let program = env!("CARGO_BIN_EXE_pchat");
    command.args(["-c", &format!("ulimit -n 48 && exec '{program}' host --port 0 --bind 127.0.0.1 --name alice")]);
    let host = Pchat::spawn("host", command);
    let port = host.port();
    host.out.expect_start("* the system allows 48 open descriptors: when all streams of files are in use, 0 of 256 ");
    let mut member = Pchat::join(&home, "bob", port, &[]);
    let silent: Vec<_> = (0..100).map(|_| call(port)).collect();
    for line in 0..20 {
        member.say(&format!("line {line}"));
        host.out.expect(&format!("bob: line {line}"));
    }
    let honest = Pchat::knock(&home, "carol", port, &[]);
    drop(silent);
    honest.out.expect_start("* you are carol");
    assert_eq!(host.err.so_far(), [""; 0]);
}
