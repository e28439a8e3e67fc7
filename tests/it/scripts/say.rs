//! `pchat say`.

use super::{assert_silent, once, open_room};
use crate::support::{Ended, Home, Pchat, Proxy, Signal};

#[test]
fn what_the_command_line_says_is_said_as_text_and_delivered_before_the_end() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, address) = open_room(&alice);
    host.say("said before, and for nobody's output");
    for (args, said) in [
        (&["the", "build", "is", "done"][..], "the build is done"),
        (&["quit"], "quit"),
        (&["/nick eve"], "/nick eve"),
        (&["--", "--wait"], "--wait"),
        (&["it", "--is", "-x"], "it --is -x"),
    ] {
        assert_silent(&once(&bob, &[&["say", &address, "--name", "bob"], args].concat()));
        host.out.expect(&format!("bob: {said}"));
        host.out.expect("* bob left");
    }
}

#[test]
fn each_line_of_a_pipe_is_text_and_what_others_say_is_not_written() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, address) = open_room(&alice);
    let mut saying = Pchat::run(&bob, &["say", &address, "--name", "bob"]);
    for line in ["quit", "/quit", "sendfile /etc/passwd", "  indented"] {
        saying.say(line);
        host.out.expect(&format!("bob: {line}"));
    }
    host.say("hello bob");
    host.say("msg bob psst");
    saying.write(b"no line end");
    assert_silent(&saying.end());
    host.out.expect("bob: no line end");
    host.out.expect("* bob left");
}

#[test]
fn a_pipe_that_goes_on_for_days_outlives_broken_connections_and_loses_nothing() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, address) = open_room(&alice);
    let port = address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let proxy = Proxy::to(port);
    let mut saying = Pchat::run(&bob, &["say", &format!("127.0.0.1:{}", proxy.port), "--name", "bob"]);
    saying.say("before");
    host.out.expect("bob: before");
    for round in 0..3 {
        proxy.close(true);
        proxy.cut();
        (0..10).for_each(|line| saying.say(&format!("round {round} line {line}")));
        proxy.close(false);
        (0..10).for_each(|line| host.out.expect(&format!("bob: round {round} line {line}")));
    }
    assert_silent(&saying.end());
    let said = host.out.so_far().into_iter().filter(|line| line.starts_with("bob: round")).count();
    assert_eq!(said, 30, "nothing doubled");
}

#[test]
fn what_cannot_be_delivered_is_an_error_and_ends_in_1() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, address) = open_room(&alice);
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it has one");
    let nowhere = once(&bob, &["say", &free.to_string(), "x"]);
    assert_eq!((nowhere.code, nowhere.out.as_str()), (Some(1), ""));
    assert!(nowhere.err.starts_with("error: nothing listens at "), "{}", nowhere.err);
    let long = once(&bob, &["say", &address, "--name", "bob", &"x".repeat(4097)]);
    assert_eq!(long.code, Some(1));
    assert!(long.err.starts_with("error: not sent: a message holds at most 4,096 bytes"), "{}", long.err);

    let mut saying = Pchat::run(&bob, &["say", &address, "--name", "bob"]);
    saying.say("one");
    host.out.expect("bob: one");
    host.say("mute bob");
    host.out.expect_start("* bob was muted by ");
    saying.say("two");
    let muted = ["error: not said: the host has muted you: two"];
    let fails = |ended: Ended| assert_eq!((ended.code, ended.err.lines().collect::<Vec<_>>()), (Some(1), muted.into()));
    fails(saying.end());
    fails(once(&bob, &["say", &address, "--name", "bob", "two"]));
    let mut member = Pchat::run(&bob, &["join", &address, "--name", "bob"]);
    member.say("two");
    fails(member.end());
    let mut member = Pchat::run(&bob, &["join", &address, "--name", "bob", "--json"]);
    member.say(r#"{"line": "two"}"#);
    member.say(r#"{"line": "/quit"}"#);
    assert_eq!(member.wait().code, Some(1));
    assert!(!host.out.so_far().contains(&"bob: two".to_owned()));
}

#[test]
fn a_room_that_is_closed_before_the_input_ends_is_a_failure_and_a_signal_is_none() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, address) = open_room(&alice);
    let mut saying = Pchat::run(&bob, &["say", &address, "--name", "bob"]);
    saying.say("one");
    host.out.expect("bob: one");
    let mut stopped = Pchat::run(&bob, &["say", &address, "--name", "rob"]);
    stopped.say("two");
    host.out.expect("rob: two");
    stopped.signal(Signal::TERM);
    assert_silent(&stopped.wait());
    host.signal(Signal::INT);
    let ended = saying.wait();
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), "error: alice closed the room"));
}

#[test]
fn a_stranger_knocks_and_a_code_opens() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &[]);
    let address = format!("127.0.0.1:{}", host.port());
    let knocked = once(&bob, &["say", &address, "--name", "bob", "hello"]);
    assert_eq!(knocked.code, Some(1));
    assert!(knocked.err.starts_with("error: this room lets in only those it knows"), "{}", knocked.err);
    let mut command = carol.pchat();
    command.args(["say", &address, "--name", "carol", "hello"]).env("PCHAT_CODE", host.code());
    assert_silent(&Pchat::spawn("carol", command).end());
    host.out.expect("carol: hello");
}

#[test]
fn one_who_only_says_something_declines_what_is_offered_and_receives_nothing() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, address) = open_room(&alice);
    // From one's own key, too, which receives everything otherwise.
    let mut saying =
        [("bob", &bob), ("alice-too", &alice)].map(|(name, home)| Pchat::run(home, &["say", &address, "--name", name]));
    for saying in &mut saying {
        saying.say("here");
    }
    host.out.expect("bob: here");
    host.out.collect(1, |line| line == "alice-too: here");
    super::put(&alice, "a.bin", "x");
    host.say("sendfile a.bin");
    let declined = host.out.collect(2, |line| line.ends_with(" declined a.bin"));
    assert!(
        declined.contains(&"* bob declined a.bin".into()) && declined.contains(&"* alice-too declined a.bin".into())
    );
    for saying in saying {
        assert_silent(&saying.end());
    }
    assert!(!bob.path().join("Downloads").exists() && !alice.path().join("Downloads").exists());
}
