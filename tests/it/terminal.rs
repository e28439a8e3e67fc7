//! The program at a terminal: editing, completing, pasting, and the ways out.

use std::{
    fs,
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::support::{Home, Pchat, Pty, Signal};

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const UP: &str = "\x1b[A";

#[test]
fn tab_completes_commands_and_members() {
    let alice = Home::new();
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let mut member = Pchat::join(&alice, "robert", port, &[]);
    host.expect("* robert joined");
    host.keys("ms\t");
    host.expect("alice> msg");
    host.keys("rob\t");
    host.expect("alice> msg robert");
    host.keys("psst\r");
    member.out.expect("(alice) psst");
    host.keys("help ki\t");
    host.expect("alice> help kick");
    host.keys("\r");
    host.expect("Usage: kick");
    member.say("quit");
    host.expect_gone("robert");
}

#[test]
fn case_81_the_history_is_kept_without_private_lines() {
    let alice = Home::new();
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let member = Pchat::join(&alice, "bob", port, &[]);
    host.expect("* bob joined");
    host.line("the first line");
    member.out.expect("alice: the first line");
    host.line("msg bob the secret");
    member.out.expect("(alice) the secret");
    host.line("mgs bob another secret");
    host.expect("error: ");
    host.keys(UP);
    host.expect("alice> the first line");
    host.keys(" again\r");
    member.out.expect("alice: the first line again");
    host.line("quit");
    assert_eq!(host.wait_clean(), Some(0));
    let kept = fs::read_to_string(alice.history()).expect("a history");
    assert_eq!(kept, "the first line\nthe first line again\nquit\n");
    // The next program has it.
    let (mut host, _) = Pty::host(&alice, "alice", &[]);
    host.keys(&format!("{UP}{UP}"));
    host.expect("alice> the first line again");
}

#[test]
fn case_75_several_pasted_lines_are_one_message_and_no_commands() {
    let alice = Home::new();
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let member = Pchat::join(&alice, "bob", port, &["--stay"]);
    host.expect("* bob joined");
    host.keys("\x1b[200~first\nquit\nkick bob\n/nick eve\x1b[201~");
    host.expect("/nick eve");
    host.keys("\r");
    for line in ["alice: first", "  | quit", "  | kick bob", "  | /nick eve"] {
        member.out.expect(line);
    }
    host.expect("alice: first\n  | quit\n  | kick bob\n  | /nick eve\n");
    host.line("still alice");
    member.out.expect("alice: still alice");
}

#[test]
fn a_line_being_typed_stays_whole_while_others_arrive() {
    let alice = Home::new();
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let mut member = Pchat::join(&alice, "bob", port, &[]);
    host.expect("* bob joined");
    host.keys("half a li");
    host.expect("alice> half a li");
    for i in 0..30 {
        member.say(&format!("line {i}"));
    }
    host.wait_for("them above the line", |text| text.trim_end().ends_with("bob: line 29\nalice> half a li"));
    host.keys("ne\r");
    member.out.expect("alice: half a line");
    host.wait_for("it once", |text| text.trim_end().ends_with("bob: line 29\nalice: half a line\nalice>"));
}

#[test]
fn case_77_ctrl_c_clears_the_line_and_leaves_when_pressed_twice_on_an_empty_one() {
    let alice = Home::new();
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let member = Pchat::join(&alice, "bob", port, &["--stay"]);
    host.expect("* bob joined");
    host.keys("not this");
    host.expect("alice> not this");
    host.keys(CTRL_C);
    host.wait_for("an empty line", |text| text.trim_end().ends_with("\nalice>") && !text.contains("not this"));
    host.keys(CTRL_C);
    host.expect("(Ctrl-C again, or Ctrl-D, to leave)");
    host.line("stayed");
    member.out.expect("alice: stayed");
    host.wait_for("the hint gone", |text| !text.contains("Ctrl-C again"));
    host.keys(CTRL_C);
    host.expect("(Ctrl-C again, or Ctrl-D, to leave)");
    host.keys(CTRL_C);
    assert_eq!(host.wait_clean(), Some(0));
    assert!(member.wait().out.ends_with("* alice closed the room"));
}

#[test]
fn case_77_ctrl_d_on_an_empty_line_leaves() {
    let alice = Home::new();
    let (host, port) = Pty::host(&alice, "alice", &[]);
    let mut member = Pty::join(&alice, "bob", port);
    member.keys(CTRL_D);
    assert_eq!(member.wait_clean(), Some(0));
    host.expect("* bob came and went");
}

#[test]
fn signals_leave_the_terminal_clean_and_the_room_told() {
    for signal in [Signal::TERM, Signal::HUP] {
        let alice = Home::new();
        let (mut host, port) = Pty::host(&alice, "alice", &[]);
        let mut member = Pty::join(&alice, "bob", port);
        member.keys("half a li");
        member.expect("bob> half a li");
        let began = Instant::now();
        member.signal(signal);
        assert_eq!(member.wait_clean(), Some(0));
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        host.expect("* bob came and went");
        host.signal(signal);
        assert_eq!(host.wait_clean(), Some(0));
    }
}

#[test]
fn the_end_of_the_room_leaves_the_terminals_clean() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let port = host.port();
    let mut member = Pty::join(&alice, "carol", port);
    let mut other = Pty::join(&bob, "bob", port);
    other.keys("half a li");
    other.expect("bob> half a li");
    host.say("kick bob enough");
    other.expect("error: alice put you out of the room: enough");
    assert_eq!(other.wait_clean(), Some(1));
    host.signal(Signal::INT);
    member.expect("* alice closed the room");
    assert_eq!(member.wait_clean(), Some(0));
}

#[test]
fn a_room_that_cannot_be_joined_leaves_the_terminal_clean() {
    let bob = Home::new();
    let mut joiner = Pty::run(&bob, &["join", "127.0.0.1:1", "--name", "bob"]);
    joiner.expect("error: nothing listens at 127.0.0.1:1");
    assert_eq!(joiner.wait_clean(), Some(1));
}

#[test]
fn case_146_a_crashed_host_is_told_at_a_terminal_and_quit_works_at_once() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    let mut member = Pty::join(&alice, "bob", host.port());
    host.signal(Signal::KILL);
    member.expect("dialling again until it works");
    member.line("quit");
    assert_eq!(member.wait_clean(), Some(0));
}

#[test]
fn more_than_1023_descriptors_do_not_break_the_editor() {
    let (alice, bob) = (Home::new(), Home::new());
    // The program that starts it leaves it few descriptors below 1,100, and callers take the rest of those.
    let mut shell = alice.command("bash");
    let open = "i=70; while [ $i -lt 1100 ]; do eval \"exec $i</dev/null\"; i=$((i+1)); done; exec \"$@\"";
    shell.args(["-c", &format!("ulimit -n 4096; {open}"), "sh", env!("CARGO_BIN_EXE_pchat")]);
    shell.args(["host", "--port", "0", "--bind", "127.0.0.1", "--name", "alice", "--open"]);
    let mut host = Pty::spawn(shell);
    host.expect("alice>");
    let text = host.text();
    let port: u16 =
        text.split("port ").nth(1).and_then(|rest| rest.lines().next()?.trim().parse().ok()).expect("a port");
    let held: Vec<_> = (0..60).map(|_| TcpStream::connect(("127.0.0.1", port)).expect("the room listens")).collect();
    let mut member = Pchat::join(&bob, "bob", port, &[]);
    member.say("hello");
    host.expect("bob: hello");
    host.keys("typed with man\x7f\x7f\x7fmany open\r");
    member.out.expect("alice: typed with many open");
    drop(held);
    host.line("quit");
    assert_eq!(host.wait_clean(), Some(0));
}

#[test]
fn case_77_a_window_that_becomes_narrow_wraps_with_marks_and_keeps_the_line() {
    let alice = Home::new();
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let mut member = Pchat::join(&alice, "bob", port, &[]);
    host.expect("* bob joined");
    host.keys("typed");
    host.expect("alice> typed");
    host.resize(24, 20);
    member.say("one two three four five six seven");
    host.wait_for("it wrapped", |text| text.contains("bob: one two three\n  | four five six\n  | seven\n"));
    host.keys(" on\r");
    member.out.expect("alice: typed on");
    host.resize(24, 1);
    member.say("narrow");
    member.say("window");
    host.resize(24, 80);
    member.say("wide again");
    host.expect("bob: wide again");
    host.line("fine");
    member.out.expect("alice: fine");
}

#[test]
fn cases_50_to_58_what_others_send_does_not_move_the_cursor() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = Pty::host(&alice, "alice", &["--open"]);
    let mut member = Pchat::join(&bob, "bob", port, &[]);
    host.expect("* bob joined");
    member.say("\x1b[2J\x1b[H\x1b]0;owned\x07\u{9b}?1049h\r\x08end");
    host.expect("bob: <U+001B>[2J<U+001B>[H<U+001B>]0;owned<U+0007><U+009B>?1049h<U+000D>");
    host.wait_for_screen("no other screen", |screen| !screen.alternate_screen());
    assert!(!host.raw().contains("\x1b]0;"));
    host.line("all there");
    member.out.expect("alice: all there");
}
