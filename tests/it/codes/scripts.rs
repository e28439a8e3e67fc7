//! Scripts, which have the code in a variable.

use super::OTHER;
use crate::support::{Ended, Home, Pchat, Proxy, Signal};

/// What a script with this code comes to, as a stranger.
fn tries(port: u16, code: &str) -> Ended {
    Pchat::with_code(&Home::new(), "bob", port, code).end()
}

fn fingerprint(home: &Home) -> String {
    Pchat::once(home, &["id"]).out.replace("guest ", "")
}

/// The room's new code, as its host reads it.
fn changed(host: &mut Pchat) -> String {
    host.say("code new");
    let line = host.out.expect_start("the code is ");
    line.strip_suffix(": whoever knows it gets in; the old one is void").expect("a new code").to_owned()
}

#[test]
fn the_right_code_lets_a_script_in_and_from_then_on_the_key_does() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &[]);
    let (port, code) = (host.port(), host.code());
    let mut member = Pchat::with_code(&bob, "bob", port, &code);
    member.out.expect("* the code is right, and the room has proved that it knows it, too");
    member.out.expect("* you are bob in the room of alice; one other is here");
    host.out.expect("* bob joined");
    host.out.expect(&format!("* bob ({}) came in with the code", fingerprint(&bob)));
    member.say("hello");
    host.out.expect("bob: hello");
    assert_eq!(member.end().code, Some(0));
    let listed = Pchat::once(&alice, &["members"]).out;
    assert!(listed.starts_with(&format!("bob  {}  since ", fingerprint(&bob))), "{listed}");
    // Without it, and with a wrong one, which is not looked at.
    assert_eq!(Pchat::join(&bob, "bob", port, &[]).end().code, Some(0));
    assert_eq!(Pchat::with_code(&bob, "bob", port, OTHER).end().code, Some(0));
    host.say("code");
    host.out.expect(&format!("the code is {code}: whoever knows it gets in"));
    let invited = host.out.so_far().iter().filter(|line| line.ends_with("came in with the code")).count();
    assert_eq!(invited, 1);
}

#[test]
fn a_wrong_code_fails_in_one_clear_line() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    let ended = tries(host.port(), OTHER);
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), "error: PCHAT_CODE is not the code of this room"));
    assert!(!ended.out.contains("you are"), "{}", ended.out);
    assert!(!host.out.so_far().iter().any(|line| line.contains("bob")));
}

#[test]
fn a_slip_is_told_by_its_place_and_never_repeated() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    for (code, says) in [
        ("zoo-abandn-lens", "word 2 is no word that a code is made of"),
        ("zoo abandon hunter22", "word 3 is no word that a code is made of"),
        ("hunter22", "word 1 is no word that a code is made of"),
        ("zoo abandon", "a code has 3 words, such as those that the host reads to you"),
        (&"hunter22 ".repeat(100), "a code has 3 words, such as those that the host reads to you"),
    ] {
        let ended = tries(host.port(), code);
        assert_eq!((ended.code, ended.err), (Some(1), format!("error: PCHAT_CODE: {says}")));
        assert!(!ended.out.contains("hunter") && !ended.out.contains("abandn"), "{}", ended.out);
    }
    // None of them was a guess.
    let ended = tries(host.port(), &host.code());
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
}

#[test]
fn case_28_case_spaces_dashes_and_full_width_do_not_matter() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    let (port, code) = (host.port(), host.code());
    let wide = |c: char| char::from_u32(u32::from(c) + 0xfee0).expect("a wide letter");
    let wide: String = code.chars().map(|c| if c == '-' { '\u{3000}' } else { wide(c) }).collect();
    for typed in [
        code.to_uppercase(),
        code.replace('-', ""),
        code.replace('-', " "),
        format!("  {}. ", code.replace('-', " \u{2013} ")),
        wide,
    ] {
        let ended = tries(port, &typed);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{typed}");
    }
}

#[test]
fn without_a_code_a_script_knocks_as_ever() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    for blank in ["", " \t "] {
        let ended = tries(host.port(), blank);
        assert_eq!(ended.code, Some(1));
        assert!(
            ended.err.starts_with("error: this room lets in only those it knows, and nobody is there"),
            "{ended:?}"
        );
    }
}

#[test]
fn case_27_whoever_guesses_is_slowed_down_and_the_host_reads_of_it_once() {
    let alice = Home::new();
    let mut host = Pchat::host(&alice, "alice", &[]);
    let (port, code) = (host.port(), host.code());
    for _ in 0..3 {
        assert_eq!(tries(port, OTHER).err, "error: PCHAT_CODE is not the code of this room");
    }
    let told =
        "* wrong codes come from 127.0.0.1 (3 so far): whoever guesses is slowed down; `code new` makes another code";
    host.out.expect(told);
    let ended = tries(port, &code);
    assert_eq!(ended.code, Some(1));
    let start = "error: too many wrong codes came from your address; the next one is looked at in ";
    assert!(ended.err.starts_with(start), "{}", ended.err);
    host.say("who");
    host.out.expect("1 in the room");
    assert_eq!(host.out.so_far().iter().filter(|line| line.contains("wrong codes")).count(), 1);
}

#[test]
fn case_29_an_old_code_is_told_from_a_wrong_one_by_nobody() {
    let alice = Home::new();
    let mut host = Pchat::host(&alice, "alice", &[]);
    let (port, first) = (host.port(), host.code());
    let second = changed(&mut host);
    let replaced = tries(port, &first);
    assert_eq!((replaced.code, replaced.err.as_str()), (Some(1), "error: PCHAT_CODE is not the code of this room"));
    let ended = tries(port, &second);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "the new one lets in");
    host.say("code off");
    host.out.expect("there is no code: strangers knock");
    let none = tries(port, &second);
    assert_eq!((none.code, none.err), (replaced.code, replaced.err));
    host.say("code");
    host.out.expect("there is no code: strangers knock");
}

#[test]
fn a_member_who_came_with_a_code_comes_back_to_a_restarted_room_by_key_alone() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &[]);
    let (port, code) = (host.port(), host.code());
    let mut member = Pchat::with_code_and(&bob, "bob", port, &code, &["--stay"]);
    host.out.expect_where("that it is listed", |line| line.ends_with("came in with the code"));
    host.signal(Signal::KILL);
    assert_eq!(host.wait().code, None);
    let again = Pchat::run(&alice, &["host", "--port", &port.to_string(), "--bind", "127.0.0.1", "--name", "alice"]);
    assert_ne!(again.code(), code, "each room makes its own");
    member.out.expect("* connected again; the room was restarted");
    member.say("here again");
    again.out.expect("bob: here again");
    assert!(!again.out.so_far().iter().any(|line| line.ends_with("came in with the code")));
}

#[test]
fn case_32_the_right_code_does_not_repair_a_changed_key() {
    let (alice, mallory, bob) = (Home::new(), Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &[]);
    let proxy = Proxy::to(host.port());
    let ended = Pchat::with_code(&bob, "bob", proxy.port, &host.code()).end();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let other = Pchat::host(&mallory, "alice", &[]);
    proxy.lead_to(other.port());
    let ended = Pchat::with_code(&bob, "bob", proxy.port, &other.code()).end();
    assert_eq!(ended.code, Some(1));
    let fingerprints = [&alice, &mallory].map(fingerprint);
    assert!(ended.err.contains(&format!("before: {}", fingerprints[0])), "{}", ended.err);
    assert!(ended.err.contains(&format!("now:    {}", fingerprints[1])), "{}", ended.err);
    assert!(!other.out.so_far().iter().any(|line| line.contains("bob")));
}

#[test]
fn a_room_that_is_not_the_one_meant_is_not_remembered() {
    // Somebody whose room does not know the code lets everybody in.
    let (alice, mallory, bob) = (Home::new(), Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &[]);
    let other = Pchat::host(&mallory, "alice", &[]);
    let proxy = Proxy::to(other.port());
    let ended = Pchat::with_code(&bob, "bob", proxy.port, &host.code()).end();
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), "error: PCHAT_CODE is not the code of this room"));
    assert!(!ended.out.contains("you are"));
}
