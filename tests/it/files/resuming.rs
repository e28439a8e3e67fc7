//! After a break only the rest is sent, and only if what is there is what it should be.

use std::{fs, io, os::unix::fs::FileExt, path::Path};

use super::{ALL, MIB, downloads, expect_saved, join_through, names, noise, open_room, partial, put};
use crate::support::{Home, Pchat, Proxy, Signal};

/// What a cut may cost at most: the chunk that is begun anew, and what is between the two ends.
const A_CUT: u64 = 6 * MIB;

#[test]
fn case_79_a_stream_that_breaks_goes_on_by_itself_where_it_was() {
    const LEN: u64 = 40 * MIB;
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let (mut member, proxy) = join_through(&bob, "bob", port, ALL);
    let bytes = noise(1, LEN);
    put(&bob, "large.bin", &bytes);
    proxy.cut_after([15 * MIB, 15 * MIB]);
    member.say("sendfile large.bin");
    expect_saved(&host.out, &alice, "large.bin", &bytes);
    member.out.expect("* alice saved large.bin");
    assert!(proxy.passed() < LEN + 2 * A_CUT, "{} of {LEN}", proxy.passed());
    assert!(proxy.accepted() >= 4, "a link and three streams");
    assert_eq!(names(&alice), ["large.bin"]);
    assert!(member.err.so_far().is_empty() && host.err.so_far().is_empty());
}

#[test]
fn between_two_joiners_it_is_the_same() {
    const LEN: u64 = 20 * MIB;
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let mut member = Pchat::join(&bob, "bob", host.port(), ALL);
    let (other, proxy) = join_through(&carol, "carol", host.port(), ALL);
    let bytes = noise(1, LEN);
    put(&bob, "large.bin", &bytes);
    proxy.cut_after([9 * MIB]);
    member.say("sendfile large.bin");
    expect_saved(&other.out, &carol, "large.bin", &bytes);
    assert!(proxy.passed() < LEN + A_CUT, "{} of {LEN}", proxy.passed());
}

/// A room with bob in it behind a proxy, who sends a file slowly, and of whose file more than `least` bytes are staged.
fn begun(alice: &Home, bob: &Home, len: u64, least: u64) -> (Pchat, Pchat, Proxy) {
    let (host, port) = open_room(alice);
    let (mut member, proxy) = join_through(bob, "bob", port, ALL);
    put(bob, "large.bin", noise(1, len));
    // Slow enough that what the system keeps for the sockets is not all that is left.
    proxy.throttle(2 << 20);
    member.say("sendfile large.bin");
    partial(alice, least);
    (host, member, proxy)
}

#[test]
fn a_receiver_that_was_killed_goes_on_where_it_was() {
    const LEN: u64 = 12 * MIB;
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let mut member = Pchat::join(&bob, "bob", host.port(), ALL);
    let (other, proxy) = join_through(&carol, "carol", host.port(), ALL);
    let bytes = noise(1, LEN);
    put(&bob, "large.bin", &bytes);
    proxy.throttle(4 << 20);
    member.say("sendfile large.bin");
    partial(&carol, 6 * MIB);
    other.signal(Signal::KILL);
    assert_eq!(other.wait().code, None);
    let (again, proxy) = join_through(&carol, "carol", host.port(), ALL);
    expect_saved(&again.out, &carol, "large.bin", &bytes);
    assert!(proxy.passed() < LEN - 4 * MIB, "{} of {LEN}", proxy.passed());
    assert_eq!(names(&carol), ["large.bin"]);
}

#[test]
fn a_sender_that_was_killed_and_offers_again_goes_on_where_it_was() {
    const LEN: u64 = 12 * MIB;
    let (alice, bob) = (Home::new(), Home::new());
    let (host, member, proxy) = begun(&alice, &bob, LEN, 6 * MIB);
    member.signal(Signal::KILL);
    assert_eq!(member.wait().code, None);
    drop(proxy);
    let (mut again, proxy) = join_through(&bob, "bob", host.port(), ALL);
    again.say("sendfile large.bin");
    expect_saved(&host.out, &alice, "large.bin", &noise(1, LEN));
    assert!(proxy.passed() < LEN - 4 * MIB, "{} of {LEN}", proxy.passed());
    assert_eq!(names(&alice), ["large.bin"]);
}

#[test]
fn case_100_what_was_altered_meanwhile_is_sent_from_the_beginning() {
    const LEN: u64 = 8 * MIB;
    let (alice, bob) = (Home::new(), Home::new());
    let (host, mut member, proxy) = begun(&alice, &bob, LEN, 2 * MIB);
    member.say("pause 1");
    host.out.expect("* bob has paused large.bin");
    let staged = fs::File::options().read(true).write(true).open(partial(&alice, 2 * MIB)).expect("it is staged");
    let mut byte = [0];
    staged.read_exact_at(&mut byte, 1_000_000).expect("it is there");
    staged.write_all_at(&[byte[0] ^ 1], 1_000_000).expect("it can be written");
    drop(staged);
    let before = proxy.passed();
    proxy.throttle(64 << 20);
    member.say("resume 1");
    expect_saved(&host.out, &alice, "large.bin", &noise(1, LEN));
    assert!(proxy.passed() - before > LEN, "all of it");
}

#[test]
fn case_100_a_partial_that_was_cut_or_is_something_else_does_no_harm() {
    const LEN: u64 = 8 * MIB;
    let (alice, bob) = (Home::new(), Home::new());
    let (host, mut member, proxy) = begun(&alice, &bob, LEN, 2 * MIB);
    let spoils: [fn(&Path) -> io::Result<()>; 3] = [
        |path| fs::File::options().write(true).open(path).and_then(|file| file.set_len(100)),
        |path| fs::remove_file(path),
        |path| fs::remove_file(path).and_then(|()| fs::create_dir(path)),
    ];
    for spoil in spoils {
        member.say("pause 1");
        host.out.expect("* bob has paused large.bin");
        spoil(&partial(&alice, 0)).expect("it is this user's");
        member.say("resume 1");
        member.out.expect("* large.bin goes on");
        partial(&alice, 1);
    }
    proxy.throttle(64 << 20);
    expect_saved(&host.out, &alice, "large.bin", &noise(1, LEN));
    assert_eq!(names(&alice), ["large.bin"]);
}

#[test]
fn case_137_a_partial_that_is_a_link_is_not_followed() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, mut member, _proxy) = begun(&alice, &bob, 8 * MIB, MIB);
    member.say("pause 1");
    host.out.expect("* bob has paused large.bin");
    let staged = partial(&alice, 0).parent().expect("it is in a folder").to_owned();
    let elsewhere = alice.path().join("elsewhere");
    fs::rename(&staged, &elsewhere).expect("it is there");
    std::os::unix::fs::symlink(&elsewhere, &staged).expect("a link");
    let before = fs::read(elsewhere.join("content")).expect("it is there");
    member.say("resume 1");
    expect_saved(&host.out, &alice, "large.bin", &noise(1, 8 * MIB));
    assert!(fs::read(elsewhere.join("content")).expect("it is there") == before);
    assert!(downloads(&alice).join("large.bin").exists());
}

#[test]
fn case_136_two_programs_of_one_person_receive_the_same_at_once() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = open_room(&alice);
    let members = [Pchat::join(&bob, "bob", port, ALL), Pchat::join(&bob, "rob", port, ALL)];
    let bytes = noise(1, 3 * MIB);
    put(&alice, "a.bin", &bytes);
    host.say("limit 2M");
    host.say("sendfile a.bin");
    for member in members {
        member.out.expect_start("* saved ");
    }
    assert_eq!(names(&bob), ["a (1).bin", "a.bin"]);
    for name in names(&bob) {
        super::expect_content(&downloads(&bob).join(name), &bytes);
    }
}
