//! Known names that come with another key.

use super::{fingerprint, open_room, verify};
use crate::support::{Home, Pchat, Pty};

/// Bob is verified by alice and carol, and then nobody is there.
fn acquaintance() -> [Home; 4] {
    let [alice, bob, carol, mallory] = [(); 4].map(|()| Home::new());
    let (mut host, port) = open_room(&alice, &[]);
    let mut member = Pchat::join(&bob, "bob", port, &[]);
    let mut other = Pchat::join(&carol, "carol", port, &[]);
    other.say("who");
    other.out.expect_start("carol ");
    verify(&mut host, ("bob", &mut member), "alice");
    verify(&mut other, ("bob", &mut member), "carol");
    [alice, bob, carol, mallory]
}

fn warning(name: &str, mallory: &Home, bob: &Home) -> String {
    let (theirs, ours) = (fingerprint(mallory), fingerprint(bob));
    format!("error: {name} ({theirs}) has another key than the bob you verified ({ours}): it may be somebody else")
}

#[test]
fn a_verified_name_with_another_key_is_pointed_out_once_when_it_joins_and_on_entering() {
    let [alice, bob, carol, mallory] = acquaintance();
    let (mut host, port) = open_room(&alice, &[]);
    let mut false_bob = Pchat::join(&mallory, "B0b", port, &[]);
    let warning = warning("B0b", &mallory, &bob);
    host.err.expect(&warning);
    // Whoever comes later meets her on entering, before she says a word.
    let mut other = Pchat::join(&carol, "carol", port, &[]);
    other.err.expect(&warning);
    false_bob.say("hello, it is me");
    for reader in [&host, &other] {
        reader.out.expect("B0b: hello, it is me");
    }
    false_bob.say("nick bobby");
    host.out.expect("* B0b is now bobby");
    false_bob.say("nick bob");
    host.out.expect("* bobby is now bob");
    // The true one has no warning, and another name in this room.
    let _true_bob = Pchat::join(&bob, "bob", port, &[]);
    host.out.expect("* bob-2 joined");
    other.say("who");
    other.out.expect_where("the true one", |line| line.starts_with("bob-2 ") && line.ends_with("verified"));
    for reader in [&mut host, &mut other] {
        reader.say("/nobody");
        reader.err.expect_start("error: no command is called /nobody");
        let told = reader.err.so_far().iter().filter(|line| line.contains("another key")).count();
        assert_eq!(told, 1, "{:?}", reader.err.so_far());
    }
}

#[test]
fn taking_a_verified_name_and_knocking_under_it_are_pointed_out() {
    let [alice, bob, carol, mallory] = acquaintance();
    let (host, port) = Pty::host(&alice, "alice", &["--open"]);
    let mut false_bob = Pchat::join(&mallory, "dave", port, &[]);
    host.expect("* dave joined");
    false_bob.say("nick bob");
    host.expect("* dave is now bob");
    host.expect(&format!("error: bob ({}) has another key", fingerprint(&mallory)));
    drop((host, false_bob));

    let (host, port) = Pty::host(&carol, "carol", &[]);
    let _false_bob = Pchat::knock(&mallory, "bob", port, &[]);
    host.expect("wants to join: accept bob");
    host.expect(&format!("error: bob ({}) has another key", fingerprint(&mallory)));
    host.expect(&fingerprint(&bob)[..9]);
}
