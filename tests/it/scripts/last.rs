//! `pchat join` without an address.

use std::{fs, os::unix::fs::PermissionsExt};

use super::{once, open_room};
use crate::support::{Home, Pchat};

#[test]
fn the_room_entered_last_is_joined_when_no_address_is_given() {
    let (alice, bob) = (Home::new(), Home::new());
    let nothing = once(&bob, &["join"]);
    assert_eq!((nothing.code, nothing.out.as_str()), (Some(1), ""));
    assert_eq!(nothing.err, "error: no room was entered yet; say which one: pchat join ADDR");

    let (first, second) = (open_room(&alice), open_room(&alice));
    for (host, address) in [&first, &second] {
        let port = address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        assert_eq!(Pchat::join(&bob, "bob", port, &[]).end().code, Some(0));
        host.out.expect("* bob left");
    }
    // One that does not let us in is none, and one that a script talks to neither.
    assert_eq!(once(&bob, &["join", "127.0.0.1:1"]).code, Some(1));
    assert_eq!(once(&bob, &["say", &first.1, "--name", "bob", "x"]).code, Some(0));
    let file = bob.path().join(".local/state/pchat/last");
    assert_eq!(fs::read_to_string(&file).expect("it is there"), format!("{}\n", second.1));
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);

    let again = Pchat::run(&bob, &["join", "--name", "bob"]);
    second.0.out.expect("* bob joined");
    assert_eq!(again.end().code, Some(0));
    fs::write(&file, "what").expect("a file");
    let damaged = once(&bob, &["join"]);
    assert_eq!(damaged.code, Some(1));
    assert!(damaged.err.contains("last, line 1: "), "{}", damaged.err);
}
