//! `pchat get`.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use super::{assert_silent, once, open_room, put, spools};
use crate::support::{Home, Pchat, Process};

/// A room in which these files are offered, in this order.
fn offering(home: &Home, files: &[(&str, &[u8])]) -> (Pchat, String) {
    let (mut host, address) = open_room(home);
    for (at, (name, bytes)) in files.iter().enumerate() {
        put(home, name, bytes);
        host.say(&format!("sendfile {}", name.split('/').next().expect("a name")));
        host.out.expect_start(&format!("* offer {}: ", at + 1));
    }
    (host, address)
}

/// Runs it in a folder of its own.
fn get_in(home: &Home, folder: &str, args: &[&str]) -> Pchat {
    let folder = home.path().join(folder);
    fs::create_dir_all(&folder).expect("a folder");
    let mut command = home.pchat();
    command.arg("get").args(args).args(["--name", "bob"]).current_dir(folder);
    Pchat::spawn("get", command)
}

#[test]
fn the_only_offer_comes_into_the_folder_that_one_is_in_and_nothing_is_overwritten() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, address) = offering(&alice, &[("a.bin", b"new")]);
    put(&bob, "here/a.bin", "old");
    let ended = get_in(&bob, "here", &[&address]).end();
    let path = bob.path().join("here/a (1).bin");
    assert_eq!((ended.code, ended.out, ended.err.as_str()), (Some(0), path.display().to_string(), ""));
    host.out.expect("* bob saved a.bin");
    host.out.expect("* bob left");
    assert_eq!(fs::read(&path).expect("it is there"), b"new");
    assert_eq!(fs::read(bob.path().join("here/a.bin")).expect("it is there"), b"old");
    assert_eq!(spools(&bob.path().join("here")), [""; 0]);
    assert!(!bob.path().join("Downloads").exists(), "what this person has set is nobody's business");
    let again = get_in(&bob, "there", &[&address, "-o", "../made/"]).end();
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(fs::read(bob.path().join("made/a.bin")).expect("it is there"), b"new");
}

#[test]
fn several_offers_are_listed_and_a_number_or_the_latest_says_which() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, address) = offering(&alice, &[("a.bin", b"first"), ("trip/b.bin", b"second")]);
    let which = get_in(&bob, "here", &[&address]).end();
    assert_eq!((which.code, which.out.as_str()), (Some(1), ""));
    assert_eq!(
        which.err,
        "error: several are offered; say which number, or --latest\n  | 1: a.bin (5 B) of alice\n  | 2: trip/ (1 file, 6 B) of alice"
    );
    assert_eq!(get_in(&bob, "here", &[&address, "1"]).end().code, Some(0));
    assert_eq!(fs::read(bob.path().join("here/a.bin")).expect("it is there"), b"first");
    assert_eq!(get_in(&bob, "here", &[&address, "--latest"]).end().code, Some(0));
    assert_eq!(fs::read(bob.path().join("here/trip/b.bin")).expect("it is there"), b"second");
    host.out.collect(2, |line| line.starts_with("* bob saved "));
    let none = get_in(&bob, "here", &[&address, "7", "--wait", "0"]).end();
    assert_eq!((none.code, none.err.as_str()), (Some(1), "error: no offer has the number 7"));
}

#[test]
fn it_waits_for_an_offer_as_long_as_it_is_told_to() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, address) = open_room(&alice);
    let nothing = get_in(&bob, "here", &[&address, "--wait", "0"]).end();
    assert_eq!((nothing.code, nothing.err.as_str()), (Some(1), "error: nothing is offered"));
    let getting = get_in(&bob, "here", &[&address]);
    host.out.expect("* bob left");
    host.out.expect("* bob joined");
    put(&alice, "late.bin", "late");
    host.say("sendfile late.bin");
    assert_eq!(getting.end().code, Some(0));
    assert_eq!(fs::read(bob.path().join("here/late.bin")).expect("it is there"), b"late");
}

#[test]
fn a_name_that_one_chooses_is_taken_and_never_one_that_is_there() {
    let (alice, bob) = (Home::new(), Home::new());
    let (_host, address) = offering(&alice, &[("a.bin", b"new")]);
    let args = |name| ["get", &address, "--name", "bob", "-o", name].map(str::to_owned);
    let run = |name| once(&bob, &args(name).each_ref().map(|arg| &**arg));
    // In one's home folder, where names from others are not let in.
    assert_silent(&run(".mine"));
    assert_eq!(fs::read(bob.path().join(".mine")).expect("it is there"), b"new");
    let taken = run(".mine");
    assert_eq!(
        (taken.code, taken.err.as_str()),
        (Some(1), "error: .mine is there already, and nothing is overwritten")
    );
    assert_eq!(spools(bob.path()), [""; 0]);
    let home = run(".");
    assert_eq!(home.code, Some(1));
    assert!(home.err.contains("home folder"), "{}", home.err);
}

#[test]
fn the_content_of_a_file_goes_to_the_output_once_it_is_right_and_a_folder_does_not() {
    let (alice, bob) = (Home::new(), Home::new());
    let (_host, address) = offering(&alice, &[("a.txt", b"one\ntwo\n"), ("trip/b.bin", b"second")]);
    let temporary = bob.path().join("tmp");
    fs::create_dir(&temporary).expect("a folder");
    let run = |number: &str| {
        let mut command = bob.pchat();
        command.args(["get", &address, number, "-o", "-", "--name", "bob"]).env("TMPDIR", &temporary);
        Pchat::spawn("get", command).end()
    };
    let ended = run("1");
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(0), "one\ntwo", ""));
    let folder = run("2");
    assert_eq!((folder.code, folder.out.as_str()), (Some(1), ""));
    assert!(folder.err.ends_with("is a folder, and only a file can go to standard output"), "{}", folder.err);
    assert_eq!(spools(&temporary), [""; 0]);
    assert_eq!(fs::metadata(&temporary).expect("it is there").permissions().mode() & 0o700, 0o700);
}

#[test]
fn an_output_that_nobody_reads_ends_it_quietly() {
    let (alice, bob) = (Home::new(), Home::new());
    let (_host, address) = offering(&alice, &[("a.bin", &[7; 500_000])]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command: Command = bob.pchat();
    command.args(["get", &address, "-o", "-", "--name", "bob"]);
    let child = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("it starts");
    let err = crate::support::Lines::read("errors", child.stderr.take().expect("a pipe"));
    assert_eq!(Process::of(child).wait().code(), Some(0));
    assert_eq!(err.all(), [""; 0]);
}
