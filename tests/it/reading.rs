//! What a person at a terminal reads: times, comings and goings, mentions, the title, and what is waited for.

use crate::support::{Home, Pchat, Pty, Signal};

/// Whether a row begins with a time such as `14:03 ` and goes on like this.
fn timed(row: &str, rest: &str) -> bool {
    let time = row.as_bytes();
    row.get(6..) == Some(rest)
        && time[2] == b':'
        && time[5] == b' '
        && row[..2].parse::<u8>().is_ok_and(|hour| hour < 24)
}

#[test]
fn lines_have_times_at_a_terminal_and_only_if_wanted_in_a_pipe() {
    let alice = Home::new();
    let (mut host, port) = Pty::host(&alice, "alice", &["--time", "%H:%M"]);
    let address = format!("127.0.0.1:{port}");
    let mut member = Pchat::run(&alice, &["join", &address, "--name", "bob", "--time", "at %Y"]);
    member.say("hello there");
    host.wait_for("a time", |text| text.lines().any(|row| timed(row, "bob: hello there")));
    host.wait_for("one at a notice", |text| text.lines().any(|row| timed(row, "* bob joined")));
    host.line("hello yourself");
    member.out.expect_where("a year", |line| line.starts_with("at 20") && line.ends_with(" alice: hello yourself"));
    host.wait_for("no time at an answer", |text| text.contains("hello yourself\nalice>"));
    host.line("who");
    host.expect("\n2 in the room\n");
}

#[test]
fn comings_and_goings_change_one_row_until_somebody_says_something() {
    let alice = Home::new();
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    host.keys("half a li");
    let bob = Pchat::join(&alice, "bob", port, &[]);
    host.expect("* bob joined");
    let mut carol = Pchat::join(&alice, "carol", port, &[]);
    host.expect("\n* bob, carol joined\nalice> half a li");
    assert_eq!(bob.end().code, Some(0));
    host.expect("\n* bob came and went; carol joined\nalice> half a li");
    carol.say("hello");
    host.expect("\n* bob came and went; carol joined\ncarol: hello\nalice> half a li");
    assert_eq!(carol.end().code, Some(0));
    host.expect("carol: hello\n* carol left\nalice> half a li");
}

#[test]
fn the_title_tells_the_room_and_is_given_back_in_every_way_out() {
    let alice = Home::new();
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let mut member = Pty::join(&alice, "bob", port);
    let titled = |pty: &Pty| pty.raw().contains("\x1b[22;2t\x1b]2;pchat: room of alice (");
    host.expect("* bob joined");
    member.line("quit");
    assert_eq!(member.wait_clean(), Some(0));
    assert!(titled(&member), "{}", member.raw());
    assert!(member.raw().contains("\x1b]2;pchat: room of alice (2)\x1b\\"));
    host.signal(Signal::TERM);
    assert_eq!(host.wait_clean(), Some(0));
    for gone in [&member, &host] {
        assert_eq!(gone.raw().matches("\x1b[22;2t").count(), gone.raw().matches("\x1b[23;2t").count());
    }
}

#[test]
fn a_broken_connection_counts_the_seconds_above_the_prompt() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    let mut member = Pty::join(&alice, "bob", host.port());
    member.keys("half a li");
    host.signal(Signal::KILL);
    member.expect("dialling again until it works");
    for secs in ["3 s", "2 s", "1 s"] {
        let row = format!("\nnot connected, dialling again in {secs} (");
        member.wait_for(&row, |text| text.contains(&row) && text.trim_end().ends_with("\nbob> half a li"));
    }
    member.keys("\x15");
    member.line("quit");
    assert_eq!(member.wait_clean(), Some(0));
    assert!(!member.text().contains("not connected"), "{}", member.text());
}

#[test]
fn clearing_leaves_the_prompt_and_what_comes_after() {
    let alice = Home::new();
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let mut member = Pchat::join(&alice, "bob", port, &[]);
    member.say("old");
    host.expect("bob: old");
    host.line("clear");
    host.wait_for("a clear window", |text| text.trim() == "alice>");
    member.say("new");
    host.wait_for("what comes after", |text| text.trim() == "bob: new\nalice>");
}

#[test]
fn a_thousand_lines_at_once_are_drawn_without_loss() {
    let alice = Home::new();
    let (mut host, port) = Pty::host(&alice, "alice", &["--rate", "off", "--time", "%H:%M:%S"]);
    let mut member = Pchat::join(&alice, "bob", port, &["--stay"]);
    host.keys("half a li");
    for i in 0..1_000 {
        member.say(&format!("line {i} for alice with `code` and http://example.org/{i}"));
    }
    host.expect("http://example.org/999\nalice> half a li");
    let all = host.scrollback();
    let lines: Vec<usize> =
        all.lines().filter_map(|row| row.split_once("bob: line ")?.1.split(' ').next()?.parse().ok()).collect();
    assert_eq!(lines, (0..1_000).collect::<Vec<_>>());
    // A thousand mentions within seconds are no alarm.
    assert!(host.raw().matches('\x07').count() < 60);
}
