//! Pipes: exactly what is written for what happens, and how it ends.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{Home, Lines, Pchat, Process, Proxy, Signal};

#[test]
fn a_message_a_private_one_and_notices_have_their_exact_forms() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let port = host.port();
    let mut member = Pchat::join(&bob, "bob", port, &[]);
    host.out.expect("* bob joined");
    member.say("hello");
    host.out.expect("bob: hello");
    member.say("msg alice psst");
    host.out.expect("(bob) psst");
    host.say("hi bob");
    member.out.expect("alice: hi bob");
    host.say("msg bob for you only");
    member.out.expect("(alice) for you only");
    member.say("nick robert");
    host.out.expect("* bob is now robert");
    member.out.expect("* you are now robert");
    member.say("quit");
    host.out.expect("* robert left");
    let ended = member.wait();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(!ended.out.contains("hello") && !ended.out.contains("psst"), "own lines are not repeated: {}", ended.out);
    host.signal(Signal::INT);
    let ended = host.wait();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(!ended.out.contains("hi bob") && !ended.out.contains("for you only"), "{}", ended.out);
    assert!(ended.out.lines().all(|line| line.starts_with("* ") || line.contains("bob")), "{}", ended.out);
}

#[test]
fn what_is_piped_in_is_delivered_before_the_end() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let port = host.port();
    let mut member = Pchat::knock(&bob, "bob", port, &[]);
    let lines: Vec<_> = (0..100).map(|i| format!("line {i}")).collect();
    member.write(lines.join("\n").as_bytes());
    let ended = member.end();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    lines.iter().for_each(|line| host.out.expect(&format!("bob: {line}")));
    host.out.expect("* bob left");
}

#[test]
fn errors_go_to_their_own_output_and_end_in_1() {
    let alice = Home::new();
    let mut host = Pchat::host(&alice, "alice", &[]);
    let mut member = Pchat::join(&alice, "bob", host.port(), &[]);
    member.say("/dance");
    member.say("said after the error");
    host.out.expect("bob: said after the error");
    let ended = member.end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.starts_with("error: no command is called /dance"), "{}", ended.err);
    host.close_input();
}

#[test]
fn a_host_whose_input_has_ended_stays_until_a_signal_and_tells_everybody() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let (alice, bob) = (Home::new(), Home::new());
        let mut host = Pchat::host(&alice, "alice", &["--open"]);
        host.close_input();
        let port = host.port();
        let members = [Pchat::join(&bob, "bob", port, &[]), Pchat::join(&alice, "alice", port, &["--stay"])];
        host.signal(signal);
        for member in members {
            // Only who is at the keyboard closes a room for good.
            if signal != Signal::INT {
                member.out.expect_start("* the host's program was stopped, and the room may come back; dialling again");
                continue;
            }
            let ended = member.wait();
            assert_eq!(ended.code, Some(0), "{ended:?}");
            assert_eq!(ended.out.lines().last(), Some("* alice closed the room"), "{ended:?}");
            assert_eq!(ended.err, "");
        }
        let ended = host.wait();
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    }
}

#[test]
fn a_host_that_quits_by_command_tells_everybody_too() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let member = Pchat::join(&bob, "bob", host.port(), &[]);
    host.say("goodbye");
    host.say("exit");
    let ended = member.wait();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(ended.out.ends_with("alice: goodbye\n* alice closed the room"), "{}", ended.out);
    assert_eq!(host.wait().code, Some(0));
}

#[test]
fn twenty_members_who_talk_at_once_read_the_same_order() {
    const MEMBERS: usize = 20;
    const LINES: usize = 15;
    let homes: Vec<_> = (0..MEMBERS).map(|_| Home::new()).collect();
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let port = host.port();
    let mut members: Vec<_> =
        homes.iter().enumerate().map(|(i, home)| Pchat::knock(home, &name(i), port, &[])).collect();
    members.iter().for_each(|member| drop(member.out.expect_start("* you are ")));
    let talking: Vec<_> = members
        .iter_mut()
        .map(|member| {
            let mut input = member.take_input();
            std::thread::spawn(move || {
                for i in 0..LINES {
                    std::io::Write::write_all(&mut input, format!("line {i}\n").as_bytes()).expect("it reads");
                }
                // Its end is the member's, which comes when all have read all.
                input
            })
        })
        .collect();
    let said = |line: &str| line.contains(": line ");
    let room = host.out.collect(MEMBERS * LINES, said);
    for (i, member) in members.iter().enumerate() {
        let own = format!("{}: ", name(i));
        let others: Vec<_> = room.iter().filter(|line| !line.starts_with(&own)).cloned().collect();
        assert_eq!(member.out.collect(others.len(), said), others, "{own}");
        let mine: Vec<_> = room.iter().filter_map(|line| line.strip_prefix(&own)).map(str::to_owned).collect();
        assert_eq!(mine, (0..LINES).map(|i| format!("line {i}")).collect::<Vec<_>>(), "in the order said");
    }
    drop(talking.into_iter().map(|thread| thread.join().expect("it talks")).collect::<Vec<_>>());
    for member in members {
        let ended = member.wait();
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
        assert_eq!(ended.out.lines().filter(|line| said(line)).count(), (MEMBERS - 1) * LINES, "nothing doubled");
    }
}

fn name(i: usize) -> String {
    format!("t{}", &"abcdefghijkmnopqrstu"[i..=i])
}

#[test]
fn with_text_no_line_is_a_command() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    let mut member = Pchat::join(&alice, "bob", host.port(), &["--text"]);
    for line in ["quit", "/quit", "nick eve", "msg alice not private", "port 0", "  indented"] {
        member.say(line);
        host.out.expect(&format!("bob: {line}"));
    }
    assert_eq!(member.end().code, Some(0));
    host.out.expect("* bob left");
}

#[test]
fn with_stay_the_end_of_input_is_not_the_end() {
    let alice = Home::new();
    let mut host = Pchat::host(&alice, "alice", &[]);
    let mut member = Pchat::join(&alice, "bob", host.port(), &["--stay"]);
    member.say("before");
    member.close_input();
    host.out.expect("bob: before");
    host.say("still there?");
    member.out.expect("alice: still there?");
    member.signal(Signal::TERM);
    host.out.expect("* bob left");
    assert_eq!(member.wait().code, Some(0));
}

#[test]
fn what_is_not_delivered_in_time_is_counted_and_ends_in_1() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    let proxy = Proxy::to(host.port());
    let mut member = Pchat::join(&alice, "bob", proxy.port, &["--wait", "1"]);
    proxy.stall(true);
    (0..3).for_each(|i| member.say(&format!("line {i}")));
    let ended = member.end();
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.err, "error: 3 lines not delivered");
}

#[test]
fn a_signal_ends_it_within_two_seconds_also_when_the_room_is_stuck() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    let proxy = Proxy::to(host.port());
    let mut member = Pchat::join(&alice, "bob", proxy.port, &["--stay"]);
    proxy.stall(true);
    member.say("not heard");
    member.say("/nothing");
    member.err.expect_start("error: no command is called /nothing");
    let began = Instant::now();
    member.signal(Signal::TERM);
    let ended = member.wait();
    // Half a second for a machine that is busy.
    assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.ends_with("error: 1 line not delivered"), "{}", ended.err);
}

#[test]
fn case_68_the_longest_line_is_said_longer_ones_are_refused_and_blank_ones_ignored() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    let mut member = Pchat::join(&alice, "bob", host.port(), &[]);
    let longest = "x".repeat(4096);
    for line in [&longest, &format!("{longest}y"), "", "   ", &"z".repeat(1 << 20), "last"] {
        member.say(line);
    }
    host.out.expect(&format!("bob: {longest}"));
    host.out.expect("bob: last");
    let ended = member.end();
    assert_eq!(ended.code, Some(1));
    let errors: Vec<_> = ended.err.lines().collect();
    assert_eq!(errors[0], "error: not sent: a message holds at most 4,096 bytes of text, this one has 4097");
    assert_eq!(errors[1..], ["error: a line of the input is too long to be sent"]);
    assert_eq!(host.out.so_far().iter().filter(|line| line.starts_with("bob: ")).count(), 2);
}

#[test]
fn case_76_bytes_that_are_no_text_are_cleaned() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    let mut member = Pchat::join(&alice, "bob", host.port(), &[]);
    member.write(b"a\xff\xfeb\n\0nul\r\nend");
    assert_eq!(member.end().code, Some(0));
    host.out.expect("bob: a\u{fffd}\u{fffd}b");
    host.out.expect("bob: <U+0000>nul");
    host.out.expect("bob: end");
}

/// Runs it with an output that nobody reads.
fn into_nowhere(mut command: Command) -> (Process, Lines) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut child = command.stdin(Stdio::piped()).stdout(writer).stderr(Stdio::piped()).spawn().expect("it starts");
    let err = Lines::read("errors", child.stderr.take().expect("a pipe"));
    // Held open: its end would end the program, too.
    std::mem::forget(child.stdin.take());
    (Process::of(child), err)
}

#[test]
fn case_78_an_output_that_nobody_reads_ends_it_quietly() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    let mut command = alice.pchat();
    command.args(["join", &format!("127.0.0.1:{}", host.port()), "--name", "bob"]);
    let (mut member, err) = into_nowhere(command);
    assert_eq!(member.wait().code(), Some(0));
    assert_eq!(err.all(), [""; 0]);
    host.out.expect("* bob joined");
    host.out.expect("* bob left");
    for args in [&["id"][..], &["--help"], &["host", "--help"], &["members"]] {
        let mut command = alice.pchat();
        command.args(args);
        let (mut once, err) = into_nowhere(command);
        assert_eq!(once.wait().code(), Some(0), "{args:?}");
        assert_eq!(err.all(), [""; 0]);
    }
}

#[test]
fn several_terminals_of_one_person_get_names_of_their_own() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    let port = host.port();
    let second = Pchat::knock(&alice, "alice", port, &[]);
    second.out.expect("* you are alice-2 in the room of alice; one other is here");
    let third = Pchat::knock(&alice, "alice", port, &[]);
    third.out.expect("* you are alice-3 in the room of alice; 2 others are here");
    host.out.expect("* alice-2 joined");
    host.out.expect("* alice-3 joined");
    drop(second.end());
    host.out.expect("* alice-2 left");
}

#[test]
fn one_who_leaves_while_the_room_is_full_of_talk_has_said_everything() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open", "--rate", "off"]);
    let mut member = Pchat::join(&bob, "bob", host.port(), &[]);
    let lines: String = (0..5_000).map(|i| format!("line {i}\n")).collect();
    member.write(lines.as_bytes());
    member.say("quit");
    let ended = member.wait();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    host.out.expect("bob: line 4999");
    host.out.expect("* bob left");
    let said: Vec<_> = host.out.so_far().into_iter().filter(|line| line.starts_with("bob: ")).collect();
    assert_eq!(said, (0..5_000).map(|i| format!("bob: line {i}")).collect::<Vec<_>>());
}
