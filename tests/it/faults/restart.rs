//! Hosts that are killed or stopped and started again on the same port, with their members waiting for them.

use std::{
    net::{Ipv4Addr, TcpListener},
    time::{Duration, Instant},
};

use super::*;
use crate::{
    files::{MIB, expect_names, expect_saved, noise, partial, put},
    support::until,
};

/// Within this time of its being open a room has its members back, on a machine with much else to do. Promised are 12 s.
const BACK: Duration = Duration::from_secs(20);

/// What a member reads when it is back in a room that has lost its log.
const AGAIN: &str = "* connected again; the room was restarted";

/// A room that stays at its address when its program ends and is started again.
struct Place {
    home: Home,
    address: Ipv4Addr,
    port: u16,
    more: &'static [&'static str],
}

impl Place {
    /// A room at an address of loopback that is this test's own where the system has such: no other program takes its port
    /// while it is closed.
    fn open(of: u8, more: &'static [&'static str]) -> (Self, Pchat) {
        let address = if cfg!(target_os = "linux") { Ipv4Addr::new(127, 0, 9, of) } else { Ipv4Addr::LOCALHOST };
        let mut place = Self { home: Home::new(), address, port: 0, more };
        let (host, _) = place.again();
        place.port = host.port();
        (place, host)
    }

    /// Starts its program, and says since when it is open.
    fn again(&self) -> (Pchat, Instant) {
        let (address, port) = (self.address.to_string(), self.port.to_string());
        let mut args = vec!["host", "--bind", &address, "--port", &port, "--name", "alice"];
        args.extend(self.more);
        let host = Pchat::run(&self.home, &args);
        host.out.collect(1, |line| line.starts_with("* room open on port "));
        let open = Instant::now();
        host.out.collect(1, |line| line.starts_with("* you are alice"));
        (host, open)
    }

    fn join(&self, home: &Home, name: &str, more: &[&str]) -> Pchat {
        let joiner = self.knock(home, name, None, more);
        joiner.out.expect_start("* you are ");
        joiner
    }

    /// Somebody who may have a code.
    fn knock(&self, home: &Home, name: &str, code: Option<&str>, more: &[&str]) -> Pchat {
        let mut command = home.pchat();
        command.args(["join", &format!("{}:{}", self.address, self.port), "--name", name]).args(more);
        command.envs(code.map(|code| ("PCHAT_CODE", code)));
        Pchat::spawn(name, command)
    }
}

fn end(mut host: Pchat, signal: Signal) {
    host.signal(signal);
    host.process.wait();
}

/// Everybody's lines are at everybody else, once and in order.
fn check(programs: &[(&str, &Pchat)], lines: usize) {
    for (reader, program) in programs {
        let heard = program.out.so_far();
        for (sender, _) in programs.iter().filter(|(sender, _)| sender != reader) {
            let numbers: Vec<_> = said(&heard, sender).into_iter().map(number).collect();
            assert!(numbers.iter().copied().eq(0..lines), "{sender} at {reader}:\n{}", heard.join("\n"));
        }
        assert!(program.err.so_far().is_empty(), "{reader}: {:?}", program.err.so_far());
    }
}

/// A room that people come into with a code, whose host's program ends in this way and comes back.
fn everybody_is_back(of: u8, signal: Signal) {
    let (place, host) = Place::open(of, &[]);
    let code = host.code();
    let names = ["mema", "memb", "memc", "memd", "meme", "memf"];
    let homes = names.map(|_| Home::new());
    let mut members: Vec<Pchat> = Vec::new();
    for (name, home) in names.iter().zip(&homes) {
        let member = place.knock(home, name, Some(&code), &[]);
        member.out.expect_start("* you are ");
        members.push(member);
    }
    // One has another name than the one that it is on the list with.
    members[0].say("nick newname");
    let called = |index: usize| if index == 0 { "newname" } else { names[index] };
    for member in &members {
        member.out.collect(1, |line| line.ends_with("newname"));
    }
    let heard_by_all = |members: &[Pchat], lines: usize| {
        for (at, reader) in members.iter().enumerate() {
            for (sender, _) in names.iter().enumerate().filter(|(sender, _)| *sender != at) {
                reader.out.collect(lines, |line| line.starts_with(&format!("{}: ", called(sender))));
            }
        }
    };
    let say = |members: &mut [Pchat], number: usize| {
        members.iter_mut().for_each(|member| member.say(&format!("{number} of mine")));
    };
    say(&mut members, 0);
    heard_by_all(&members, 1);
    // A program that is told to end passes on what has reached it, whatever it is about just then; of one that is killed
    // some may have heard what others have not, which they read of.
    if signal == Signal::TERM {
        say(&mut members, 1);
    }
    let told = members.len();
    end(host, signal);
    for member in &members {
        let cut = member.out.expect_where("a cut", |line| line.contains("dialling again until it works"));
        assert_eq!(cut.contains("the host's program was stopped"), signal == Signal::TERM, "{cut}");
    }
    let first = if signal == Signal::TERM { 2 } else { 1 };
    for number in first..first + 3 {
        say(&mut members, number);
    }
    // Of two who write to each other, one is back before the other.
    members[1].say("msg memc to you alone");
    members[2].say("msg memb to you, too");
    let (host, open) = place.again();
    members.iter().for_each(|member| member.out.expect(AGAIN));
    let back = open.elapsed();
    eprintln!("{told} are back {back:?} after the room was open");
    assert!(back < BACK, "{back:?}");
    host.out.collect(told, |line| line.ends_with(" joined"));
    heard_by_all(&members, first + 3);
    members[1].out.collect(1, |line| line == "(memc) to you, too");
    members[2].out.collect(1, |line| line == "(memb) to you alone");
    say(&mut members, first + 3);
    heard_by_all(&members, first + 4);
    let programs: Vec<_> = members.iter().enumerate().map(|(at, member)| (called(at), member)).collect();
    check(&programs, first + 4);
    // They came in by their keys, and the new code is another one.
    assert_ne!(host.code(), code);
    // Nobody is told of the coming of those who were there.
    for member in &members {
        let joined = member.out.so_far().into_iter().skip_while(|line| line != AGAIN);
        let joined: Vec<_> = joined.filter(|line| line.ends_with(" joined") && line != "* alice joined").collect();
        assert!(joined.is_empty(), "{joined:?}");
    }
}

#[test]
fn case_146_after_a_crash_of_the_host_everybody_is_back_with_their_name_and_what_they_said_meanwhile() {
    everybody_is_back(1, Signal::KILL);
}

#[test]
fn case_146_after_a_stop_of_the_host_everybody_is_back_and_all_that_was_said_is_there() {
    everybody_is_back(2, Signal::TERM);
}

#[test]
fn case_146_a_host_that_is_stopped_may_come_back_and_one_whose_user_ends_it_does_not() {
    let (place, host) = Place::open(3, &["--open"]);
    let bob = Home::new();
    let member = place.join(&bob, "bob", &["--stay"]);
    // As a terminal does that is closed.
    end(host, Signal::HUP);
    member.out.expect_start("* the host's program was stopped, and the room may come back; dialling again");
    let (host, _) = place.again();
    member.out.expect(AGAIN);
    end(host, Signal::INT);
    member.out.expect("* alice closed the room");
    assert_eq!(member.wait().code, Some(0));
}

#[test]
fn case_66_a_name_is_kept_for_whoever_had_it_before_the_room_restarted() {
    for (of, signal) in [(6, Signal::KILL), (7, Signal::TERM)] {
        let (place, host) = Place::open(of, &["--open"]);
        let [bob, eve] = [Home::new(), Home::new()];
        let mut member = place.join(&bob, "bob", &["--stay"]);
        member.say("nick robert");
        host.out.collect(1, |line| line == "* bob is now robert");
        if signal == Signal::KILL {
            // Names are written down every few seconds.
            let known = place.home.path().join(".local/state/pchat/names");
            let names = || std::fs::read_to_string(&known);
            until(|| names().is_ok_and(|names| names.contains(" robert\n")), || "robert in its list".to_owned());
        }
        end(host, signal);
        // While it stands still, somebody else is there first.
        member.signal(Signal::STOP);
        let (host, _) = place.again();
        let other = place.knock(&eve, "robert", None, &["--stay"]);
        other.out.expect_start("* you are robert-2 in the room of alice");
        member.signal(Signal::CONT);
        member.out.expect(AGAIN);
        host.out.collect(1, |line| line == "* robert joined");
        member.say("it is me");
        host.out.collect(1, |line| line == "robert: it is me");
    }
}

#[test]
fn whoever_has_another_name_after_a_restart_is_told() {
    let (place, host) = Place::open(8, &["--open"]);
    let [bob, eve] = [Home::new(), Home::new()];
    let member = place.join(&bob, "bob", &["--stay"]);
    end(host, Signal::TERM);
    member.signal(Signal::STOP);
    // A host that has lost what it remembered.
    std::fs::remove_file(place.home.path().join(".local/state/pchat/names")).expect("it was written");
    let (_host, _) = place.again();
    let _other = place.join(&eve, "bob", &["--stay"]);
    member.signal(Signal::CONT);
    member.out.expect(AGAIN);
    member.out.expect("* you are now bob-2");
}

#[test]
fn members_dial_for_as_long_as_a_host_is_away() {
    let (place, host) = Place::open(4, &["--open"]);
    let bob = Home::new();
    let mut member = place.join(&bob, "bob", &[]);
    end(host, Signal::KILL);
    member.out.expect_start("* the connection broke; dialling again");
    member.say("said to nobody");
    // Something else is there meanwhile, and is no room.
    {
        let other = TcpListener::bind((place.address, place.port)).expect("the port is free");
        for _ in 0..2 {
            drop(other.accept().expect("it dials"));
        }
    }
    let (host, _) = place.again();
    member.out.expect(AGAIN);
    host.out.collect(1, |line| line == "bob: said to nobody");
}

#[test]
fn a_room_that_had_moved_is_found_where_it_is_opened_again() {
    let (place, mut host) = Place::open(9, &["--open"]);
    let bob = Home::new();
    let member = place.join(&bob, "bob", &["--stay"]);
    host.say("port 0");
    let moved: u16 = member.out.expect_start("* the room moved to port ").parse().expect("a port");
    assert_ne!(moved, place.port);
    // It is where it went: cut off there, a member comes back there.
    end(host, Signal::KILL);
    member.out.expect_start("* the connection broke; dialling again");
    let (mut host, _) = place.again();
    member.out.expect(AGAIN);
    host.say("welcome back");
    member.out.expect("alice: welcome back");
}

#[test]
fn transfers_go_on_when_their_host_was_killed_or_stopped() {
    const LEN: u64 = 6 * MIB;
    let (place, mut host) = Place::open(5, &["--open", "--auto-accept", "all"]);
    let [bob, carol] = [Home::new(), Home::new()];
    let all = ["--auto-accept", "all"];
    let (mut member, other) = (place.join(&bob, "bob", &all), place.join(&carol, "carol", &all));
    let bytes = [1, 2].map(|seed| noise(seed, LEN));
    put(&bob, "bobs.bin", &bytes[0]);
    put(&place.home, "alices.bin", &bytes[1]);
    // From a member to a member through the host, and to the host itself.
    member.say("limit 2M");
    member.say("sendfile bobs.bin");
    for home in [&carol, &place.home] {
        partial(home, MIB);
    }
    end(host, Signal::KILL);
    (host, _) = place.again();
    other.out.expect(AGAIN);
    member.say("limit 64M");
    expect_saved(&other.out, &carol, "bobs.bin", &bytes[0]);
    expect_saved(&host.out, &place.home, "bobs.bin", &bytes[0]);
    // From the host to its members: it offers the same again, and nobody is asked anew.
    host.say("limit 2M");
    host.say("sendfile alices.bin --to carol");
    partial(&carol, MIB);
    end(host, Signal::TERM);
    (host, _) = place.again();
    other.out.expect(AGAIN);
    host.say("sendfile alices.bin --to carol");
    expect_saved(&other.out, &carol, "alices.bin", &bytes[1]);
    let offers = other.out.so_far().into_iter().filter(|line| line.starts_with("* alice offers alices.bin"));
    assert_eq!(offers.count(), 1, "{:?}", other.out.so_far());
    // Bob's offer is still up, so the new host looks whether it has it: for a moment there is a folder for that.
    expect_names(&carol, &["alices.bin", "bobs.bin"]);
    expect_names(&place.home, &["bobs.bin"]);
    for program in [&host, &member, &other] {
        assert!(program.err.so_far().is_empty(), "{:?}", program.err.so_far());
    }
}
