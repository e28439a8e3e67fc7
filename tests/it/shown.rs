//! What others write, as it is shown; and what is not sent at all.

use crate::support::{Home, Pchat};

#[test]
fn cases_50_to_63_controls_and_disguises_are_shown_as_codes() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let mut member = Pchat::join(&bob, "bob", host.port(), &[]);
    for (said, shown) in [
        ("\x1b[2J\x1b[1;1Hcleared", "<U+001B>[2J<U+001B>[1;1Hcleared"),
        ("\u{9b}2Jc1", "<U+009B>2Jc1"),
        ("\x1b]52;c;ZXZpbA==\x07clip", "<U+001B>]52;c;ZXZpbA==<U+0007>clip"),
        ("\x1b]0;never ended", "<U+001B>]0;never ended"),
        ("\u{90}dcs\u{9c}", "<U+0090>dcs<U+009C>"),
        ("over\rwritten\x08\x7f\x0b\x0c\x07", "over<U+000D>written<U+0008><U+007F><U+000B><U+000C><U+0007>"),
        ("a\tb", "a       b"),
        ("left\u{202e}right\u{2066}x\u{200f}y\u{61c}", "left<U+202E>right<U+2066>x<U+200F>y<U+061C>"),
        ("zero\u{200b}width\u{ad}\u{2060}\u{3164}\u{e0041}", "zero<U+200B>width<U+00AD><U+2060><U+3164><U+E0041>"),
        ("private\u{e000}\u{ffff}", "private<U+E000><U+FFFF>"),
        ("grüße 日本 👍🏽", "grüße 日本 👍🏽"),
    ] {
        member.say(said);
        host.out.expect(&format!("bob: {shown}"));
    }
    assert!(!host.out.so_far().iter().any(|line| line.contains(|c: char| c.is_control())));
}

#[test]
fn case_55_further_rows_of_a_message_have_a_mark_in_the_margin() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let mut member = Pchat::join(&bob, "bob", host.port(), &[]);
    member.say("first\u{2028}alice: second\u{85}* carol joined\u{2029}error: fourth");
    host.out.expect("bob: first");
    host.out.expect("  | alice: second");
    host.out.expect("  | * carol joined");
    host.out.expect("  | error: fourth");
}

#[test]
fn case_57_a_message_that_looks_like_a_notice_still_has_its_sender() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let mut member = Pchat::join(&bob, "bob", host.port(), &[]);
    for line in ["* alice left", "error: run rm", "alice: hi", "(alice) psst", "  | continued"] {
        member.say(line);
        host.out.expect(&format!("bob: {}", line));
    }
}

#[test]
fn case_61_towers_of_marks_are_cut() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let mut member = Pchat::join(&bob, "bob", host.port(), &[]);
    member.say(&format!("z{}", "\u{30a}".repeat(2_000)));
    let shown = host.out.expect_start("bob: z");
    assert!(shown.chars().filter(|c| *c == '\u{30a}').count() <= 4, "{shown}");
}

#[test]
fn case_70_a_slip_of_a_private_command_is_never_said() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    let port = host.port();
    let mut member = Pchat::join(&alice, "bob", port, &[]);
    for line in
        ["mgs alice the password is x", "/mgs alice secret", "/foo bar", "msg nobody secret", "msg alice", "msg"]
    {
        member.say(line);
        member.err.expect_start("error: ");
    }
    member.say("that was close");
    host.out.expect("bob: that was close");
    let said: Vec<_> =
        host.out.so_far().into_iter().filter(|line| line.contains("bob: ") || line.contains("(bob)")).collect();
    assert_eq!(said, ["bob: that was close"]);
}

#[test]
fn case_71_a_wrong_use_with_a_slash_shows_the_usage() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    let mut member = Pchat::join(&alice, "bob", host.port(), &[]);
    for (line, usage) in [
        ("/nick", "usage: nick <NAME>"),
        ("/nick a b", "usage: nick <NAME>"),
        ("/kick", "usage: kick <NAME> [REASON]"),
        ("/port wine", "usage: port [PORT]"),
        ("/port 65536", "usage: port [PORT]"),
        ("/quit now", "usage: quit"),
    ] {
        member.say(line);
        member.err.expect_where(usage, |line| line.contains(usage));
    }
    member.say("/nick \"unbalanced");
    member.err.expect_start("error: ");
    member.say("/nick trailing\\");
    member.err.expect_start("error: ");
    member.say("/nick --help");
    member.out.expect_where("help", |line| line.contains("Usage: nick <NAME>"));
    // Without the slash what fits no usage is text.
    for line in ["quit smoking", "help me please", "port wine is sweet", "nick of time", "text"] {
        member.say(line);
        host.out.expect(&format!("bob: {line}"));
    }
    member.say("text quit");
    host.out.expect("bob: quit");
    member.say(" quit");
    host.out.expect("bob:  quit");
}

#[test]
fn case_73_a_message_to_oneself_or_to_somebody_gone_is_an_error() {
    let (alice, carol) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let port = host.port();
    let mut member = Pchat::join(&alice, "bob", port, &[]);
    member.say("msg bob hello me");
    let error = member.err.expect_start("error: ");
    assert!(error.contains("yourself"), "{error}");
    drop(Pchat::join(&carol, "carol", port, &[]).end());
    member.out.expect("* carol left");
    member.say("msg carol are you there");
    let error = member.err.expect_start("error: ");
    assert!(error.contains("carol"), "{error}");
    assert!(!host.out.so_far().iter().any(|line| line.contains("there")));
}

#[test]
fn who_tells_of_each_member_and_help_of_each_command() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let port = host.port();
    let mut member = Pchat::join(&bob, "bob", port, &[]);
    member.say("who");
    member.out.expect("2 in the room");
    let row = member.out.expect_start("alice  ");
    assert!(row.contains("with the room") && row.ends_with("host"), "{row}");
    let row = member.out.expect_start("bob    ");
    assert!(row.contains("127.0.0.1") && row.ends_with("you"), "{row}");
    member.say("help");
    for command in ["accept", "decline", "help", "kick", "msg", "nick", "port", "quit", "text", "who"] {
        member.out.expect_where(command, |line| line.split(' ').next() == Some(command));
    }
    member.say("help exit");
    member.out.expect("Also called: exit");
    member.say("port");
    member.out.expect(&format!("the room is on port {port}"));
    member.out.expect(&format!("  pchat join 127.0.0.1:{port}"));
    assert_eq!(member.end().code, Some(0));
}
