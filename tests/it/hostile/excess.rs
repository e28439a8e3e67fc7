//! A hostile room that says more than any room: its members keep their own limits, and can always leave.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use pchat::{
    net,
    transfer::message::{Message, Offer},
    wire::{
        Answer, Event, FromRoom, Gap, Introduction, Kept, KnockRow, MAX_COMMAND_LEN, MAX_NAME_LEN, Refusal, Request,
        Said, ToRoom, Token, WhoRow, encode,
    },
};

use super::{
    lies::failed,
    peer::{instance, stranger},
    room::Room,
    wire::Wire,
};
use crate::support::{Home, Pchat, Signal};

#[test]
fn case_143_pings_gaps_and_answers_without_end_leave_the_member_able_to_talk_and_to_leave() {
    let room = Room::open();
    let home = Home::new();
    let (mut member, mut guest) = room.joined(&home, &["--stay"]);
    for i in 0..2_000 {
        guest.say(&FromRoom::Ping(i));
        guest.say(&FromRoom::Pong(i));
        guest.say(&FromRoom::Answer(Answer::Done));
        guest.seq += 1;
        let seq = guest.seq;
        guest.say(&FromRoom::Gap(Gap { missed: u64::MAX, accepted: 0, seq, kept: vec![u32::MAX; 100] }));
    }
    let mut pongs = 0;
    member.say("still here");
    let line = guest.expect("a line", |frame| match frame {
        ToRoom::Pong(_) => {
            pongs += 1;
            None
        }
        ToRoom::Envelope(envelope) => Some(envelope),
        _ => None,
    });
    assert_eq!(line.n, 1);
    // This room never says that it has heard anything.
    let began = Instant::now();
    member.signal(Signal::TERM);
    while pongs < 2_000 {
        guest.expect("a pong", |frame| matches!(frame, ToRoom::Pong(_)).then_some(()));
        pongs += 1;
    }
    let ended = member.wait();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), "error: 1 line not delivered"));
}

#[test]
fn case_143_a_hundred_thousand_members_and_pages_without_end_cost_little_and_end() {
    let room = Room::open();
    let home = Home::new();
    let (mut member, mut guest) = room.joined(&home, &["--stay"]);
    let before = member.process.resident();
    let key = stranger().public_key();
    let introduction =
        |number| Introduction { number, key, instance: instance(), name: format!("member-{number:0>16}") };
    // All at once, as bytes: a record for each would take its time.
    let mut bytes = Vec::new();
    for number in 100..100_100 {
        bytes.extend_from_slice(&encode(&FromRoom::Member(introduction(number))).expect("it fits"));
    }
    guest.link.bytes(&bytes);
    member.say("/who");
    let mut asked = 0;
    loop {
        // Its program asks once by itself; to both there is always another page.
        let after = match guest.link.frame().expect("it stays") {
            ToRoom::Ask(Request::Who { after }) => after,
            ToRoom::Envelope(_) => break,
            _ => continue,
        };
        asked += 1;
        if asked == 2 {
            member.say("asked enough");
        }
        let rows = (1..=64).map(|i| WhoRow {
            member: introduction(after + i),
            address: Some(Ipv4Addr::LOCALHOST.into()),
            since_secs: u64::MAX,
            rtt_micros: Some(u32::MAX),
            host: true,
            away: true,
            muted: false,
        });
        guest.say(&FromRoom::Answer(Answer::Who { rows: rows.collect(), more: true }));
    }
    assert!((2..=400).contains(&asked), "{asked} pages");
    member.out.expect_where("the rest counted", |line| line.starts_with("and ") && line.ends_with(" more"));
    let grown = member.process.resident().zip(before).map(|(now, before)| now.saturating_sub(before));
    assert!(grown.is_none_or(|bytes| bytes < 32 << 20), "{grown:?}");
}

#[test]
fn cases_92_and_143_offers_without_end_are_remembered_to_a_limit() {
    let room = Room::open();
    let home = Home::new();
    let (mut member, mut guest) = room.joined(&home, &["--stay"]);
    guest.introduce(2, "carol");
    for number in 1..=2_100_u32 {
        let offer = Offer { name: format!("file-{number}"), bytes: u64::from(number), folder: None };
        let payload = Message::Offer { tag: number, offer }.encode();
        guest.kept(2, number.into(), number, Said { command: "sendfile".to_owned(), payload });
    }
    member.out.expect("* carol offers file-2048 (2.0 KiB): accept 2048 / decline 2048");
    member.out.expect("* carol offers file-2049, which is one offer too many to remember");
    member.say("/accept 2100");
    member.err.expect("error: no offer has the number 2100");
    member.say("still here");
    assert_eq!(guest.echo(), "still here");
}

#[test]
fn case_143_redirects_without_end_come_to_an_end() {
    let room = Room::open();
    let home = Home::new();
    let member = Pchat::knock(&home, "bob", room.port, &[]);
    let mut calls = 0;
    let ended = std::thread::scope(|scope| {
        let waited = scope.spawn(move || member.wait());
        while !waited.is_finished() {
            room.listener.set_nonblocking(true).expect("a socket");
            let Ok((socket, _)) = room.listener.accept() else {
                std::thread::yield_now();
                continue;
            };
            socket.set_nonblocking(false).expect("a socket");
            let tls = rustls::ServerConnection::new(net::server_config(&room.identity)).expect("a configuration");
            let mut wire = Wire::new(tls, socket);
            wire.shake_hands().expect("a handshake");
            let mut link = super::peer::Link::<ToRoom>::new(wire);
            assert!(matches!(link.frame(), Some(ToRoom::Hello(_))));
            link.say(&FromRoom::Refused(Refusal::Moved { port: room.port }));
            calls += 1;
            assert!(calls < 20, "it goes where it is sent for ever");
        }
        waited.join().expect("it ends")
    });
    failed(&ended, "the room sends us from port to port");
}

#[test]
fn case_143_a_room_that_says_it_went_to_port_0_does_not_keep_anybody_from_joining_it_again() {
    let room = Room::open();
    let home = Home::new();
    let member = Pchat::knock(&home, "bob", room.port, &[]);
    room.accept().say(&FromRoom::Refused(Refusal::Moved { port: 0 }));
    failed(&member.wait(), "the room breaks the protocol");
    let (member, mut guest) = room.joined(&home, &["--stay"]);
    guest.event(Event::Moved { port: 0 });
    failed(&member.wait(), "the room breaks the protocol: it says that it moved to port 0");
    let (member, _guest) = room.joined(&home, &[]);
    drop(member);
}

#[test]
fn case_143_streams_and_knocks_without_end_leave_the_member_able_to_talk() {
    let room = Room::open();
    let home = Home::new();
    let (mut member, mut guest) = room.joined(&home, &["--stay"]);
    let carol = guest.introduce(2, "carol");
    for i in 0..1_000_u32 {
        guest.event(Event::Stream { from: 2, token: Token([i as u8; 32]) });
        let name = format!("knock-{i}");
        guest.event(Event::Knock { name, key: carol.key, address: None, claims: None, more: u32::MAX });
    }
    member.say("still here");
    assert_eq!(guest.echo(), "still here");
    // The answers are as many as it likes; nobody counts on them.
    let rows = vec![KnockRow { name: "x".to_owned(), key: carol.key, address: None, claims: None }; 100];
    guest.say(&FromRoom::Answer(Answer::Knocks(rows)));
    // Nobody takes the calls of its streams: only so many are made.
    room.listener.set_nonblocking(true).expect("a socket");
    let mut calls = 0;
    while room.listener.accept().is_ok() {
        calls += 1;
    }
    assert!(calls <= 64, "{calls} calls at once");
    member.signal(Signal::TERM);
    assert_eq!(member.wait().code, Some(0));
}

#[test]
fn case_143_a_room_that_hears_nothing_and_never_closes_is_left_in_time() {
    let room = Room::open();
    let home = Home::new();
    let (mut member, mut guest) = room.joined(&home, &["--stay"]);
    // More than it may have under way: the pipe is not read any more then.
    let lines: String = (0..300).map(|i| format!("line {i}\n")).collect();
    member.write(lines.as_bytes());
    guest.expect("a line", |frame| matches!(frame, ToRoom::Envelope(_)).then_some(()));
    let began = Instant::now();
    member.signal(Signal::TERM);
    let ended = member.wait();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.ends_with(" not delivered"), "{ended:?}");
    drop(guest);
}

#[test]
fn case_143_names_longer_than_any_end_it_before_they_are_remembered() {
    let room = Room::open();
    let home = Home::new();
    let key = stranger().public_key();
    let named = |name: String| Introduction { number: 3, key, instance: instance(), name };
    let (longest, longer) = (MAX_NAME_LEN, MAX_NAME_LEN + 1);
    let line = |length: usize| Event::Said {
        from: 2,
        n: 1,
        prev: 0,
        to: None,
        kept: Some(Kept { number: 1, tag: 1 }),
        said: Said { command: "x".repeat(length), payload: "x".into() },
    };
    let at = |seq, event| FromRoom::Event { seq, event };
    let row = |length: usize| WhoRow {
        member: named("x".repeat(length)),
        address: None,
        since_secs: 0,
        rtt_micros: None,
        host: false,
        away: false,
        muted: false,
    };
    let who = |length| FromRoom::Answer(Answer::Who { rows: vec![row(8), row(length)], more: true });
    let renamed = |length: usize| Event::Renamed { member: 2, name: "x".repeat(length) };
    for (fits, does_not) in [
        (FromRoom::Member(named("x".repeat(longest))), FromRoom::Member(named("x".repeat(longer)))),
        (at(20, Event::Joined(named("x".repeat(longest)))), at(30, Event::Joined(named("x".repeat(longer))))),
        (at(20, renamed(longest)), at(30, renamed(longer))),
        (at(20, line(MAX_COMMAND_LEN)), at(30, line(MAX_COMMAND_LEN + 1))),
        (who(longest), who(longer)),
    ] {
        let (mut member, mut guest) = room.joined(&home, &["--stay"]);
        guest.introduce(2, "carol");
        guest.say(&fits);
        guest.seq = 20;
        member.say("heard");
        guest.echo();
        guest.say(&does_not);
        failed(&member.wait(), "the room breaks the protocol: a name longer than any");
    }
}
