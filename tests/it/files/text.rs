//! Short text files, which also show as what their sender says.

use super::{ALL, open_room, put};
use crate::support::{Home, Pchat};

#[test]
fn a_short_text_file_shows_in_the_talk() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    put(&bob, "notes.txt", "first line\n* alice left\ngrüße \u{202e}drow\n");
    member.say("sendfile notes.txt");
    host.out.expect_start("* saved ");
    host.out.expect("bob: [notes.txt]");
    host.out.expect("  | first line");
    host.out.expect("  | * alice left");
    host.out.expect("  | grüße <U+202E>drow");
    member.say("sendfile notes.txt --to alice");
    member.out.expect("* alice has notes.txt already");
    put(&bob, "for you.txt", "psst");
    member.say("sendfile for you.txt --to alice");
    host.out.expect("(bob) [for you.txt]");
    host.out.expect("  | psst");
}

#[test]
fn what_is_long_or_no_text_is_saved_and_not_shown() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    put(&bob, "escape.txt", "\x1b[2Jcleared");
    put(&bob, "rows.txt", "x\n".repeat(21));
    put(&bob, "long.txt", "x".repeat(4097));
    put(&bob, "latin.txt", b"gr\xfc\xdfe");
    put(&bob, "empty.txt", "");
    put(&bob, "dir/in a folder.txt", "hidden");
    member.say("sendfile escape.txt rows.txt long.txt latin.txt empty.txt dir");
    host.out.collect(6, |line| line.starts_with("* saved "));
    member.say("and now");
    host.out.expect("bob: and now");
    let shown: Vec<_> = host.out.so_far().into_iter().filter(|line| !line.starts_with("* ")).collect();
    assert_eq!(shown, ["bob: and now"]);
}
