//! What is said beyond plain lines, and what is left of the talk for those who come later or read back.

use std::fs;

use crate::support::{Home, Pchat, Pty};

/// An open room behind pipes, and its port.
fn room(home: &Home, more: &[&str]) -> (Pchat, u16) {
    let host = Pchat::host(home, "alice", &[&["--open"], more].concat());
    let port = host.port();
    (host, port)
}

#[test]
fn somebody_who_comes_later_reads_the_last_lines_and_a_script_reads_none() {
    let (alice, bob, carol, dave) = (Home::new(), Home::new(), Home::new(), Home::new());
    let (mut host, port) = room(&alice, &["--backlog", "3"]);
    let mut member = Pchat::join(&bob, "bob", port, &["--stay"]);
    for line in ["one", "two", "/me waves", "msg alice psst"] {
        member.say(line);
    }
    host.out.expect("(bob) psst");
    host.say("four");
    member.out.expect("alice: four");
    let newcomer = Pty::join(&carol, "carol", port);
    newcomer.wait_for("the last three lines", |text| text.contains("alice: four"));
    let text = newcomer.text();
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} in {text}"));
    assert!(at("bob: two") < at("~ bob waves") && at("~ bob waves") < at("alice: four"), "{text}");
    assert!(!text.contains("one\n") && !text.contains("psst"), "{text}");
    // Those whom somebody ignores are ignored in the past, too, and so is whoever was put out by the host.
    let script = Pchat::join(&dave, "dave", port, &["--stay"]);
    host.say("done");
    script.out.expect("alice: done");
    let read = script.out.so_far();
    assert!(!read.iter().any(|line| line.contains("four") || line.contains("waves")), "{read:?}");
}

#[test]
fn the_words_of_somebody_who_is_ignored_or_was_put_out_are_not_told_later() {
    let (alice, bob, carol, dave) = (Home::new(), Home::new(), Home::new(), Home::new());
    let (mut host, port) = room(&alice, &[]);
    let mut member = Pchat::join(&bob, "bob", port, &["--stay"]);
    member.say("from bob");
    host.out.expect("bob: from bob");
    host.say("from alice");
    let mut first = Pty::join(&carol, "carol", port);
    first.expect("bob: from bob");
    first.line("ignore bob");
    first.wait_for("that bob is ignored", |text| text.contains("bob (") && text.contains("ignore"));
    first.line("quit");
    assert_eq!(first.wait_clean(), Some(0));
    let again = Pty::join(&carol, "carol", port);
    again.expect("alice: from alice");
    assert!(!again.text().contains("from bob"), "{}", again.text());
    host.say("kick bob");
    host.out.expect("* bob was put out by alice");
    let late = Pty::join(&dave, "dave", port);
    late.expect("alice: from alice");
    assert!(!late.text().contains("from bob"), "{}", late.text());
}

#[test]
fn an_action_shows_as_one_and_needs_its_slash() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = room(&alice, &[]);
    let mut member = Pchat::join(&bob, "bob", port, &["--stay"]);
    member.say("/me waves at \"all\" of you");
    host.out.expect("~ bob waves at \"all\" of you");
    member.say("me too");
    host.out.expect("bob: me too");
    member.say("/me");
    member.err.expect_start("error: ");
}

#[test]
fn somebody_who_is_away_is_told_of_once_listed_and_back_with_the_next_word() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let (mut host, port) = room(&alice, &[]);
    let mut member = Pchat::join(&bob, "bob", port, &["--stay"]);
    member.say("/away lunch");
    host.out.expect("* bob is away: lunch");
    member.out.expect("* you are away: lunch; what you say next brings you back");
    host.say("who");
    host.out.expect_where("bob's row", |line| line.starts_with("bob ") && line.ends_with("away: \"lunch\""));
    // Who comes later knows it, too.
    let mut late = Pchat::join(&carol, "carol", port, &["--stay"]);
    late.out.expect("* bob is away: lunch");
    for said in ["are you there", "hello"] {
        host.say(&format!("msg bob {said}"));
        member.out.expect(&format!("(alice) {said}"));
    }
    member.say("here I am");
    host.out.expect("* bob is here again");
    host.out.expect("bob: here I am");
    let told = host.out.so_far().iter().filter(|line| *line == "* bob is away: lunch").count();
    assert_eq!(told, 2, "when it was said, and to the first of the words to bob: {:?}", host.out.so_far());
    late.out.expect("bob: here I am");
    late.say("who");
    late.out.expect_where("bob's row", |line| line.starts_with("bob ") && !line.contains("away"));
    late.say("/away");
    host.out.expect("* carol is away");
    late.say("/away");
    host.out.expect("* carol is here again");
    // Whoever goes on like that reads it, and the others do not.
    late.say("/away again");
    late.out.expect("* you are away: again; what you say next brings you back");
    late.say("text here");
    host.out.expect("carol: here");
    assert!(!host.out.so_far().iter().any(|line| line.contains("again;") || line == "* carol is away: again"));
    late.say(&format!("/away {}", "x".repeat(201)));
    late.err.expect("error: a reason has at most 200 bytes, this one has 201");
}

#[test]
fn what_was_said_can_be_read_back_with_its_time() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = room(&alice, &[]);
    let mut member = Pchat::join(&bob, "bob", port, &["--stay"]);
    host.say("/history");
    host.out.expect("nothing was said yet");
    for line in ["one", "two", "/me waves", "msg alice psst"] {
        member.say(line);
    }
    host.out.expect("(bob) psst");
    host.say("own");
    member.out.expect("alice: own");
    member.say("last");
    host.out.expect("bob: last");
    host.say("/history 5");
    let rows = host.out.collect(5, |line| line.get(2..3) == Some(":") && line.get(5..6) == Some(" "));
    let said: Vec<_> = rows.iter().map(|row| &row[6..]).collect();
    assert_eq!(said, ["bob: two", "~ bob waves", "(bob) psst", "alice: own", "bob: last"]);
}

#[test]
fn a_talk_is_written_down_to_its_last_line_and_added_to() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = room(&alice, &[]);
    let mut member = Pchat::join(&bob, "bob", port, &["--stay"]);
    let path = bob.path().join("talk.md");
    member.say("/log");
    member.out.expect("nothing is written down");
    host.say("before");
    member.out.expect("alice: before");
    member.say(&format!("/log {}", path.display()));
    member.out.expect(&format!("what is said from now on is written to {}", path.display()));
    host.say("# no *heading* <b>");
    member.out.expect("alice: # no *heading* <b>");
    host.say("msg bob psst");
    member.out.expect("(alice) psst");
    member.say("mine");
    host.out.expect("bob: mine");
    fs::write(alice.path().join("notes.bin"), [0; 2048]).expect("a file");
    host.say(&format!("sendfile {}", alice.path().join("notes.bin").display()));
    member.out.expect_start("* alice offers notes.bin");
    member.say("accept 1");
    host.out.expect("* bob saved notes.bin");
    host.say("quit");
    assert_eq!(member.wait().code, Some(0));
    let text = fs::read_to_string(&path).expect("it is there");
    assert!(text.starts_with("# Talk in the room of alice, ") && text.contains("\n\n## 2"), "{text}");
    for part in [
        "` **alice**: \\# no \\*heading\\* \\<b\\>\n",
        "` (only from **alice**) psst\n",
        "` **bob**: mine\n",
        "` *saved /",
        "notes.bin (2.0 KiB from alice)*",
        "` *alice closed the room*\n",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("before"), "{text}");

    // Another room, the same file; and programs have a form of their own.
    let (mut host, port) = room(&alice, &[]);
    let mut member = Pchat::join(&bob, "bob", port, &["--stay"]);
    member.say(&format!("/log {}", path.display()));
    member.out.expect(&format!("what is said from now on is written to {}", path.display()));
    host.say("again");
    member.out.expect("alice: again");
    let json = bob.path().join("talk.jsonl");
    member.say(&format!("/log --json {}", json.display()));
    member.out.expect(&format!("what is said from now on is written to {}", json.display()));
    host.say("as \"json\"");
    member.out.expect("alice: as \"json\"");
    member.say("/log off");
    member.out.expect(&format!("nothing more is written to {}", json.display()));
    let now = fs::read_to_string(&path).expect("it is there");
    assert!(now.starts_with(&text) && now.ends_with("` **alice**: again\n"), "{now}");
    assert_eq!(now.matches("# Talk in the room of alice, ").count(), 2, "{now}");
    let line = fs::read_to_string(&json).expect("it is there");
    let object: serde_json::Value = serde_json::from_str(line.trim_end()).expect("one object");
    assert_eq!((object["type"].as_str(), object["text"].as_str()), (Some("message"), Some("as \"json\"")));
    member.say("/log /dev/null");
    member.err.expect("error: could not write to /dev/null: it is no file");
}
