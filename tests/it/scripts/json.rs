//! `--json`: what real programs write, against what is documented.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    put,
    schema::{BY_FIXTURE, Schema},
};
use crate::support::{Home, Pchat, Proxy, Signal};

/// A program that speaks JSON.
struct Bot(Pchat);

impl Bot {
    fn run(home: &Home, args: &[&str]) -> Self {
        let mut command = home.pchat();
        command.args(args).arg("--json");
        Self(Pchat::spawn(args[0], command))
    }

    fn join(home: &Home, name: &str, port: u16, more: &[&str]) -> Self {
        let address = format!("127.0.0.1:{port}");
        Self::run(home, &[&["join", &address, "--name", name], more].concat())
    }

    fn say(&mut self, line: &str) {
        self.0.say(&json!({ "line": line }).to_string());
    }

    /// Waits for the next object of this type that fits.
    fn next(&self, kind: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let line = self.0.out.expect_where(kind, |line| {
            let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            value["type"] == kind && fits(&value)
        });
        serde_json::from_str(&line).expect("looked at before")
    }

    fn any(&self, kind: &str) -> Value {
        self.next(kind, |_| true)
    }

    /// Waits for an object of this type that fits, which may have come before others that were waited for.
    fn had(&self, kind: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let lines = self.0.out.collect(1, |line| {
            let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            value["type"] == kind && fits(&value)
        });
        serde_json::from_str(&lines[0]).expect("looked at before")
    }

    /// Says a line, and waits until it was dealt with. Says whether it worked.
    fn ask(&mut self, line: &str, id: Value) -> bool {
        self.0.say(&json!({ "line": line, "id": id }).to_string());
        // It may come before or after what the line brings about elsewhere, so it ends no wait for that.
        let done = self.had("done", |done| done["id"] == id);
        done["ok"].as_bool().expect("it says so")
    }

    /// The types of everything it wrote, each of which fits the schema.
    fn kinds(self, schema: &Schema, seen: &mut BTreeSet<String>, code: i32) {
        let ended = self.0.wait();
        assert_eq!((ended.code, ended.err.as_str()), (Some(code), ""), "{}", ended.out);
        seen.extend(ended.out.lines().map(|line| schema.check(line)));
    }
}

const ROOM: &[&str] = &["host", "--port", "0", "--bind", "127.0.0.1", "--name", "alice"];

/// Talk, power and what is asked.
fn talk(schema: &Schema, seen: &mut BTreeSet<String>) {
    let (alice, bob) = (Home::new(), Home::new());
    let journal = alice.path().join("room.journal");
    let mut host = Bot::run(&alice, &[ROOM, &["--journal", journal.to_str().expect("a path of ours")]].concat());
    let open = host.any("open");
    assert_eq!(host.any("journal")["goes_on"], false);
    let port = u16::try_from(open["port"].as_u64().expect("a port")).expect("a port");
    assert_eq!(open["invitation"].as_str().expect("a code").split(|c: char| !c.is_alphabetic()).count(), 3);
    host.any("entered");
    let proxy = Proxy::to(port);
    let mut member = Bot::join(&bob, "bob", proxy.port, &[]);
    assert_eq!(member.any("waiting")["name"], "bob");
    let knock = host.any("knock");
    assert_eq!((&knock["name"], &knock["address"]), (&"bob".into(), &"127.0.0.1".into()));
    assert!(host.ask("accept bob", "in".into()));
    assert_eq!(member.any("entered")["host"], "alice");
    let joined = host.any("join");
    assert_eq!(joined["key"], knock["key"]);
    // Said by both, told to both, and pairs with what was asked.
    let odd = "ä\n\u{202e}\u{9b}\"quoted\"\u{1b}[2J";
    assert!(member.ask(odd, 1.into()));
    let own = member.any("message");
    assert_eq!((&own["text"], &own["own"], &own["from"]), (&odd.into(), &true.into(), &"bob".into()));
    let heard = host.any("message");
    assert_eq!((&heard["text"], &heard["own"], &heard["key"]), (&odd.into(), &false.into(), &joined["key"]));
    assert!(host.ask("msg bob psst", 2.into()));
    let told = host.any("private");
    assert_eq!((&told["to"], &told["own"]), (&"bob".into(), &true.into()));
    assert_eq!(member.any("private")["from"], "alice");
    assert!(host.ask("who", "w".into()));
    host.0.out.collect(1, |line| line.contains("\"output\"") && line.contains("2 in the room"));
    for bot in [&mut host, &mut member] {
        assert!(bot.ask("status", "s".into()));
    }
    let [all, some] = [&host, &member].map(|bot| bot.had("state", |_| true));
    assert_eq!(
        (&all["room"]["members"], &all["room"]["said"], &all["room"]["held"]["names"]),
        (&2.into(), &1.into(), &2.into())
    );
    assert_eq!((&some["room"]["said"], some["room"].get("held")), (&1.into(), None));
    assert!(some["link"]["round_trip"].as_u64().is_some_and(|micros| micros > 0));
    assert!(!host.ask("/dance", 3.into()));
    assert!(host.0.out.so_far().iter().any(|line| line.contains("\"error\"") && line.contains("/dance")));
    // What is no request is told, and the rest goes on.
    for wrong in ["quit", "{\"lime\":\"quit\"}", "[1]"] {
        member.0.say(wrong);
        assert!(member.any("error")["text"].as_str().expect("text").starts_with("the input has to be"));
    }
    assert!(member.ask("nick robert", 4.into()));
    assert_eq!(host.any("rename")["old"], "bob");
    for (line, kind) in [("mute robert", "muted"), ("unmute robert", "unmuted"), ("/lock", "locked")] {
        assert!(host.ask(line, line.into()));
        member.any(kind);
        if kind == "muted" {
            member.say("not heard");
            let undelivered = member.any("undelivered");
            assert_eq!((undelivered.get("text"), &undelivered["line"]), (None, &"not heard".into()));
        }
    }
    assert!(host.ask("/unlock", 5.into()));
    member.any("unlocked");
    proxy.cut();
    member.any("disconnected");
    member.any("reconnected");
    assert!(host.ask("port 0", 6.into()));
    let port = u16::try_from(member.any("moved")["port"].as_u64().expect("a port")).expect("a port");
    // One who gives up.
    let eve = Home::new();
    let stranger = Bot::join(&eve, "eve", port, &[]);
    stranger.any("waiting");
    host.any("knock");
    stranger.0.signal(Signal::INT);
    assert_eq!(host.any("knock-over")["name"], "eve");
    stranger.kinds(schema, seen, 0);
    member.say("quit");
    assert_eq!(host.any("leave")["how"], "left");
    member.kinds(schema, seen, 1);
    // With the code.
    let carol = Home::new();
    let mut command = carol.pchat();
    let code = open["invitation"].as_str().expect("a code");
    command.args(["join", &format!("127.0.0.1:{port}"), "--name", "carol", "--json"]).env("PCHAT_CODE", code);
    let invited = Bot(Pchat::spawn("carol", command));
    invited.any("entered");
    host.0.signal(Signal::INT);
    assert_eq!(invited.any("closed")["by"], "alice");
    invited.kinds(schema, seen, 0);
    host.kinds(schema, seen, 0);
}

/// Files, and everything that can become of an offer.
fn files(schema: &Schema, seen: &mut BTreeSet<String>) {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Bot::run(&alice, &[ROOM, &["--open"]].concat());
    let port = u16::try_from(host.any("open")["port"].as_u64().expect("a port")).expect("a port");
    let mut member = Bot::join(&bob, "bob", port, &["--auto-accept", "all"]);
    member.any("entered");
    let bytes = vec![7; 400_000];
    put(&alice, "a.bin", &bytes);
    // Asked, and answered.
    assert!(host.ask("limit 400K", 0.into()));
    host.say("sendfile");
    assert_eq!(host.any("question")["text"], "file: ");
    assert!(host.ask("a.bin", 1.into()));
    let own = host.any("offer");
    assert_eq!((&own["own"], &own["bytes"], &own["offer"]), (&true.into(), &400_000.into(), &1.into()));
    let offer = member.any("offer");
    assert_eq!((&offer["receiving"], &offer["from"]), (&true.into(), &"alice".into()));
    host.any("sending");
    let progress = member.any("progress");
    assert_eq!((&progress["direction"], &progress["total"]), (&"in".into(), &400_000.into()));
    assert!(host.ask("limit off", 2.into()));
    let saved = member.any("saved");
    assert_eq!(saved["hash"], blake3::hash(&bytes).to_hex().as_str());
    assert_eq!(std::fs::read(saved["path"].as_str().expect("a path")).expect("it is there"), bytes);
    assert_eq!(host.any("delivered")["to"], "bob");
    // The host is asked, since its room is open.
    put(&bob, "b.bin", &bytes);
    assert!(member.ask("sendfile b.bin", 3.into()));
    assert_eq!(host.any("offer")["receiving"], false);
    assert!(host.ask("decline 2", 4.into()));
    assert_eq!(member.any("declined")["to"], "alice");
    assert!(member.ask("pause 2", 5.into()));
    member.had("paused", |paused| paused["own"] == true);
    assert!(member.ask("resume 2", 6.into()));
    member.had("resumed", |resumed| resumed["own"] == true);
    assert!(member.ask("limit 50K", 7.into()));
    assert!(host.ask("accept 2", 8.into()));
    host.had("progress", |progress| progress["offer"] == 2);
    assert!(host.ask("cancel 2", 9.into()));
    host.had("cancelled", |cancelled| cancelled["from"] == "bob");
    member.had("cancelled", |cancelled| cancelled["to"] == "alice");
    assert!(member.ask("withdraw 2", 10.into()));
    member.had("withdrawn", |withdrawn| withdrawn["own"] == true);
    member.say("quit");
    member.kinds(schema, seen, 0);
    host.0.signal(Signal::TERM);
    host.kinds(schema, seen, 0);
}

#[test]
fn all_that_real_programs_write_is_documented_and_all_that_is_documented_is_written() {
    let (schema, mut seen) = (Schema::documented(), BTreeSet::new());
    talk(&schema, &mut seen);
    files(&schema, &mut seen);
    let unseen: Vec<_> = schema.kinds().into_iter().filter(|kind| !seen.contains(*kind)).collect();
    let missing: Vec<_> = unseen.iter().filter(|kind| !BY_FIXTURE.contains(kind)).collect();
    assert!(missing.is_empty(), "documented, and produced by no test: {missing:?}");
}

#[test]
fn what_fails_before_there_is_a_room_is_an_object_too() {
    let ended = Pchat::once(&Home::new(), &["join", "--json"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), ""));
    assert_eq!(Schema::documented().check(&ended.out), "error");
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it has one");
    let ended = Pchat::once(&Home::new(), &["join", &free.to_string(), "--json"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), ""));
    assert_eq!(Schema::documented().check(ended.out.lines().last().expect("a line")), "error");
}

#[test]
fn with_text_a_line_is_said_whatever_it_says() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let mut member = Bot::join(&bob, "bob", host.port(), &["--text"]);
    assert!(member.ask("quit", 1.into()));
    host.out.expect("bob: quit");
    member.0.close_input();
    assert_eq!(member.0.wait().code, Some(0));
}

#[test]
fn the_table_of_types_names_every_field_of_the_schema_and_nothing_else() {
    let schema = Schema::documented();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.md");
    let text = std::fs::read_to_string(path).expect("the document is there");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut documented = Vec::new();
    for row in rows {
        let cells: Vec<_> = row.split(" | ").collect();
        let kind = cells[0].trim_end_matches('`');
        let named: BTreeSet<_> = cells[1].split(", ").map(|field| field.trim_matches(['`', '?'])).collect();
        let fields: BTreeSet<_> = schema.fields(kind).into_iter().filter(|f| !["type", "time"].contains(f)).collect();
        assert_eq!(named, fields, "{kind}");
        documented.push(kind);
    }
    assert_eq!(documented, schema.kinds());
}
