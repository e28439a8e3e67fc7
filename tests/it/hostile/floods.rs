//! More of everything than anybody needs, while others want to talk.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use pchat::wire::{
    Answer, Body, Envelope, Event, FromRoom, MAX_PAYLOAD_LEN, Request, STREAM_MAGIC, To, ToRoom, Token, encode,
};

use super::{
    Scene,
    peer::{Peer, instance, line, stranger},
    wire::call_from_elsewhere,
};
use crate::support::{Home, PATIENCE, Pchat};

const MIB: u64 = 1 << 20;

/// What an honest member may be made to wait for its own line, on a machine that has other things to do as well.
const A_LINE: Duration = Duration::from_secs(10);

/// Says so many lines one after the other, each of which has to be back soon.
fn talk(peer: &mut Peer, lines: usize) {
    for i in 0..lines {
        let began = Instant::now();
        let text = format!("honest {i}");
        peer.text(text.as_str());
        peer.expect_line(&text);
        assert!(began.elapsed() < A_LINE, "{:?}", began.elapsed());
    }
}

/// Says that it is enough when it goes.
struct Enough<'a>(&'a AtomicBool);

impl Drop for Enough<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn case_116_two_thousand_callers_from_elsewhere_do_not_keep_an_honest_one_out() {
    const CALLERS: usize = 2_000;
    let mut scene = Scene::new();
    let (port, called, enough) = (scene.port, AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        // Also when what follows fails: nobody calls for ever.
        let _enough = Enough(&enough);
        for kind in 0..2 {
            let (called, enough) = (&called, &enough);
            scope.spawn(move || {
                let mut held = VecDeque::new();
                while !enough.load(Relaxed) {
                    let mut stream = call_from_elsewhere(port);
                    // Half of them begin a handshake.
                    if kind == 1 {
                        let _ = stream.write_all(&[22, 3, 1, 2, 0, 1]);
                    }
                    held.push_back(stream);
                    held.truncate(50);
                    called.fetch_add(1, Relaxed);
                }
            });
        }
        let home = Home::new();
        // A few times: one key may not come for ever.
        for _ in 0..5 {
            let member = Pchat::join(&home, "honest", port, &[]);
            assert_eq!(member.end().code, Some(0));
            talk(&mut scene.witness, 3);
        }
        while called.load(Relaxed) < CALLERS {
            talk(&mut scene.witness, 3);
        }
        let member = Pchat::join(&home, "honest", port, &[]);
        assert_eq!(member.end().code, Some(0));
    });
    scene.still_works();
}

#[test]
fn cases_116_to_118_all_of_it_at_once_keeps_nobody_from_talking_or_coming_in() {
    const CALLERS: usize = 1_000;
    let mut scene = Scene::with(&["--rate", "off"]);
    let (port, called, enough) = (scene.port, AtomicUsize::new(0), AtomicBool::new(false));
    // It is there, and reads nothing any more.
    let deaf = scene.enter("deaf");
    let mut half_open: Vec<_> = (0..32).map(|_| call_from_elsewhere(port)).collect();
    for stream in &mut half_open {
        let _ = stream.write_all(&[22, 3, 1, 2, 0, 1]);
    }
    let large = vec![b'x'; MAX_PAYLOAD_LEN];
    thread::scope(|scope| {
        let _enough = Enough(&enough);
        scope.spawn(|| {
            let mut held = VecDeque::new();
            while !enough.load(Relaxed) {
                held.push_back(call_from_elsewhere(port));
                held.truncate(50);
                called.fetch_add(1, Relaxed);
            }
        });
        let home = Home::new();
        for _ in 0..3 {
            let began = Instant::now();
            let member = Pchat::join(&home, "honest", port, &[]);
            assert!(began.elapsed() < A_LINE, "{:?}", began.elapsed());
            assert_eq!(member.end().code, Some(0));
            for _ in 0..20 {
                scene.witness.text(large.clone());
            }
            talk(&mut scene.witness, 3);
        }
        while called.load(Relaxed) < CALLERS {
            talk(&mut scene.witness, 3);
        }
    });
    let resident = scene.host.process.resident();
    assert!(resident.is_none_or(|bytes| bytes < 64 * MIB), "{resident:?}");
    drop(deaf);
    scene.still_works();
}

#[test]
fn case_117_a_member_that_never_reads_holds_up_nobody_and_is_told_what_it_missed() {
    const LINES: u64 = 2_400;
    let mut scene = Scene::with(&["--rate", "off"]);
    let mut deaf = scene.enter("deaf");
    let before = deaf.count;
    let large = vec![b'x'; MAX_PAYLOAD_LEN];
    // More than the room's log (16 MiB) and all sockets hold.
    for _ in 0..LINES / 50 {
        let last = (0..50).map(|_| scene.witness.text(large.clone())).last();
        // A member that takes what it is given slows the others down, but for a second only if it then takes nothing.
        scene.witness.expect_event("its echo", |event| match event {
            Event::Said { n, .. } if Some(n) == last => Some(()),
            _ => None,
        });
    }
    let resident = scene.host.process.resident();
    assert!(resident.is_none_or(|bytes| bytes < 96 * MIB), "{resident:?}");
    scene.witness.text("the last one");
    let mut missed = 0;
    deaf.expect("a gap", |frame| match frame {
        FromRoom::Gap(gap) => {
            missed = gap.missed;
            Some(())
        }
        _ => None,
    });
    deaf.expect_line("the last one");
    assert!(missed > 0);
    assert_eq!(deaf.count - before, LINES + 1, "what it got and what it was told to have missed is all there was");
}

#[test]
fn case_118_floods_of_short_and_of_long_lines_are_read_later_and_others_talk_on() {
    for len in [1, MAX_PAYLOAD_LEN] {
        let mut scene = Scene::new();
        let mut peer = scene.enter("mallory");
        let frame = move |n| {
            let body = Body::Say(line(vec![b'x'; len]));
            encode(&ToRoom::Envelope(Envelope { n, prev: 0, to: To::Everyone, body })).expect("it fits")
        };
        let socket = peer.link.wire.socket.try_clone().expect("a socket");
        let began = Instant::now();
        let flood = thread::spawn(move || {
            // As fast as the room takes it, until the test has seen enough.
            for n in 1..1_000_000 {
                if peer.link.wire.send(&frame(n)).is_err() {
                    break;
                }
            }
        });
        talk(&mut scene.witness, 40);
        let resident = scene.host.process.resident();
        assert!(resident.is_none_or(|bytes| bytes < 64 * MIB), "{resident:?}");
        socket.shutdown(std::net::Shutdown::Both).expect("a socket");
        flood.join().expect("it ends");
        let events = scene.witness.events();
        let heard =
            events.iter().filter(|event| matches!(event, Event::Said { said, .. } if said.payload.len() == len));
        // 200 at once and 50 a second.
        let most = 210 + began.elapsed().as_millis() / 20;
        assert!((heard.count() as u128) < most, "of at most {most}");
        scene.still_works();
    }
}

#[test]
fn case_119_coming_and_going_and_resuming_in_a_loop_leaves_nothing_behind() {
    let mut scene = Scene::new();
    scene.witness.text("before");
    let mut peer = scene.enter("mallory");
    let entered = (peer.seq, peer.count);
    talk(&mut scene.witness, 20);
    let resident = scene.host.process.resident();
    // As often as one key may come at once, and no more.
    for _ in 0..50 {
        // Always from where it entered, so that the room tells everything again.
        (peer.seq, peer.count) = entered;
        peer = peer.again(scene.port);
        peer.knock();
        peer.expect_line("honest 19");
        // And in and out as somebody new.
        let mut other = Peer::call(scene.port, &stranger());
        other.hello.instance = instance();
        other.knock();
        other.say(&ToRoom::Leave);
        other.rest();
    }
    let grown = scene.host.process.resident().zip(resident).map(|(now, before)| now.saturating_sub(before));
    assert!(grown.is_none_or(|bytes| bytes < 16 * MIB), "{grown:?}");
    talk(&mut scene.witness, 5);
    let Answer::Who { rows, .. } = scene.witness.ask(Request::Who { after: 0 }) else { panic!("no answer") };
    let names: Vec<_> = rows.iter().map(|row| row.member.name.as_str()).collect();
    assert_eq!(names, ["alice", "witness", "mallory"]);
    scene.still_works();
}

#[test]
fn case_119_questions_and_pings_in_a_loop_wait_for_their_turn_and_others_do_not() {
    let mut scene = Scene::new();
    let mut peer = scene.enter("mallory");
    let frame = encode(&ToRoom::Ask(Request::Names { prefix: String::new() })).expect("it fits");
    let ping = encode(&ToRoom::Ping(1)).expect("it fits");
    let asked = Instant::now();
    // Nothing is read meanwhile, so that the answers wait, too.
    peer.bytes(&[frame.repeat(2_000), ping.repeat(20_000)].concat());
    talk(&mut scene.witness, 40);
    let resident = scene.host.process.resident();
    assert!(resident.is_none_or(|bytes| bytes < 64 * MIB), "{resident:?}");
    // 60 at once, and 20 a second: it is far from the end of what was asked.
    let began = Instant::now();
    for _ in 0..85 {
        peer.expect("an answer", |frame| matches!(frame, FromRoom::Answer(_)).then_some(()));
    }
    assert!(asked.elapsed() > Duration::from_secs(1), "{:?}", asked.elapsed());
    assert!(began.elapsed() < PATIENCE);
    drop(peer);
    scene.still_works();
}

/// An end of a stream that presents a token.
fn end(port: u16, token: Token) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the room listens");
    stream.write_all(&[&STREAM_MAGIC[..], &token.0].concat()).expect("it reads");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream
}

#[test]
fn case_120_thirty_two_streams_that_nobody_reads_cost_the_host_next_to_no_memory() {
    const STREAMS: usize = 32;
    let mut scene = Scene::new();
    let [mut opener, mut target] = ["bob", "carol"].map(|name| scene.enter(name));
    let (key, instance) = (target.identity.public_key(), target.hello.instance);
    let resident = scene.host.process.resident();
    let mut ends = Vec::new();
    for _ in 0..STREAMS {
        let Answer::Stream { token } = opener.ask(Request::Stream { key, instance }) else { panic!("denied") };
        let near = end(scene.port, token);
        let token = target.expect_event("a token", |event| match event {
            Event::Stream { token, .. } => Some(token),
            _ => None,
        });
        ends.push((near, end(scene.port, token)));
    }
    assert!(matches!(opener.ask(Request::Stream { key, instance }), Answer::NoStream { temporary: true, .. }));
    let chunk = vec![7; MIB as usize];
    let mut sent = Vec::new();
    for (near, _) in &mut ends {
        near.set_nonblocking(true).expect("a socket");
        let mut of_this = 0;
        while of_this < chunk.len()
            && let Ok(written @ 1..) = near.write(&chunk[of_this..])
        {
            of_this += written;
        }
        sent.push(of_this);
    }
    talk(&mut scene.witness, 10);
    let grown = scene.host.process.resident().zip(resident).map(|(now, before)| now.saturating_sub(before));
    assert!(grown.is_none_or(|bytes| bytes < 16 * MIB), "{grown:?} for {} bytes", sent.iter().sum::<usize>());
    // All of it arrives once it is read.
    for ((near, mut far), sent) in ends.into_iter().zip(sent) {
        drop(near);
        let mut got = Vec::new();
        far.read_to_end(&mut got).expect("it ends in good order");
        assert_eq!(got.len(), sent);
    }
    scene.still_works();
}
