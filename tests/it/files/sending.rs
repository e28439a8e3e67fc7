//! From one member to others: how paths are written, and who gets what.

use std::fs;

use super::{ALL, MIB, downloads, expect_content, expect_saved, join_from, names, noise, open_room, put};
use crate::support::{Home, Pchat};

#[test]
fn files_go_from_member_to_host_from_host_to_member_and_between_members() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let (mut host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    let other = Pchat::join(&carol, "carol", port, ALL);
    let photo = noise(1, MIB + 12_345);
    put(&bob, "photo.jpg", &photo);
    member.say("sendfile photo.jpg");
    member.out.expect("* offer 1: photo.jpg (1.0 MiB) for everyone");
    for (lines, home) in [(&host.out, &alice), (&other.out, &carol)] {
        lines.expect("* bob offers photo.jpg (1.0 MiB): offer 1, which is being received");
        expect_saved(lines, home, "photo.jpg", &photo);
        assert_eq!(names(home), ["photo.jpg"], "nothing else stays");
    }
    let told = member.out.collect(2, |line| line.ends_with(" saved photo.jpg"));
    assert!(told.contains(&"* alice saved photo.jpg".into()) && told.contains(&"* carol saved photo.jpg".into()));

    let film = noise(2, 300_000);
    put(&alice, "film.mkv", &film);
    host.say("sendfile film.mkv");
    expect_saved(&member.out, &bob, "film.mkv", &film);
    expect_saved(&other.out, &carol, "film.mkv", &film);
    host.out.collect(2, |line| line.ends_with(" saved film.mkv"));
    assert!([host, member, other].iter().all(|pchat| pchat.err.so_far().is_empty()));
}

#[test]
fn an_offer_reaches_five_members_at_once() {
    let (alice, homes) = (Home::new(), [(); 5].map(|()| Home::new()));
    let (mut host, port) = open_room(&alice);
    let members: Vec<_> =
        homes.iter().zip(["t", "u", "v", "w", "x"]).map(|(home, name)| Pchat::join(home, name, port, ALL)).collect();
    let bytes = noise(3, 2 * MIB);
    put(&alice, "to all.bin", &bytes);
    host.say("sendfile to all.bin");
    for (member, home) in members.iter().zip(&homes) {
        expect_saved(&member.out, home, "to all.bin", &bytes);
    }
    host.out.collect(5, |line| line.ends_with(" saved to all.bin"));
    host.say("transfers");
    host.out.expect("1  to all.bin (2.0 MiB)  for everyone  up");
    let rows = host.out.collect(5, |line| line.trim_start().starts_with("to ") && line.ends_with("  saved"));
    assert_eq!(rows.len(), 5);
}

#[test]
fn empty_files_and_whole_multiples_of_what_a_resume_counts_arrive() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    for (name, len) in [("case_103_empty", 0), ("one", 1), ("chunk", MIB), ("piece", 256 * 1024), ("more", MIB + 1)] {
        let bytes = noise(len, len);
        put(&bob, name, &bytes);
        member.say(&format!("sendfile {name}"));
        expect_saved(&host.out, &alice, name, &bytes);
        member.out.expect(&format!("* alice saved {name}"));
    }
}

#[test]
fn paths_with_spaces_quotes_backslashes_and_a_tilde_are_understood() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    let full = bob.path().join("full.bin");
    let full = format!("sendfile {}", full.display());
    for (name, line) in [
        ("My Report.pdf", "sendfile My Report.pdf"),
        ("two  blanks.pdf", "sendfile \"two  blanks.pdf\""),
        ("it's.pdf", "sendfile it's.pdf"),
        ("single quotes.pdf", "/sendfile 'single quotes.pdf'"),
        ("back slash.pdf", "sendfile back\\ slash.pdf"),
        ("in home.pdf", "sendfile ~/in home.pdf"),
        ("full.bin", &full),
        ("--to bob", "sendfile \"./--to bob\""),
    ] {
        let bytes = noise(name.len() as u64, 5_000);
        put(&bob, name, &bytes);
        member.say(line);
        let kept = if name.starts_with('-') { name.replacen('-', "_", 1) } else { name.to_owned() };
        expect_saved(&host.out, &alice, &kept, &bytes);
    }
    assert_eq!(member.err.so_far(), [""; 0]);
}

#[test]
fn several_paths_are_several_offers_and_one_that_is_missing_is_told() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    let (one, two) = (noise(1, 5_000), noise(2, 6_000));
    put(&bob, "one.bin", &one);
    put(&bob, "number two.bin", &two);
    member.say("sendfile one.bin 'number two.bin' missing.bin");
    expect_saved(&host.out, &alice, "one.bin", &one);
    host.out.collect(2, |line| line.starts_with("* saved "));
    expect_content(&downloads(&alice).join("number two.bin"), &two);
    member.err.expect("error: could not open missing.bin: No such file or directory (os error 2)");
    assert_eq!(member.end().code, Some(1), "something did not work");
}

#[test]
fn a_dot_is_the_folder_that_one_is_in_under_its_own_name() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    put(&bob, "trip/a.txt", "a");
    put(&bob, "trip/sub/b.txt", "b");
    let mut member = join_from(&bob, &bob.path().join("trip"), "bob", port, ALL);
    member.say("sendfile .");
    host.out.expect("* bob offers trip/ (2 files, 2 B): offer 1, which is being received");
    host.out.expect_start("* saved ");
    assert_eq!(fs::read(downloads(&alice).join("trip/sub/b.txt")).expect("it is there"), b"b");
    member.say("sendfile ..");
    member.out.expect_start("* offer 2: ");
    member.say("sendfile /");
    member.err.expect("error: / is the whole system: offer a folder in it");
}

#[test]
fn what_is_for_one_member_others_neither_see_nor_fetch() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let (mut host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    let mut other = Pchat::join(&carol, "carol", port, ALL);
    let bytes = noise(1, 5_000);
    put(&bob, "for carol.bin", &bytes);
    member.say("sendfile for carol.bin --to carol");
    member.out.expect("* offer 1: for carol.bin (4.9 KiB) for carol");
    other.out.expect("* bob offers for carol.bin (4.9 KiB): offer 1, which is being received");
    expect_saved(&other.out, &carol, "for carol.bin", &bytes);
    member.out.expect("* carol saved for carol.bin");
    host.say("/accept 1");
    host.err.expect("error: no offer has the number 1");
    host.say("transfers");
    host.out.expect("nothing is offered, and nothing was");
    member.say("sendfile --to alice for carol.bin");
    expect_saved(&host.out, &alice, "for carol.bin", &bytes);
    other.say("transfers");
    other.out.expect_start("1  for carol.bin (4.9 KiB)  from bob  saved ");
    assert!(!other.out.so_far().iter().any(|line| line.contains("offer 2")));
    member.say("/sendfile for carol.bin --to nobody");
    member.err.expect_start("error: nobody ");
}
