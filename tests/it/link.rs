//! Connections that break, hosts that crash, and keys that change.

use std::{io::Write, net::TcpListener};

use crate::support::{Dice, Home, Pchat, Proxy, Pty, Signal};

/// What somebody said, as another member's output shows it.
fn said_by(name: &str, reader: &Pchat, count: usize) -> Vec<String> {
    let start = format!("{name}: ");
    reader.out.collect(count, |line| line.starts_with(&start))
}

fn numbered(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{name}: line {i}")).collect()
}

#[test]
fn cases_38_and_48_a_connection_cut_anywhere_many_times_loses_and_doubles_nothing() {
    const LINES: usize = 400;
    const CUTS: usize = 25;
    let seed = 2;
    let mut dice = Dice::new(seed);
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open", "--rate", "off"]);
    let proxy = Proxy::to(host.port());
    let mut member = Pchat::join(&bob, "bob", proxy.port, &[]);
    // A handshake takes some 3,500 bytes: some cuts are within it, most in the talk.
    proxy.cut_after((0..CUTS).map(|_| 1_000 + dice.roll(12_000)));
    proxy.cut();
    for i in 0..LINES {
        host.say(&format!("line {i}"));
        member.say(&format!("line {i} {}", "x".repeat(dice.roll(200) as usize)));
        if i % 16 == 15 {
            // In step with each other, so that every connection carries something.
            said_by("bob", &host, i + 1 - 15);
        }
    }
    let heard = said_by("alice", &member, LINES);
    let seen: Vec<_> =
        said_by("bob", &host, LINES).iter().map(|line| line.trim_end_matches(['x', ' ']).to_owned()).collect();
    assert_eq!(heard, numbered("alice", LINES), "seed {seed}");
    assert_eq!(seen, numbered("bob", LINES), "seed {seed}");
    assert!(proxy.accepted() > 5, "seed {seed}: {} connections", proxy.accepted());
    // What comes after shows that nothing comes twice.
    proxy.cut_after([u64::MAX; 1]);
    member.say("quit");
    assert_eq!(member.wait().code, Some(0));
    host.out.expect("* bob left");
    assert_eq!(said_by("bob", &host, LINES).len(), LINES, "seed {seed}");
    let left = host.out.so_far().iter().filter(|line| *line == "* bob left").count();
    assert_eq!(left, 1, "a cut is no leave");
    assert!(!host.out.so_far().iter().any(|line| line.contains("missing") || line.contains("missed")));
}

#[test]
fn case_39_segments_of_one_byte_carry_the_talk() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let proxy = Proxy::to(host.port());
    proxy.split(1);
    let mut member = Pchat::join(&bob, "bob", proxy.port, &[]);
    for i in 0..20 {
        member.say(&format!("line {i}"));
        host.say(&format!("line {i}"));
    }
    assert_eq!(said_by("bob", &host, 20), numbered("bob", 20));
    assert_eq!(said_by("alice", &member, 20), numbered("alice", 20));
}

#[test]
fn a_slow_line_carries_the_talk() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let proxy = Proxy::to(host.port());
    proxy.throttle(8_000);
    let mut member = Pchat::join(&bob, "bob", proxy.port, &[]);
    for i in 0..50 {
        member.say(&format!("line {i}"));
        host.say(&format!("line {i}"));
    }
    assert_eq!(said_by("bob", &host, 50), numbered("bob", 50));
    assert_eq!(said_by("alice", &member, 50), numbered("alice", 50));
}

#[test]
fn a_line_that_stalls_and_goes_on_loses_nothing() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let proxy = Proxy::to(host.port());
    let mut member = Pchat::join(&bob, "bob", proxy.port, &[]);
    for round in 0..5 {
        proxy.stall(true);
        for i in 0..10 {
            member.say(&format!("line {}", round * 10 + i));
            host.say(&format!("line {}", round * 10 + i));
        }
        proxy.stall(false);
        assert_eq!(said_by("bob", &host, round * 10 + 10), numbered("bob", round * 10 + 10));
        assert_eq!(said_by("alice", &member, round * 10 + 10), numbered("alice", round * 10 + 10));
    }
}

#[test]
fn case_49_a_wrong_bit_breaks_the_connection_and_loses_nothing() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let proxy = Proxy::to(host.port());
    let mut member = Pchat::join(&bob, "bob", proxy.port, &[]);
    for round in 0..6 {
        proxy.spoil();
        if round % 2 == 0 {
            member.say(&format!("line {}", round / 2));
            assert_eq!(said_by("bob", &host, round / 2 + 1), numbered("bob", round / 2 + 1));
        } else {
            host.say(&format!("line {}", round / 2));
            assert_eq!(said_by("alice", &member, round / 2 + 1), numbered("alice", round / 2 + 1));
        }
    }
    assert!(proxy.accepted() > 2, "{} connections", proxy.accepted());
}

#[test]
fn case_146_members_of_a_crashed_host_say_so_keep_dialling_and_come_back_by_themselves() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let port = host.port();
    let mut members = [
        Pchat::join(&bob, "bob", port, &[]),
        Pchat::join(&bob, "ben", port, &[]),
        Pchat::join(&alice, "carol", port, &[]),
    ];
    members[0].say("before");
    members[2].out.expect("bob: before");
    host.signal(Signal::KILL);
    assert_eq!(host.wait().code, None);
    for member in &mut members {
        member.out.expect("* the connection broke; dialling again until it works");
        member.say("said meanwhile");
    }
    let again =
        Pchat::run(&alice, &["host", "--port", &port.to_string(), "--bind", "127.0.0.1", "--name", "alice", "--open"]);
    for (member, name) in members.iter().zip(["bob", "ben", "carol"]) {
        member.out.expect("* connected again; the room was restarted");
        again.out.collect(1, |line| line == format!("{name}: said meanwhile"));
    }
    members.iter_mut().for_each(|member| member.say("after"));
    again.out.collect(3, |line| line.ends_with(": after"));
    for member in &members {
        member.out.collect(2, |line| line.ends_with(": after"));
    }
    // Whoever was back first said it again before the others were there, and they have it all the same, once.
    for (at, member) in members.iter().enumerate() {
        for (from, name) in ["bob", "ben", "carol"].into_iter().enumerate() {
            let line = format!("{name}: said meanwhile");
            let heard = member.out.so_far().iter().filter(|heard| **heard == line).count();
            assert_eq!(heard, usize::from(from != at), "{line} at member {at}: {:?}", member.out.so_far());
        }
    }
}

#[test]
fn cases_79_and_146_one_who_waits_for_a_crashed_host_can_leave_at_once() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    let port = host.port();
    let mut by_word = Pchat::join(&alice, "bob", port, &[]);
    let by_signal = Pchat::join(&alice, "carol", port, &[]);
    host.signal(Signal::KILL);
    for member in [&by_word, &by_signal] {
        member.out.expect_where("that it dials", |line| line.ends_with("; dialling again until it works"));
    }
    let began = std::time::Instant::now();
    by_word.say("quit");
    let ended = by_word.wait();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    by_signal.signal(Signal::TERM);
    let ended = by_signal.wait();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

#[test]
fn case_79_lines_that_a_crashed_host_never_got_are_counted_by_one_who_leaves() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    let mut member = Pchat::join(&alice, "bob", host.port(), &[]);
    host.signal(Signal::KILL);
    member.out.expect_where("that it dials", |line| line.ends_with("; dialling again until it works"));
    member.say("lost");
    member.say("quit");
    let ended = member.wait();
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), "error: 1 line not delivered"));
}

#[test]
fn case_79_a_person_reads_which_lines_were_not_delivered() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let mut member = Pty::join(&bob, "bob", host.port());
    host.out.expect("* bob joined");
    host.say("mute bob");
    member.expect("* alice has muted you");
    member.line("one");
    member.line("text two");
    member.wait_for("which ones", |text| {
        ["one", "text two"]
            .iter()
            .all(|line| text.contains(&format!("error: not said: the host has muted you: {line}\n")))
    });
    host.signal(Signal::KILL);
    member.expect("; dialling again until it works");
    member.line("three");
    member.keys("four\x1b\rfive\r");
    member.line("quit");
    assert_eq!(member.wait_clean(), Some(1));
    let text = member.text();
    assert!(text.ends_with("error: 2 lines not delivered:\n  | three\n  | four\n  | five"), "{text}");
}

#[test]
fn case_30_a_changed_key_is_a_hard_stop_until_it_is_forgotten() {
    let (alice, mallory, bob) = (Home::new(), Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let proxy = Proxy::to(host.port());
    let address = format!("127.0.0.1:{}", proxy.port);
    drop(Pchat::join(&bob, "bob", proxy.port, &[]).end());
    let other = Pchat::host(&mallory, "alice", &["--open"]);
    proxy.lead_to(other.port());
    let ended = Pchat::knock(&bob, "bob", proxy.port, &[]).end();
    assert_eq!(ended.code, Some(1));
    let fingerprints = [&alice, &mallory].map(|home| Pchat::once(home, &["id"]).out.replace("guest ", ""));
    assert!(ended.err.contains(&format!("before: {}", fingerprints[0])), "{}", ended.err);
    assert!(ended.err.contains(&format!("now:    {}", fingerprints[1])), "{}", ended.err);
    assert!(ended.err.ends_with(&format!("pchat forget {address}")), "{}", ended.err);
    assert!(!ended.out.contains("you are"), "{}", ended.out);
    other.out.expect_start("* you are alice");
    assert!(!other.out.so_far().iter().any(|line| line.contains("bob")), "it never entered");
    let forgotten = Pchat::once(&bob, &["forget", &address]);
    assert_eq!((forgotten.code, forgotten.err.as_str()), (Some(0), ""));
    let member = Pchat::join(&bob, "bob", proxy.port, &[]);
    other.out.expect("* bob joined");
    drop(member);
    // And the other way round.
    proxy.lead_to(host.port());
    assert_eq!(Pchat::knock(&bob, "bob", proxy.port, &[]).end().code, Some(1));
}

#[test]
fn case_30_a_member_whose_room_is_taken_over_by_another_key_stops() {
    let (alice, mallory, bob) = (Home::new(), Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let proxy = Proxy::to(host.port());
    let member = Pchat::join(&bob, "bob", proxy.port, &["--stay"]);
    let other = Pchat::host(&mallory, "alice", &["--open"]);
    proxy.lead_to(other.port());
    proxy.cut();
    let ended = member.wait();
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.starts_with(&format!("error: another host answers at 127.0.0.1:{} now", proxy.port)),
        "{}",
        ended.err
    );
    assert!(!other.out.so_far().iter().any(|line| line.contains("bob")));
}

#[test]
fn case_127_a_member_that_redials_takes_the_place_of_its_half_dead_connection() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let first = Proxy::to(host.port());
    // Two proxies in a row: the far half of the connection stays open when the near one is cut.
    let second = Proxy::to(first.port);
    let mut member = Pchat::join(&bob, "bob", second.port, &[]);
    first.stall(true);
    second.cut();
    member.out.expect_where("that it dials", |line| line.ends_with("; dialling again until it works"));
    second.lead_to(host.port());
    member.out.expect("* connected again");
    member.say("here again");
    host.out.expect("bob: here again");
    host.say("so I see");
    member.out.expect("alice: so I see");
    assert!(!host.out.so_far().iter().any(|line| line.contains("bob-2") || line.contains("bob left")));
}

#[test]
fn a_redial_that_meets_something_else_goes_on_until_the_room_answers() {
    let alice = Home::new();
    let mut host = Pchat::host(&alice, "alice", &[]);
    let proxy = Proxy::to(host.port());
    let member = Pchat::join(&alice, "bob", proxy.port, &[]);
    host.out.expect("* bob joined");
    let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
    proxy.lead_to(other.local_addr().expect("it has one").port());
    proxy.cut();
    for _ in 0..2 {
        let (mut caller, _) = other.accept().expect("a redial");
        caller.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").expect("a banner");
    }
    proxy.lead_to(host.port());
    member.out.expect("* connected again");
    host.say("welcome back");
    member.out.expect("alice: welcome back");
}
