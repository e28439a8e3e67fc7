//! Members that stand still or are slow, and others that shall not notice.

use std::time::{Duration, Instant};

use super::*;
use crate::support::Pty;

const MIB: u64 = 1 << 20;

/// What one line says at the most, and how many of them are more than the room's log and all sockets on the way hold.
const LINE: usize = 4_000;
const FLOOD: usize = 8_000;

/// What the host may take while MiBs are said.
const MEMORY: u64 = 64 * MIB;

/// What others may take for a few lines, on a machine that has other things to do as well.
const SOON: Duration = Duration::from_secs(15);

/// A room with two who talk to each other.
struct Room {
    host: Pchat,
    bob: Pchat,
    port: u16,
    said: usize,
    _homes: [Home; 2],
}

impl Room {
    fn open() -> Self {
        let homes = [Home::new(), Home::new()];
        let host = Pchat::host(&homes[0], "alice", &["--open", "--rate", "off"]);
        let port = host.port();
        let bob = Pchat::join(&homes[1], "bob", port, &[]);
        Self { host, bob, port, said: 0, _homes: homes }
    }

    /// Some lines between those two.
    fn talk(&mut self, lines: usize) {
        let began = Instant::now();
        for _ in 0..lines {
            self.said += 1;
            self.bob.say(&format!("{} of bob", self.said));
            self.host.out.expect(&format!("bob: {} of bob", self.said));
            self.host.say(&format!("{} of alice", self.said));
            self.bob.out.expect(&format!("alice: {} of alice", self.said));
        }
        assert!(began.elapsed() < SOON, "{lines} lines took {:?}", began.elapsed());
    }

    /// More than fits anywhere on the way to one who takes nothing.
    fn flood(&mut self, lines: usize) {
        let filler = "x".repeat(LINE);
        for part in 0..lines.div_ceil(100) {
            let count = 100.min(lines - part * 100);
            for _ in 0..count {
                self.said += 1;
                self.host.say(&format!("{} {filler}", self.said));
            }
            // Bob, who takes all of it, has each of them.
            let last = format!("alice: {} ", self.said);
            self.bob.out.expect_where("the last one", |line| line.starts_with(&last));
            let resident = self.host.process.resident();
            assert!(resident.is_none_or(|bytes| bytes < MEMORY), "{resident:?}");
        }
    }
}

/// What one who was away heard of the two and was told to have missed, each line once and in order.
fn share(lines: &[String]) -> (usize, usize) {
    let missed =
        lines.iter().filter_map(|line| line.strip_prefix("* ")?.strip_suffix(" lines missed")?.parse::<usize>().ok());
    let mut heard = 0;
    for name in ["alice", "bob"] {
        let numbers: Vec<_> = said(lines, name).into_iter().map(number).collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        heard += numbers.len();
    }
    (heard, missed.sum::<usize>())
}

/// Carol takes nothing, or little, while the others talk. What she has of it after, and what she was told to have missed.
fn beside_others(room: &mut Room, carol: &Pchat, flood: usize, go_on: impl FnOnce()) -> usize {
    room.talk(5);
    room.flood(flood);
    room.talk(5);
    go_on();
    // The very last is no part of any gap.
    room.talk(1);
    let last = format!("alice: {} of alice", room.said);
    carol.out.collect(1, |line| line == last);
    let (heard, missed) = share(&carol.out.so_far());
    assert_eq!(heard + missed, flood + 22, "{heard} heard and {missed} missed");
    missed
}

/// One whose program is stopped.
fn stopped(flood: usize) -> usize {
    let (mut room, home) = (Room::open(), Home::new());
    let carol = Pchat::join(&home, "carol", room.port, &[]);
    carol.signal(Signal::STOP);
    beside_others(&mut room, &carol, flood, || carol.signal(Signal::CONT))
}

#[test]
fn one_that_is_stopped_for_a_moment_holds_up_nobody_and_then_has_everything() {
    assert_eq!(stopped(100), 0);
}

#[test]
fn case_117_one_that_is_stopped_while_more_is_said_than_the_room_keeps_is_told_how_much() {
    assert!(stopped(FLOOD) > 0);
}

#[test]
fn case_123_one_behind_a_line_of_a_kilobyte_a_second_holds_up_nobody() {
    let (mut room, home) = (Room::open(), Home::new());
    let proxy = Proxy::from(30, room.port);
    let carol = Pchat::join(&home, "carol", proxy.port, &[]);
    proxy.throttle(1_000);
    beside_others(&mut room, &carol, FLOOD, || {
        proxy.throttle(u32::MAX);
        // What the proxy is busy with would take it a while yet.
        proxy.cut();
    });
}

/// One at a terminal that takes nothing, for one reason or another.
fn at_a_terminal(hold: impl FnOnce(&mut Pty), go_on: impl FnOnce(&mut Pty)) {
    let (mut room, home) = (Room::open(), Home::new());
    // Only what a shell with jobs has started can be stopped by a key.
    let mut shell = home.command("bash");
    let job = "set -m; \"$0\" join 127.0.0.1:$1 --name carol --time off; echo it is stopped; read -r; fg";
    shell.args(["-c", job, env!("CARGO_BIN_EXE_pchat"), &room.port.to_string()]);
    let mut carol = Pty::spawn(shell);
    carol.wait_for("its prompt", |text| text.contains("\ncarol>") && text.contains("* you are carol "));
    hold(&mut carol);
    room.talk(5);
    room.flood(1_000);
    room.talk(5);
    go_on(&mut carol);
    room.talk(1);
    carol.expect(&format!("alice: {} of alice", room.said));
    // She talks on, too, and nothing of hers went away with it.
    carol.line("here again");
    room.bob.out.expect("carol: here again");
}

#[test]
fn one_whose_terminal_shows_nothing_more_holds_up_nobody() {
    at_a_terminal(|carol| carol.hold(), |carol| carol.go_on());
}

#[test]
fn one_who_presses_ctrl_z_holds_up_nobody() {
    let stop = |carol: &mut Pty| {
        carol.keys("\x1a");
        carol.expect("it is stopped");
    };
    at_a_terminal(stop, |carol| carol.keys("\r"));
}

#[test]
fn a_host_that_stands_still_for_a_moment_loses_nobody_and_nothing() {
    let mut room = Room::open();
    room.talk(3);
    room.host.signal(Signal::STOP);
    room.bob.say("into the dark");
    // Not to wait for something: this is how long it stands still, longer than a timer may be late.
    std::thread::sleep(Duration::from_secs(6));
    room.host.signal(Signal::CONT);
    room.host.out.expect("bob: into the dark");
    room.talk(3);
    let told = room.bob.out.so_far();
    assert!(!told.iter().any(|line| line.contains("dialling") || line.contains("missed")), "{told:?}");
}

#[test]
#[ignore = "takes a minute"]
fn a_host_that_stands_still_for_a_minute_has_everybody_back() {
    let mut room = Room::open();
    room.talk(3);
    room.host.signal(Signal::STOP);
    room.bob.say("into the dark");
    std::thread::sleep(Duration::from_secs(60));
    room.host.signal(Signal::CONT);
    room.host.out.expect("bob: into the dark");
    room.talk(3);
    let told = room.host.out.so_far();
    assert!(!told.iter().any(|line| line.contains("left")), "{told:?}");
}
