//! Callers that are no pchat, or not as they should be, at the door of a running room.

use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

use pchat::{
    net,
    wire::{STREAM_HEAD_LEN, STREAM_MAGIC},
};
use rustls::ClientConnection;
use socket2::SockRef;

use super::{
    Scene, closed,
    peer::{Peer, stranger},
    wire::call_from_elsewhere,
};
use crate::support::{Dice, Home, Pchat, Signal, until};

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

#[test]
fn case_1_callers_that_close_without_a_word_are_one_line_in_the_log() {
    const CALLERS: u64 = 1_000;
    let log = Home::new();
    let log = log.path().join("log");
    let began = Instant::now();
    let mut scene = Scene::with(&["--log", log.to_str().expect("UTF-8")]);
    (0..CALLERS).for_each(|_| drop(scene.call()));
    // Connections are accepted in order: once an honest one is through, all of those were seen.
    scene.still_works();
    // A member who stays would hold the host's end up: it waits until its last words are read.
    scene.witness.link.wire.finish(true);
    scene.host.signal(Signal::TERM);
    assert_eq!(scene.host.process.wait().code(), Some(0));
    let log = fs::read_to_string(log).expect("a log");
    let lines: Vec<_> = log.lines().filter(|line| line.contains("connections closed at the door")).collect();
    // One line every ten seconds, and one at the end.
    assert!(!lines.is_empty() && lines.len() as u64 <= 1 + began.elapsed().as_secs() / 10, "{lines:?}");
    let counted = lines.iter().flat_map(|line| line.split(['=', ' ']).filter_map(|word| word.parse::<u64>().ok()));
    assert_eq!(counted.sum::<u64>(), CALLERS, "{lines:?}");
    assert!(log.lines().count() < 30, "nothing else is said of each: {log}");
}

#[test]
fn cases_2_and_3_callers_that_say_nothing_or_trickle_are_closed_by_the_deadline_and_keep_nobody_out() {
    let mut scene = Scene::new();
    let silent: Vec<_> = (0..20).map(|_| scene.call()).collect();
    // A record of 512 bytes that never comes whole.
    let trickling: Vec<_> = (0..3)
        .map(|_| {
            let mut stream = scene.call();
            stream.write_all(&[22, 3, 1, 2, 0, 1]).expect("the room reads");
            stream
        })
        .collect();
    scene.still_works();
    for stream in silent.into_iter().chain(trickling) {
        assert!(closed(stream).len() < 64, "at most an alert");
    }
    scene.still_works();
}

#[test]
fn cases_4_and_11_other_protocols_are_closed_without_an_answer() {
    let mut scene = Scene::new();
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
    records(&message(&hello), 0x4000)
}

/// A handshake message that is a client hello with this content.
fn message(hello: &[u8]) -> Vec<u8> {
    [&[1][..], &(hello.len() as u32).to_be_bytes()[1..], hello].concat()
}

/// A handshake message in records of `len` bytes.
fn records(message: &[u8], len: usize) -> Vec<u8> {
    message
        .chunks(len)
        .flat_map(|part| [&[HANDSHAKE, 3, 1][..], &(part.len() as u16).to_be_bytes(), part].concat())
        .collect()
}

/// The client hello of an honest member, as a handshake message.
fn honest_hello() -> Vec<u8> {
    let name = "pchat.invalid".try_into().expect("a name");
    let mut tls = ClientConnection::new(net::client_config(&stranger()), name).expect("a configuration");
    let mut record = Vec::new();
    tls.write_tls(&mut record).expect("memory takes it");
    record.split_off(5)
}

/// The same, with padding (RFC 7685) that makes it so many bytes longer.
fn padded(message: &[u8], padding: u16) -> Vec<u8> {
    let mut hello = message[4..].to_vec();
    // Version and random bytes; then the session's name, the ciphers, and the compressions, each with its length.
    let mut at = 34;
    at += 1 + usize::from(hello[at]);
    at += 2 + usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
    at += 1 + usize::from(hello[at]);
    let extensions = u16::from_be_bytes([hello[at], hello[at + 1]]) + 4 + padding;
    hello[at..at + 2].copy_from_slice(&extensions.to_be_bytes());
    hello.extend([&[0, 21][..], &padding.to_be_bytes(), &vec![0; usize::from(padding)]].concat());
    self::message(&hello)
}

/// The kind of the first record that answers these bytes; nothing if the room closes instead.
fn answer(scene: &Scene, bytes: &[u8], in_segments: bool) -> Option<u8> {
    let mut stream = scene.call();
    stream.set_nodelay(true).expect("a socket");
    let _ = match in_segments {
        true => bytes.iter().try_for_each(|byte| stream.write_all(&[*byte])),
        false => stream.write_all(bytes),
    };
    let mut first = [0];
    stream.read_exact(&mut first).is_ok().then_some(first[0])
}

#[test]
fn case_11_older_tls_is_closed_with_an_alert() {
    let mut scene = Scene::new();
    assert_eq!(scene.closed_after(&tls_1_2_hello()).first(), Some(&ALERT));
    scene.still_works();
}

#[test]
fn case_12_a_hello_in_small_pieces_or_padded_is_answered_and_one_without_end_is_closed() {
    let mut scene = Scene::new();
    let honest = honest_hello();
    assert_eq!(answer(&scene, &records(&honest, 0x4000), false), Some(HANDSHAKE));
    assert_eq!(answer(&scene, &records(&honest, 0x4000), true), Some(HANDSHAKE), "in segments of a byte");
    assert_eq!(answer(&scene, &records(&padded(&honest, 40_000), 0x4000), false), Some(HANDSHAKE));
    // These may be answered or closed, but in time.
    let longest = padded(&honest, 0xffff - honest.len() as u16 - 4);
    for odd in [records(&honest, 1), records(&longest, 0x4000), records(&longest, 7)] {
        answer(&scene, &odd, false);
    }
    // A handshake message that claims 16 MiB, in records of the largest size.
    let mut endless = vec![HANDSHAKE, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff];
    endless.resize(5 + 0x4000, 0);
    let mut stream = scene.call();
    let mut sent = 0;
    while stream.write_all(&endless).is_ok() {
        sent += endless.len();
        endless[5] = 0;
        assert!(sent < 16 << 20, "it reads all of it");
    }
    scene.still_works();
}

#[test]
fn case_13_an_end_or_alert_in_mid_handshake_closes() {
    let mut scene = Scene::new();
    let close_notify = [ALERT, 3, 3, 0, 2, 1, 0];
    let honest = records(&honest_hello(), 0x4000);
    for bytes in [
        &close_notify[..],
        &[&[22, 3, 1, 0, 200, 1, 0, 0, 196][..], &close_notify].concat(),
        &[&honest[..], &close_notify].concat(),
        &[&honest[..], &close_notify, &honest].concat(),
        &honest,
        &[22],
        &[22, 3, 1, 0, 0],
        &[22, 3, 1, 0xff, 0xff],
    ] {
        let mut stream = scene.call();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let answered = closed(stream);
        assert!(answered.len() < 64 || bytes.starts_with(&honest), "{bytes:?}");
    }
    scene.still_works();
}

#[test]
fn case_5_random_bytes_are_closed_at_the_first_bad_record() {
    let mut scene = Scene::new();
    let mut dice = Dice::new(5);
    for first in [None, Some(HANDSHAKE)] {
        let mut bytes: Vec<u8> = (0..1 << 20).map(|_| dice.roll(256) as u8).collect();
        bytes[0] = first.unwrap_or(bytes[0] | 0x80);
        assert!(scene.closed_after(&bytes).len() < 64);
    }
    scene.still_works();
}

#[test]
fn case_6_resets_at_once_do_not_end_the_accepting() {
    let mut scene = Scene::new();
    for _ in 0..100 {
        let stream = scene.call();
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket");
    }
    scene.still_works();
}

#[test]
fn case_7_without_descriptors_members_talk_on_and_callers_come_in_once_there_are_some() {
    let home = Home::new();
    let log = home.path().join("log");
    let mut shell = home.command("sh");
    shell.args(["-c", "ulimit -n 48; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_pchat"), "host", "--port", "0"]);
    shell.args(["--bind", "127.0.0.1", "--name", "alice", "--open", "--log"]).arg(&log);
    let host = Pchat::spawn("host", shell);
    let port = host.port();
    let mut witness = Peer::enter(port, "witness");
    let began = Instant::now();
    let held: Vec<_> = (0..60).map(|_| call_from_elsewhere(port)).collect();
    let refused = || fs::read_to_string(&log).expect("a log").matches("could not accept a connection").count();
    until(|| refused() > 0, || "an end of the descriptors".to_owned());
    for i in 0..50 {
        let text = format!("line {i}");
        witness.text(text.as_str());
        witness.expect_line(&text);
    }
    // It waits 100 ms and then longer between two tries, instead of going round.
    assert!(refused() as u128 <= 2 + began.elapsed().as_millis() / 100, "{} tries", refused());
    drop(held);
    let mut honest = Peer::enter(port, "honest");
    honest.text("here I am");
    witness.expect_line("here I am");
    assert_eq!(host.err.so_far(), [""; 0]);
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

#[test]
fn ends_of_streams_that_nobody_opened_are_closed_without_a_word() {
    let mut scene = Scene::new();
    let head = [&STREAM_MAGIC[..], &[7; 32]].concat();
    for rest in [&b""[..], b"and what would belong to the members"] {
        assert_eq!(scene.closed_after(&[&head, rest].concat()), [0_u8; 0]);
    }
    let mut wrong = head.clone();
    wrong[3] ^= 1;
    assert_eq!(scene.closed_after(&wrong), [0_u8; 0]);
    let mut cut = scene.call();
    cut.write_all(&head[..STREAM_HEAD_LEN - 1]).expect("it reads");
    cut.shutdown(Shutdown::Write).expect("a socket");
    assert_eq!(closed(cut), [0_u8; 0]);
    scene.still_works();
}
