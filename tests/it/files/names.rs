//! Names that are awkward somewhere: as what they arrive, and how they show.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt};

use super::{ALL, downloads, expect_content, names, noise, open_room, put};
use crate::support::{Home, Pchat};

#[test]
fn cases_84_to_88_awkward_names_arrive_as_harmless_ones() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    for (i, (name, line, kept)) in [
        ("-rf", "sendfile -rf", "_rf"),
        (" x ", "sendfile \" x \"", "x"),
        ("con.txt", "sendfile con.txt", "_con.txt"),
        (".bashrc", "sendfile .bashrc", "_bashrc"),
        ("*", "sendfile *", "_"),
        ("say \"hi\"", "sendfile say \"hi\"", "say _hi_"),
        ("name.", "sendfile name.", "name"),
    ]
    .into_iter()
    .enumerate()
    {
        let bytes = noise(i as u64, 5_000 + i as u64);
        put(&bob, name, &bytes);
        member.say(line);
        let saved = host.out.expect_start("* saved ");
        assert!(saved.starts_with(&format!("{} (", downloads(&alice).join(kept).display())), "{name}: {saved}");
        expect_content(&downloads(&alice).join(kept), &bytes);
    }
    assert_eq!(member.err.so_far(), [""; 0]);
    assert!(!names(&alice).iter().any(|name| name.starts_with(['.', '-', ' '])));
}

#[test]
fn a_backslash_in_a_name_does_not_keep_it_from_arriving() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    put(&bob, "a\\b", noise(1, 5_000));
    member.say("sendfile a\\b");
    let saved = host.out.expect_start("* saved ");
    assert!(saved.starts_with(&downloads(&alice).display().to_string()), "{saved}");
    assert_eq!(names(&alice).len(), 1);
    assert!(!names(&alice)[0].contains('\\'));
}

#[test]
fn cases_80_87_line_ends_and_bytes_that_are_no_text_are_told_to_the_sender_and_shown_as_codes() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    let bytes = noise(1, 5_000);
    fs::create_dir(bob.path().join("dir")).expect("a folder");
    for name in [&b"two\nlines.bin"[..], b"latin-\xfc.bin", b"\x1b[2J.bin"] {
        fs::write(bob.path().join("dir").join(OsStr::from_bytes(name)), &bytes).expect("a file");
    }
    member.say("sendfile dir");
    host.out.expect("* bob offers dir/ (3 files, 14.6 KiB): offer 1, which is being received");
    member.out.expect("* dir is not sent as it is:");
    member.out.expect_where("the name", |line| line.contains("latin-") && line.contains("the name is really "));
    host.out.expect_start("* saved ");
    let got: Vec<_> = fs::read_dir(downloads(&alice).join("dir")).expect("it is there").collect();
    assert_eq!(got.len(), 3);
    for entry in got {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        assert!(!name.contains(|c: char| c.is_control()), "{name:?}");
        expect_content(&downloads(&alice).join("dir").join(name), &bytes);
    }
    // At the top, by way of completion or a pattern of the shell's.
    fs::write(bob.path().join(OsStr::from_bytes(b"top\nrow")), &bytes).expect("a file");
    fs::create_dir(bob.path().join(OsStr::from_bytes(b"odd\x07"))).expect("a folder");
    fs::write(bob.path().join(OsStr::from_bytes(b"odd\x07/x")), &bytes).expect("a file");
    member.write(b"sendfile odd\x07\n");
    host.out.expect_where("an offer", |line| line.starts_with("* bob offers ") && !line.contains('\x07'));
    host.out.expect_start("* saved ");
    assert!(!host.out.so_far().iter().any(|line| line.contains(|c: char| c.is_control())));
}
