//! Folders: what of them arrives, and in which steps.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    time::{Duration, UNIX_EPOCH},
};

use super::{ALL, MIB, downloads, expect_content, fifo, join_through, names, noise, open_room, put, set_mode};
use crate::support::{Home, Pchat};

#[test]
fn a_folder_arrives_with_its_tree_its_times_and_its_executables() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    let (top, inner) = (noise(1, MIB + 5), noise(2, 70_000));
    let path = put(&bob, "trip/top.bin", &top);
    put(&bob, "trip/one/two/three/inner.bin", &inner);
    put(&bob, "trip/one/empty.txt", "");
    fs::create_dir(bob.path().join("trip/nothing in it")).expect("a folder");
    set_mode(&put(&bob, "trip/run.sh", "#!/bin/sh\n"), 0o4755);
    set_mode(&put(&bob, "trip/private", "x"), 0o600);
    put(&bob, "trip/.hidden", "h");
    let then = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(path).and_then(|file| file.set_modified(then)).expect("a time");
    member.say("sendfile trip");
    host.out.expect("* bob offers trip/ (6 files, 1.1 MiB): offer 1, which is being received");
    host.out.expect_start(&format!("* saved {} (1.1 MiB from bob)", downloads(&alice).join("trip").display()));
    let got = downloads(&alice).join("trip");
    expect_content(&got.join("top.bin"), &top);
    expect_content(&got.join("one/two/three/inner.bin"), &inner);
    expect_content(&got.join("one/empty.txt"), b"");
    expect_content(&got.join(".hidden"), b"h");
    assert!(fs::read_dir(got.join("nothing in it")).expect("it is there").next().is_none());
    let mode = |name: &str| fs::metadata(got.join(name)).expect("it is there").permissions().mode() & 0o7777;
    assert_eq!(mode("run.sh") & 0o7100, 0o100, "case_106: executable, and no more than that");
    assert_eq!(mode("private") & 0o7111, 0);
    let modified = fs::metadata(got.join("top.bin")).and_then(|found| found.modified()).expect("a time");
    assert_eq!(modified, then);
    assert_eq!(names(&alice), ["trip"]);
}

#[test]
fn cases_108_109_links_and_special_files_are_skipped_and_told() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    put(&bob, "secret", "not for others");
    put(&bob, "dir/file", "f");
    symlink("../secret", bob.path().join("dir/to a file")).expect("a link");
    symlink("..", bob.path().join("dir/to a folder")).expect("a link");
    fifo(&bob.path().join("dir/pipe"));
    member.say("sendfile dir");
    member.out.expect("* dir is not sent as it is:");
    let told = member.out.collect(3, |line| line.contains(": skipped, "));
    for (name, told) in ["pipe", "to a file", "to a folder"].iter().zip(&told) {
        assert!(told.contains(&format!("{name}: skipped, a ")), "{told}");
    }
    host.out.expect_start("* saved ");
    let got: Vec<_> = fs::read_dir(downloads(&alice).join("dir")).expect("it is there").collect();
    assert_eq!(got.len(), 1);
}

#[test]
fn case_80_what_is_no_file_is_refused_without_blocking() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    fifo(&bob.path().join("pipe"));
    symlink("nowhere", bob.path().join("dangling")).expect("a link");
    let unreadable = bob.path().join("no such folder/file");
    for path in ["pipe", "/dev/zero", "/proc/self/maps", "dangling", unreadable.to_str().expect("UTF-8")] {
        member.say(&format!("sendfile \"{path}\""));
        let told = member.err.expect_start("error: ");
        assert!(told.contains(path), "{told}");
    }
    member.say("still here");
    host.out.expect("bob: still here");
}

#[test]
fn a_part_of_a_folder_can_be_listed_and_taken() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let mut member = Pchat::join(&bob, "bob", host.port(), &[]);
    for (path, len) in [("p/a.txt", 10), ("p/b.pdf", 20), ("p/docs/c.pdf", 30), ("p/docs/d.md", 40), ("p/e/f.md", 50)] {
        put(&bob, path, noise(len, len));
    }
    member.say("sendfile p");
    host.out.expect("* bob offers p/ (5 files, 150 B): accept 1 / decline 1 / files 1");
    host.out.expect("  | a.txt, b.pdf, docs/, e/");
    host.say("files 1");
    for row in ["a.txt      10 B", "b.pdf      20 B", "docs/c.pdf 30 B", "docs/d.md  40 B", "e/f.md     50 B"] {
        let (name, size) = row.split_at(10);
        host.out.expect(&format!("{name} {size}"));
    }
    host.out.expect("5 files, 150 B");
    host.say("files 1 *.pdf");
    host.out.expect("2 files, 50 B");
    member.say("files 1 docs/");
    member.out.expect("2 files, 70 B");
    host.say("files 1 *.exe");
    host.err.expect_start("error: ");
    host.say("accept 1 *.exe");
    let told = host.err.expect_start("error: ");
    assert!(told.contains("*.exe"), "{told}");
    host.say("accept 1 *.txt docs/");
    host.out.expect(&format!("* saved {} (80 B from bob)", downloads(&alice).join("p").display()));
    let got = downloads(&alice).join("p");
    assert!(got.join("a.txt").exists() && got.join("docs/c.pdf").exists() && got.join("docs/d.md").exists());
    assert!(!got.join("b.pdf").exists() && !got.join("e").exists());
    member.out.expect("* alice saved p/");
}

#[test]
fn a_name_that_is_taken_gets_a_number_and_what_is_there_already_is_not_fetched_again() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let (mut member, proxy) = join_through(&bob, "bob", port, ALL);
    let (before, after) = (noise(1, 5_000), noise(2, 5_000));
    put(&alice, "Downloads/pchat/a.txt.gz", &before);
    put(&alice, "Downloads/pchat/dir/x", "another");
    put(&bob, "a.txt.gz", &after);
    put(&bob, "dir/x", noise(3, 2 * MIB));
    member.say("sendfile a.txt.gz dir");
    host.out.collect(2, |line| line.starts_with("* saved "));
    assert_eq!(names(&alice), ["a.txt (1).gz", "a.txt.gz", "dir", "dir (1)"]);
    expect_content(&downloads(&alice).join("a.txt.gz"), &before);
    expect_content(&downloads(&alice).join("a.txt (1).gz"), &after);
    expect_content(&downloads(&alice).join("dir (1)/x"), &noise(3, 2 * MIB));

    fs::remove_dir_all(downloads(&alice).join("dir")).expect("it is there");
    fs::rename(downloads(&alice).join("dir (1)"), downloads(&alice).join("dir")).expect("it is there");
    let sent = proxy.passed();
    member.say("sendfile dir");
    host.out.expect(&format!("* dir/ from bob is there already: {}", downloads(&alice).join("dir").display()));
    member.out.expect("* alice has dir/ already");
    assert!(proxy.passed() - sent < MIB, "{}", proxy.passed() - sent);
    assert_eq!(names(&alice), ["a.txt (1).gz", "a.txt.gz", "dir"]);
}

#[test]
fn case_115_a_folder_appears_when_it_is_whole_and_not_before() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    for i in 0..200 {
        put(&bob, &format!("many/{}/{i}.bin", i % 7), noise(i, 10_000));
    }
    member.say("limit 1M");
    member.out.expect("limit of all transfers together: 1.0 MiB/s");
    member.say("sendfile many");
    super::partial(&alice, 0);
    member.say("pause 1");
    member.out.expect("* many/ is paused for everyone; resume 1 goes on");
    host.out.expect("* bob has paused many/");
    let there = names(&alice);
    assert!(there.len() == 1 && there[0].starts_with(".pchat-"), "{there:?}");
    member.say("limit off");
    member.say("resume 1");
    host.out.expect_start("* saved ");
    assert_eq!(names(&alice), ["many"]);
    for i in 0..200 {
        expect_content(&downloads(&alice).join(format!("many/{}/{i}.bin", i % 7)), &noise(i, 10_000));
    }
}
