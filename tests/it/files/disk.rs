//! Download folders that cannot be used, or go away.

use std::fs;

use super::{ALL, MIB, downloads, expect_content, names, noise, open_room, partial, put, set_mode};
use crate::support::{Home, Pchat};

#[test]
fn a_download_folder_that_cannot_be_used_is_told_in_a_line_and_the_talk_goes_on() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    put(&alice, "a.bin", noise(1, 5_000));
    put(&bob, "occupied", "");
    put(&bob, "closed/x", "");
    for (number, folder, reason) in [
        (1, "occupied", "could not open "),
        (2, ".", "home folder; files from others need a folder of their own"),
        (3, "/", "/ cannot be the download folder"),
    ] {
        let more = ["--auto-accept", "all", "--downloads", folder];
        let mut member = Pchat::join(&bob, "bob", host.port(), &more);
        host.say("sendfile a.bin");
        member.out.expect_where("a question", |line| line.contains("alice offers a.bin (4.9 KiB): accept "));
        let told = member.err.expect_where("the reason", |line| line.starts_with("error: "));
        assert!(told.contains(" is not received without asking: ") && told.contains(reason), "{told}");
        member.say("accept");
        let told = member.err.expect_where("the reason", |line| line.starts_with("error: "));
        assert!(told.contains(reason), "{told}");
        member.say("downloads ~/elsewhere");
        let told = member.out.expect_start(&bob.path().join("elsewhere").display().to_string());
        assert!(told.ends_with(" free)"), "{told}");
        member.say("accept");
        member.out.expect_start("* saved ");
        expect_content(&bob.path().join("elsewhere/a.bin"), &noise(1, 5_000));
        fs::remove_dir_all(bob.path().join("elsewhere")).expect("it is there");
        member.say("quit");
        host.out.expect("* bob left");
        host.say(&format!("withdraw {number}"));
        host.out.expect_where("taken back", |line| line.ends_with(" (a.bin) is taken back"));
    }
}

#[test]
fn case_134_a_download_folder_that_goes_away_is_told_and_not_made_again() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    put(&bob, "a.bin", noise(1, MIB));
    member.say("limit 100K");
    member.say("sendfile a.bin");
    partial(&alice, 1);
    fs::remove_dir_all(downloads(&alice)).expect("it is there");
    member.say("limit off");
    let told = host.err.expect_start("error: a.bin from bob was not received: ");
    assert!(!told.is_empty());
    member.out.expect_start("* alice could not receive a.bin: ");
    assert!(!downloads(&alice).exists());
    host.say("accept 1");
    host.err.expect_start("error: ");
    // The person makes it, and it can be used again.
    host.say(&format!("downloads {}", downloads(&alice).display()));
    host.out.expect_where("the folder", |line| line.ends_with(" free)"));
    host.say("accept 1");
    host.out.expect_start("* saved ");
    assert_eq!(names(&alice), ["a.bin"]);
}

#[test]
fn case_131_a_download_folder_without_rights_is_told() {
    // The superuser writes everywhere.
    if rustix::process::geteuid().is_root() {
        return;
    }
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    fs::create_dir_all(downloads(&bob)).expect("a folder");
    set_mode(&downloads(&bob), 0o500);
    let member = Pchat::join(&bob, "bob", host.port(), ALL);
    put(&alice, "a.bin", noise(1, 5_000));
    host.say("sendfile a.bin");
    let told = member.err.expect_start("error: offer 1 is not received without asking: could not write to ");
    assert!(told.contains("Downloads/pchat"), "{told}");
    set_mode(&downloads(&bob), 0o700);
}

#[test]
fn the_download_folder_is_shown_and_another_one_counts_from_then_on() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    host.say("downloads");
    host.out.expect_start(&format!("{} (", downloads(&alice).display()));
    host.say("downloads ~/from pchat");
    host.out.expect_start(&format!("{} (", alice.path().join("from pchat").display()));
    let bytes = noise(1, 5_000);
    put(&bob, "a.bin", &bytes);
    member.say("sendfile a.bin");
    host.out.expect_start("* saved ");
    expect_content(&alice.path().join("from pchat/a.bin"), &bytes);
    assert_eq!(names(&alice), [""; 0]);
    host.say("downloads ~");
    host.err.expect_where("a reason", |line| line.contains("is your home folder"));
}
