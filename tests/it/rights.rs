//! Who may come in, be called what, and put others out.

use crate::support::{Home, Pchat};

#[test]
fn a_stranger_at_a_host_without_a_terminal_is_told_how_to_get_in() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &[]);
    let ended = Pchat::knock(&bob, "bob", host.port(), &[]).end();
    let id = Pchat::once(&bob, &["id"]).out;
    let fingerprint = id.strip_prefix("guest ").expect("name and fingerprint");
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.err,
        format!(
            "error: this room lets in only those it knows, and nobody is there to be asked; ask its host to be there \
             when you knock, or to open the room. Your fingerprint is {fingerprint}"
        )
    );
    assert!(!host.out.so_far().iter().any(|line| line.contains("bob")));
}

#[test]
fn an_open_room_lets_strangers_in_and_says_so() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let port = host.port();
    host.out.expect("* the room is open: whoever can reach it gets in");
    let member = Pchat::knock(&bob, "bob", port, &[]);
    member.out.expect_start(&format!("* the fingerprint of 127.0.0.1:{port} is "));
    let notice = member.out.expect_start(&format!("* its key is remembered for 127.0.0.1:{port} from now on"));
    assert!(notice.ends_with("; that it is the right one is for you to compare with its host"), "{notice}");
    member.out.expect("* you are bob in the room of alice; one other is here");
    assert_eq!(Pchat::once(&alice, &["members"]).out, "nobody was let in yet", "coming in is not being let in");
}

#[test]
fn a_full_room_says_how_many_it_takes() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &["--max-members", "2"]);
    let port = host.port();
    let member = Pchat::join(&alice, "bob", port, &[]);
    let ended = Pchat::knock(&alice, "carol", port, &[]).end();
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), "error: the room is full: it takes 2 members"));
    drop(member.end());
    host.out.expect("* bob left");
    Pchat::join(&alice, "carol", port, &[]);
}

#[test]
fn case_74_only_the_host_may_kick_and_never_itself() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let port = host.port();
    let mut member = Pchat::join(&bob, "bob", port, &[]);
    let mut other = Pchat::join(&carol, "carol", port, &[]);
    for line in ["kick carol be gone", "kick alice", "kick bob", "port 0", "/accept eve", "/decline eve"] {
        member.say(line);
        member.err.expect("error: only the host of the room can do that");
    }
    host.say("kick alice");
    host.err.expect("error: the host cannot be put out of the room");
    // Nobody of that name: a message.
    host.say("kick the ball");
    other.out.expect("alice: kick the ball");
    other.say("still here");
    host.out.expect("carol: still here");
}

#[test]
fn case_139_who_was_put_out_is_told_why_stops_dialling_and_cannot_come_back() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let port = host.port();
    let bobs = [Pchat::join(&bob, "bob", port, &[]), Pchat::join(&bob, "robert", port, &["--stay"])];
    let other = Pchat::join(&carol, "carol", port, &[]);
    host.say("kick bob that's enough advertising");
    for member in bobs {
        let ended = member.wait();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_eq!(ended.err, "error: alice put you out of the room: that's enough advertising");
    }
    for reader in [&host, &other] {
        reader.out.expect("* bob was put out by alice: that's enough advertising");
    }
    for name in ["bob", "ben"] {
        let ended = Pchat::knock(&bob, name, port, &[]).end();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_eq!(ended.err, "error: you were put out of this room; it takes no call of yours for another 10 min");
    }
    assert!(!host.out.so_far().iter().any(|line| line.contains("ben")));
}

#[test]
fn case_147_a_kick_reason_is_limited_and_its_escapes_are_shown() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let member = Pchat::join(&bob, "bob", host.port(), &[]);
    host.say(&format!("kick bob {}", "x".repeat(257)));
    host.err.expect("error: a reason holds at most 256 bytes of text, this one has 257");
    host.say("kick bob \x1b[2J\x1b]0;owned\x07 \u{202e}out");
    let ended = member.wait();
    let shown = "<U+001B>[2J<U+001B>]0;owned<U+0007> <U+202E>out";
    assert_eq!(ended.err, format!("error: alice put you out of the room: {shown}"));
    host.out.expect(&format!("* bob was put out by alice: {shown}"));
}

#[test]
fn case_64_names_that_mean_something_else_are_refused() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let port = host.port();
    let mut member = Pchat::join(&bob, "bob", port, &[]);
    for name in ["host", "system", "you", "Everyone", "quit", "HELP", "msg", "exit"] {
        member.say(&format!("/nick {name}"));
        member.err.expect(&format!("error: the name {name} means something else here"));
        let other = Pchat::once(&alice, &["join", &format!("127.0.0.1:{port}"), "--name", name]);
        assert_eq!(other.code, Some(2), "{other:?}");
    }
    for (name, says) in [
        ("x234567890123456789012345", "a name has at most 24 characters"),
        ("/who", "a name begins with a letter"),
        ("@bob", "a name begins with a letter"),
        ("12", "a name begins with a letter"),
        ("a\x1b[2J", "a name is made of letters, digits, '_', '-' and '.'"),
        ("x\u{202e}y", "a name is made of letters, digits, '_', '-' and '.'"),
        ("\"\"", "a name needs at least one character"),
        ("\"   \"", "a name needs at least one character"),
    ] {
        member.say(&format!("/nick {name}"));
        member.err.expect(&format!("error: {says}"));
    }
    member.say("nick bob");
    member.out.expect("you are called bob already");
}

#[test]
fn case_65_names_that_look_like_somebody_elses_are_refused() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let mut member = Pchat::join(&bob, "bob", host.port(), &[]);
    for name in ["alice", "ALICE", "a1ice", "aIice"] {
        member.say(&format!("/nick {name}"));
        member.err.expect(&format!("error: the name {name} is taken, or looks like one that is"));
    }
    member.say("/nick \u{430}lice");
    member.err.expect("error: a name is written in one script");
    // Full-width letters are other letters of the same script.
    member.say("/nick ａｌｉｃｅ");
    member.err.expect_start("error: the name ");
    assert!(!host.out.so_far().iter().any(|line| line.contains("is now")));
}

#[test]
fn case_66_the_name_of_one_who_left_is_kept_for_them() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let port = host.port();
    drop(Pchat::join(&bob, "bob", port, &[]).end());
    host.out.expect("* bob left");
    let mut other = Pchat::join(&carol, "carol", port, &[]);
    other.say("nick bob");
    other.err.expect("error: the name bob is taken, or looks like one that is");
    let again = Pchat::join(&bob, "bob", port, &[]);
    host.out.expect("* bob joined");
    drop(again);
}
