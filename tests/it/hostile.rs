//! Callers that are no pchat, or not as they should be, at the door of a running room.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use pchat::{
    net,
    trust::Identity,
    wire::{STREAM_HEAD_LEN, STREAM_MAGIC},
};
use rustls::{ClientConnection, StreamOwned};
use socket2::SockRef;

use crate::support::{Dice, Home, PATIENCE, Pchat, Proxy};

/// A room with a member in it, who must not notice anything.
struct Scene {
    home: Home,
    host: Pchat,
    member: Pchat,
    port: u16,
}

impl Scene {
    fn new() -> Self {
        let home = Home::new();
        let host = Pchat::host(&home, "alice", &[]);
        let port = host.port();
        let member = Pchat::join(&home, "bob", port, &[]);
        Self { home, host, member, port }
    }

    fn call(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the room listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream
    }

    /// Sends this and waits until the room has closed. Gives what it answered.
    fn closed_after(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.call();
        // It may close before it has everything.
        let _ = stream.write_all(bytes);
        closed(stream)
    }

    /// The member talks, and an honest caller comes in.
    fn still_works(mut self) {
        self.member.say("undisturbed");
        self.host.out.expect("bob: undisturbed");
        let mut honest = Pchat::join(&self.home, "carol", self.port, &[]);
        honest.say("hello");
        self.host.out.expect("carol: hello");
        let ended = honest.end();
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
        assert_eq!(self.host.err.so_far(), [""; 0], "nothing is said about callers that are no pchat");
    }
}

/// What comes until the room has closed.
fn closed(mut stream: TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the room does not close: {error}"),
    }
    answer
}

#[test]
fn case_1_callers_that_close_without_a_word_leave_no_trace() {
    let scene = Scene::new();
    (0..200).for_each(|_| drop(scene.call()));
    scene.still_works();
}

#[test]
fn cases_2_and_3_callers_that_say_nothing_or_trickle_are_closed_by_the_deadline_and_keep_nobody_out() {
    let scene = Scene::new();
    let silent: Vec<_> = (0..20).map(|_| scene.call()).collect();
    // A record of 512 bytes that never comes whole.
    let trickling: Vec<_> = (0..3)
        .map(|_| {
            let mut stream = scene.call();
            stream.write_all(&[22, 3, 1, 2, 0, 1]).expect("the room reads");
            stream
        })
        .collect();
    let mut honest = Pchat::join(&scene.home, "dora", scene.port, &[]);
    honest.say("not kept out");
    scene.host.out.expect("dora: not kept out");
    for stream in silent.into_iter().chain(trickling) {
        assert!(closed(stream).len() < 64, "at most an alert");
    }
    scene.still_works();
}

#[test]
fn cases_4_and_11_other_protocols_are_closed_without_an_answer() {
    let scene = Scene::new();
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: room\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"EHLO example.org\r\n",
        b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c",
        b"hello\n",
        b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10",
        b"\0\0\0\x05hello",
    ] {
        assert_eq!(scene.closed_after(bytes), b"", "{}", String::from_utf8_lossy(bytes));
    }
    scene.still_works();
}

/// A client hello of TLS 1.2, which names no newer version.
fn tls_1_2_hello() -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.push(0);
    hello.extend([0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0, 0, 0]);
    let mut record = vec![22, 3, 1];
    record.extend((hello.len() as u16 + 4).to_be_bytes());
    record.extend([1, 0]);
    record.extend((hello.len() as u16).to_be_bytes());
    record.extend(hello);
    record
}

#[test]
fn case_11_older_tls_is_closed_with_an_alert() {
    let scene = Scene::new();
    let answer = scene.closed_after(&tls_1_2_hello());
    assert_eq!(answer.first(), Some(&21), "an alert: {answer:?}");
    scene.still_works();
}

#[test]
fn case_12_a_hello_in_small_pieces_or_too_large_is_no_danger() {
    let scene = Scene::new();
    let mut stream = scene.call();
    stream.set_nodelay(true).expect("a socket");
    for byte in tls_1_2_hello() {
        stream.write_all(&[byte]).expect("the room reads");
    }
    assert_eq!(closed(stream).first(), Some(&21));
    // A handshake message that claims 16 MiB, in records of the largest size.
    let mut endless = vec![22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff];
    endless.resize(5 + 0x4000, 0);
    let mut stream = scene.call();
    while stream.write_all(&endless).is_ok() {
        endless.truncate(5);
        endless.resize(5 + 0x4000, 0);
    }
    scene.still_works();
}

#[test]
fn case_13_an_end_or_alert_in_mid_handshake_closes() {
    let scene = Scene::new();
    for bytes in [
        &[21, 3, 3, 0, 2, 1, 0][..],
        &[22, 3, 1, 0, 200, 1, 0, 0, 196, 21, 3, 3, 0, 2, 1, 0],
        &[22],
        &[22, 3, 1, 0, 0],
        &[22, 3, 1, 0xff, 0xff],
    ] {
        let mut stream = scene.call();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        assert!(closed(stream).len() < 64, "{bytes:?}");
    }
    scene.still_works();
}

#[test]
fn case_5_random_bytes_are_closed_at_the_first_bad_record() {
    let scene = Scene::new();
    let mut dice = Dice::new(5);
    for first in [None, Some(22)] {
        let mut bytes: Vec<u8> = (0..1 << 20).map(|_| dice.roll(256) as u8).collect();
        bytes[0] = first.unwrap_or(bytes[0] | 0x80);
        assert!(scene.closed_after(&bytes).len() < 64);
    }
    scene.still_works();
}

#[test]
fn case_6_resets_at_once_do_not_end_the_accepting() {
    let scene = Scene::new();
    for _ in 0..100 {
        let stream = scene.call();
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket");
    }
    scene.still_works();
}

#[test]
fn case_8_ipv4_and_mapped_ipv6_get_into_one_room() {
    let home = Home::new();
    let host = Pchat::run(&home, &["host", "--port", "0", "--name", "alice"]);
    let port = host.port();
    let mut addresses = vec![format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    if TcpStream::connect(("::1", port)).is_ok() {
        addresses.extend([format!("[::1]:{port}"), format!("[::ffff:127.0.0.1]:{port}")]);
    }
    for address in addresses {
        let member = Pchat::run(&home, &["join", &address, "--name", "bob"]);
        member.out.expect_start("* you are bob");
        assert_eq!(member.end().code, Some(0), "{address}");
        host.out.expect("* bob left");
    }
}

/// A caller that speaks TLS as it should, with a key of its own.
fn encrypted(scene: &Scene) -> StreamOwned<ClientConnection, TcpStream> {
    let identity = Identity::generate().expect("random numbers");
    let name = "pchat.invalid".try_into().expect("a name");
    let tls = ClientConnection::new(net::client_config(&identity), name).expect("a configuration");
    StreamOwned::new(tls, scene.call())
}

#[test]
fn case_19_key_updates_without_end_end_the_connection_and_disturb_nobody() {
    let scene = Scene::new();
    let mut caller = encrypted(&scene);
    caller.conn.complete_io(&mut caller.sock).expect("a handshake");
    let mut updates = 0;
    // The room gives a caller 10 s to say who it is, so the flood ends by then at the latest.
    while updates < 200_000 {
        let updated = caller.conn.refresh_traffic_keys();
        if updated.is_err() || caller.conn.complete_io(&mut caller.sock).is_err() {
            break;
        }
        updates += 1;
    }
    let _ = caller.read_to_end(&mut Vec::new());
    scene.still_works();
}

#[test]
fn case_48_a_connection_that_ends_without_goodbye_is_a_break_and_no_departure() {
    let scene = Scene::new();
    let proxy = Proxy::to(scene.port);
    let mut carol = Pchat::join(&scene.home, "carol", proxy.port, &[]);
    scene.host.out.expect("* carol joined");
    // The proxy ends both directions of TCP in good order, but no TLS close_notify is sent.
    proxy.cut();
    carol.out.expect("* connected again");
    carol.say("still here");
    scene.host.out.expect("carol: still here");
    scene.member.out.expect("carol: still here");
    assert!(!scene.host.out.so_far().iter().any(|line| line == "* carol left"));
}

#[test]
fn ends_of_streams_that_nobody_opened_are_closed_without_a_word() {
    let scene = Scene::new();
    let head = [&STREAM_MAGIC[..], &[7; 32]].concat();
    for rest in [&b""[..], b"and what would belong to the members"] {
        assert_eq!(scene.closed_after(&[&head, rest].concat()), []);
    }
    let mut wrong = head.clone();
    wrong[3] ^= 1;
    assert_eq!(scene.closed_after(&wrong), []);
    let mut cut = scene.call();
    cut.write_all(&head[..STREAM_HEAD_LEN - 1]).expect("it reads");
    cut.shutdown(Shutdown::Write).expect("a socket");
    assert_eq!(closed(cut), []);
    scene.still_works();
}
