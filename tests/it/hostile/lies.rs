//! What a hostile room may tell the members in it, who are real.

use std::io::Read;

use pchat::{
    net,
    trust::Identity,
    wire::{
        Departure, End, Epoch, Event, FromRoom, Gap, Introduction, MAX_FRAME_LEN, Refusal, STREAM_MAGIC, Said,
        StreamHello, Token, encode,
    },
};
use rustls::ClientConnection;

use super::{
    peer::{instance, stranger},
    room::{Guest, Room},
    wire::{Over, Wire},
};
use crate::support::{Ended, Home, Pchat, Signal};

const EVIL: &str = "x\x1b[2J\x1b]0;owned\x07\u{9b}H\r\u{202e}";
const SHOWN: &str = "x<U+001B>[2J<U+001B>]0;owned<U+0007><U+009B>H<U+000D><U+202E>";

/// Checks that the program ended as failed, with one line that says so.
pub fn failed(ended: &Ended, says: &str) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let error = ended.err.strip_prefix("error: ").unwrap_or_else(|| panic!("{ended:?}"));
    assert!(!error.contains(|c: char| c.is_control()) && error.contains(says), "{ended:?}");
}

#[test]
fn case_69_and_147_what_a_room_calls_people_and_gives_as_reasons_is_shown_as_codes() {
    let room = Room::open();
    let home = Home::new();
    let (member, mut guest) = room.joined(&home, &["--stay"]);
    let carol = guest.introduce(2, EVIL);
    guest.said(2, 1, 0, "hello");
    member.out.expect(&format!("{SHOWN}: hello"));
    guest.event(Event::Joined(Introduction { number: 3, name: EVIL.to_owned(), ..carol.clone() }));
    member.out.expect(&format!("* {SHOWN} joined"));
    guest.event(Event::Renamed { member: 3, name: format!("{EVIL}2") });
    member.out.expect(&format!("* {SHOWN} is now {SHOWN}2"));
    guest.event(Event::Away { member: 3 });
    member.out.expect_start(&format!("* {SHOWN}2 is away"));
    let (by, reason) = (EVIL.to_owned(), EVIL.to_owned());
    guest.event(Event::Left { member: 3, how: Departure::Kicked { by, reason, term: pchat::wire::Term::Good } });
    member.out.expect(&format!("* {SHOWN}2 was put out for good by {SHOWN}: {SHOWN}"));
    guest.event(Event::Said {
        from: 2,
        n: 2,
        prev: 1,
        to: None,
        kept: None,
        said: Said { command: EVIL.to_owned(), payload: "x".into() },
    });
    member.out.expect(&format!("* {SHOWN} used `{SHOWN}`, which this pchat does not have"));
    let key = carol.key;
    // A line end in a name makes a row that says whose it is: nobody's.
    let two_rows = Introduction { number: 4, name: "eve\n* alice left".to_owned(), ..carol.clone() };
    guest.event(Event::Joined(two_rows));
    member.out.expect("* eve");
    member.out.expect("  | * alice left joined");
    let knock = Event::Knock { name: EVIL.to_owned(), key, address: None, claims: Some(EVIL.to_owned()), more: 1 };
    guest.event(knock);
    guest.event(Event::KnockOver { name: EVIL.to_owned(), entered: true });
    // The longest reason that a frame can hold.
    let reason = EVIL.repeat(12 * 1024 / EVIL.len());
    guest.say(&FromRoom::Ended(End::Kicked { by: EVIL.to_owned(), reason, term: pchat::wire::Term::Minutes }));
    let ended = member.wait();
    failed(&ended, &format!("{SHOWN} put you out of the room: {SHOWN}"));
    assert!(!ended.out.contains(|c: char| c.is_control() && c != '\n'), "{ended:?}");
    assert!(!ended.out.lines().any(|line| line.starts_with("* alice left")), "{}", ended.out);
}

#[test]
fn case_69_refusals_are_shown_as_codes_and_end_it() {
    let room = Room::open();
    let home = Home::new();
    for (refusal, says) in [
        (Refusal::Name(EVIL.to_owned()), SHOWN),
        (Refusal::Banned { secs: Some(u64::MAX) }, "you were put out of this room"),
        (Refusal::Full { limit: u32::MAX }, "the room is full"),
        (Refusal::Yourself, "the very program"),
    ] {
        let member = Pchat::knock(&home, "bob", room.port, &[]);
        room.accept().say(&FromRoom::Refused(refusal));
        failed(&member.wait(), says);
    }
}

#[test]
fn case_10_a_room_that_keeps_one_waiting_at_the_door_can_be_left() {
    let room = Room::open();
    let home = Home::new();
    let member = Pchat::knock(&home, "bob", room.port, &[]);
    room.accept().say(&FromRoom::Refused(Refusal::Stranger));
    let mut guest = room.accept();
    for i in 0..200 {
        guest.say(&FromRoom::Waiting { name: format!("{EVIL}{i}") });
    }
    member.out.expect(&format!("* you wait at the door as {SHOWN}199: the host is being asked"));
    member.signal(Signal::TERM);
    let ended = member.wait();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
}

#[test]
fn case_130_what_was_missed_is_counted_and_said() {
    let room = Room::open();
    let home = Home::new();
    let (member, mut guest) = room.joined(&home, &["--stay"]);
    guest.introduce(2, "carol");
    guest.said(2, 1, 0, "before");
    member.out.expect("carol: before");
    guest.seq = 500;
    guest.say(&FromRoom::Gap(Gap { missed: 490, accepted: 0, seq: 500, kept: Vec::new() }));
    member.out.expect("* 490 lines missed");
    guest.introduce(2, "carol");
    // What is missing in the gap is not stated a second time.
    guest.said(2, 400, 399, "after");
    member.out.expect("carol: after");
    assert!(!member.out.so_far().iter().any(|line| line.contains("something")), "{:?}", member.out.so_far());
}

#[test]
fn case_142_a_line_that_was_left_out_shows_and_one_that_comes_late_does_not() {
    let room = Room::open();
    let home = Home::new();
    let (mut member, mut guest) = room.joined(&home, &["--stay"]);
    guest.introduce(2, "carol");
    guest.said(2, 1, 0, "one");
    guest.said(2, 4, 3, "four");
    guest.said(2, 3, 2, "three, too late");
    // Words in somebody's mouth cannot be told from theirs: lines are the host's to tell.
    guest.said(2, 5, 4, "forged");
    member.out.expect("carol: one");
    member.out.expect("* something that carol said before this is missing");
    member.out.expect("carol: four");
    member.out.expect("carol: forged");
    assert!(!member.out.so_far().iter().any(|line| line.contains("too late")));
    // Nor can words be put into the member's own mouth: what it never said breaks the protocol.
    member.say("mine");
    assert_eq!(guest.echo(), "mine");
    guest.said(5, 2, 1, "never said");
    let ended = member.wait();
    failed(&ended, "the room breaks the protocol: it acknowledges what was never sent");
    assert!(!ended.out.contains("never said"), "{}", ended.out);
}

/// Checks that a room that says this to somebody who is in is left with a plain line.
fn is_broken(what: &str, says: impl FnOnce(&mut Guest)) {
    let room = Room::open();
    let home = Home::new();
    let (member, mut guest) = room.joined(&home, &["--stay"]);
    guest.introduce(1, "alice");
    says(&mut guest);
    let ended = member.wait();
    assert!(ended.err.contains("the room breaks the protocol"), "{what}: {ended:?}");
    failed(&ended, "the room breaks the protocol");
    assert!(!ended.out.contains("unsaid"), "{what}: {}", ended.out);
}

#[test]
fn cases_37_to_46_and_143_a_room_that_sends_what_is_no_frame_is_left_in_plain_words() {
    let body = |body: &[u8]| [&(body.len() as u32).to_be_bytes(), body].concat();
    let longest = vec![2; MAX_FRAME_LEN];
    for bytes in [
        vec![0, 0, 0, 0],
        vec![0xff; 4],
        (MAX_FRAME_LEN as u32 + 1).to_be_bytes().to_vec(),
        body(&[10]),
        body(&[0x7f]),
        body(&[8, 1, 0]),
        body(&[8, 0x80, 0x00]),
        body(&[1, 2, 0xff, 0xff]),
        body(&[1, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        body(&[4, 11, 99]),
        body(&longest),
    ] {
        is_broken(&format!("{:?}", &bytes[..bytes.len().min(20)]), |guest| guest.link.bytes(&bytes));
    }
}

#[test]
fn cases_41_and_143_a_room_that_says_what_no_room_says_is_left_in_plain_words() {
    let said = |to| Event::Said { from: 1, n: 1, prev: 0, to, kept: None, said: super::peer::line("unsaid") };
    let event = |seq, event| FromRoom::Event { seq, event };
    let gap = |seq, accepted| FromRoom::Gap(Gap { missed: 1, accepted, seq, kept: Vec::new() });
    for frame in [
        event(10, said(None)),
        event(0, said(None)),
        event(11, said(Some(77))),
        event(11, Event::Left { member: 99, how: Departure::Quit }),
        event(11, Event::Renamed { member: 99, name: "x".to_owned() }),
        event(11, Event::Stream { from: 99, token: Token([7; 32]) }),
        event(11, Event::Refused { n: 7, reason: "x".to_owned() }),
        gap(9, 0),
        gap(11, u64::MAX),
        FromRoom::Waiting { name: "x".to_owned() },
        FromRoom::Refused(Refusal::Declined),
    ] {
        is_broken(&format!("{frame:?}"), |guest| guest.say(&frame));
    }
}

#[test]
fn case_144_a_stream_of_a_room_for_what_was_never_offered_gets_nothing() {
    let room = Room::open();
    let home = Home::new();
    let secret = home.path().join("secret.txt");
    std::fs::write(&secret, "the secret").expect("a file");
    let (_member, mut guest) = room.joined(&home, &["--stay"]);
    let carol = stranger();
    let introduction =
        Introduction { number: 2, key: carol.public_key(), instance: instance(), name: "carol".to_owned() };
    guest.say(&FromRoom::Member(introduction.clone()));
    let bob = Identity::load_or_create(&home.identity()).expect("it has one");
    for (command, purpose) in [
        ("sendfile", vec![9, 0]),
        ("sendfile", b"/etc/passwd".to_vec()),
        ("sendfile", secret.to_string_lossy().as_bytes().to_vec()),
        ("text", vec![9, 0]),
        ("nothing", Vec::new()),
    ] {
        guest.event(Event::Stream { from: 2, token: Token([7; 32]) });
        let mut socket = room.listener.accept().expect("its end comes").0;
        let mut head = [0; 40];
        socket.read_exact(&mut head).expect("a head");
        assert_eq!(head, *[&STREAM_MAGIC[..], &[7; 32]].concat());
        let name = "pchat.invalid".try_into().expect("a name");
        let tls = ClientConnection::new(net::stream_client_config(&carol), name).expect("a configuration");
        let mut wire = Wire::new(tls, socket);
        wire.shake_hands().expect("a handshake");
        assert_eq!(net::peer_key(wire.tls()), Some(bob.public_key()));
        let hello = StreamHello {
            opener: introduction.instance,
            target: guest.hello.instance,
            command: command.to_owned(),
            purpose: purpose.into(),
        };
        wire.send(&encode(&hello).expect("it fits")).expect("it reads");
        let mut got = Vec::new();
        let mut bytes = [0; 1024];
        let over = loop {
            match wire.receive(&mut bytes) {
                Ok(read) => got.extend_from_slice(&bytes[..read]),
                Err(over) => break over,
            }
        };
        assert_ne!(over, Over::Broken, "{command}");
        assert!(got.len() < 64 && !String::from_utf8_lossy(&got).contains("secret"), "{command}: {got:?}");
    }
}

#[test]
fn case_145_lines_of_yesterday_are_not_shown_again_by_a_room_that_says_it_is_new() {
    let room = Room::open();
    let home = Home::new();
    let (mut member, mut guest) = room.joined(&home, &["--stay"]);
    let carol = guest.introduce(2, "carol");
    guest.said(2, 1, 0, "one");
    guest.said(2, 2, 1, "two");
    member.out.expect("carol: two");
    for epoch in [2, 1, 3] {
        drop(guest);
        guest = room.accept();
        let resume = guest.hello.resume.expect("it was in before");
        assert_ne!(resume.epoch, Epoch([epoch; 16]), "another life of the room than the last one");
        guest.seq = 0;
        guest.welcome(|welcome| {
            welcome.epoch = Epoch([epoch; 16]);
            welcome.resumed = false;
        });
        member.out.expect("* connected again; the room was restarted");
        guest.say(&FromRoom::Member(carol.clone()));
        guest.said(2, 1, 0, "one");
        guest.said(2, 2, 1, "two");
        guest.said(2, 2 + u64::from(epoch), 1, "new");
        member.say("heard");
        guest.echo();
    }
    let said = member.out.so_far().into_iter().filter(|line| line.starts_with("carol: ")).collect::<Vec<_>>();
    assert_eq!(said.iter().filter(|line| *line == "carol: one").count(), 1, "{said:?}");
    assert_eq!(said.iter().filter(|line| *line == "carol: two").count(), 1, "{said:?}");
}
