//! `pchat send`.

use std::{fs, io};

use super::{assert_silent, once, open_room, put, spools};
use crate::support::{Home, Pchat, Signal, until};

#[test]
fn files_and_folders_reach_those_who_are_there_before_it_ends() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let (host, address) = open_room(&alice);
    let port = address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let other = Pchat::join(&carol, "carol", port, &["--auto-accept", "all", "--stay"]);
    put(&bob, "My Report.pdf", vec![7; 300_000]);
    put(&bob, "photos/a/b.jpg", "b");
    put(&bob, "~odd", "odd");
    assert_silent(&once(&bob, &["send", &address, "My Report.pdf", "photos", "~odd", "--name", "bob"]));
    for (lines, home) in [(&host.out, &alice), (&other.out, &carol)] {
        lines.collect(3, |line| line.starts_with("* saved "));
        let folder = home.path().join("Downloads/pchat");
        assert_eq!(fs::read(folder.join("My Report.pdf")).expect("it is there").len(), 300_000);
        assert_eq!(fs::read(folder.join("photos/a/b.jpg")).expect("it is there"), b"b");
        assert!(folder.join("~odd").exists() || folder.join("_odd").exists());
        lines.expect("* bob left");
    }
}

#[test]
fn what_is_for_one_member_goes_to_that_one_alone() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let (host, address) = open_room(&alice);
    let port = address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let other = Pchat::join(&carol, "carol", port, &["--auto-accept", "all", "--stay"]);
    put(&bob, "a.bin", "x");
    assert_silent(&once(&bob, &["send", &address, "a.bin", "--to", "carol", "--name", "bob"]));
    other.out.expect_start("* saved ");
    host.out.expect("* bob left");
    assert!(!host.out.so_far().iter().any(|line| line.contains("a.bin")));
    let nobody = once(&bob, &["send", &address, "a.bin", "--to", "dave", "--name", "bob"]);
    assert_eq!((nobody.code, nobody.err.as_str()), (Some(1), "error: nobody here is called dave"));
}

#[test]
fn one_who_declines_one_who_does_nothing_and_one_whose_disk_does_not_take_it_end_in_1() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let address = format!("127.0.0.1:{}", host.port());
    put(&bob, "a.bin", "x");
    let sending = Pchat::run(&bob, &["send", &address, "a.bin", "--name", "bob"]);
    host.out.expect("* bob offers a.bin (1 B): accept 1 / decline 1");
    host.say("decline 1");
    let declined = sending.wait();
    assert_eq!((declined.code, declined.err.as_str()), (Some(1), "error: alice declined a.bin"));

    let ignored = once(&bob, &["send", &address, "a.bin", "--wait", "1", "--name", "bob"]);
    assert_eq!((ignored.code, ignored.err.as_str()), (Some(1), "error: alice has not received a.bin"));

    let sending = Pchat::run(&bob, &["send", &address, "a.bin", "--wait", "1", "--name", "bob"]);
    host.out.expect("* bob offers a.bin (1 B): accept 3 / decline 3");
    fs::create_dir_all(alice.path().join("Downloads")).expect("a folder");
    fs::write(alice.path().join("Downloads/pchat"), "no folder").expect("a file");
    host.say("accept 3");
    let failed = sending.wait();
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.err.starts_with("error: alice has not received a.bin"), "{}", failed.err);
}

#[test]
fn what_is_not_there_is_told_before_anything_is_offered() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, address) = open_room(&alice);
    put(&bob, "a.bin", "x");
    let ended = once(&bob, &["send", &address, "a.bin", "missing.bin", "--name", "bob"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.err, "error: could not open missing.bin: No such file or directory (os error 2)");
    assert!(!host.out.so_far().iter().any(|line| line.contains("bob")));
}

#[test]
fn what_is_piped_in_is_sent_whole_under_its_name_and_leaves_nothing_behind() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, address) = open_room(&alice);
    let temporary = bob.path().join("tmp");
    fs::create_dir(&temporary).expect("a folder");
    let piping = |args: &[&str]| {
        let mut command = bob.pchat();
        command.args(["send", &address, "--name", "bob"]).args(args).env("TMPDIR", &temporary);
        Pchat::spawn("send", command)
    };
    let mut sending = piping(&["-", "--as", "work.tar"]);
    let bytes: Vec<u8> = (0..400_000_u32).map(|n| n as u8 ^ (n >> 8) as u8).collect();
    sending.write(&bytes);
    assert!(!host.out.so_far().iter().any(|line| line.contains("work.tar")), "not before it is whole");
    assert_silent(&sending.end());
    host.out.expect_start("* saved ");
    assert!(fs::read(alice.path().join("Downloads/pchat/work.tar")).expect("it is there") == bytes);
    assert_eq!(spools(&temporary), [""; 0]);
    // One that is stopped while it reads leaves nothing either, and the room never hears of it.
    let mut stopped = piping(&["-", "--as", "never.tar"]);
    stopped.write(b"beginning");
    until(|| !spools(&temporary).is_empty(), || "a folder for what it reads".to_owned());
    // The folder is there a little before signals are listened to.
    let files = || fs::read_dir(temporary.join(&spools(&temporary)[0])).expect("a folder");
    let has_some =
        |file: io::Result<fs::DirEntry>| file.and_then(|file| file.metadata()).is_ok_and(|found| found.len() > 0);
    until(|| files().any(has_some), || "something that it has read".to_owned());
    stopped.signal(Signal::TERM);
    let ended = stopped.wait();
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert_eq!(spools(&temporary), [""; 0]);
    assert!(!host.out.so_far().iter().any(|line| line.contains("never.tar")));
}

#[test]
fn a_signal_while_it_waits_is_a_failure() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    put(&bob, "a.bin", "x");
    let sending = Pchat::run(&bob, &["send", &format!("127.0.0.1:{}", host.port()), "a.bin", "--name", "bob"]);
    host.out.expect("* bob offers a.bin (1 B): accept 1 / decline 1");
    sending.signal(Signal::INT);
    assert_eq!(sending.wait().code, Some(1));
    host.out.expect("* bob left");
}
