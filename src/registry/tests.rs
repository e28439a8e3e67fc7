//! Judges all commands at once, and the reading of lines with them.

use std::{collections::HashMap, fs, path::Path};

use proptest::prelude::*;

use super::*;
use crate::{command::Input, commands::ALL};

/// A room with these members, and these names at the door.
pub(super) struct Room(pub(super) &'static [&'static str], pub(super) &'static [&'static str]);

pub(super) const ROOM: Room = Room(&["alice", "bob", "bob smith"], &["carol"]);

impl Known for Room {
    fn member(&self, name: &str) -> bool {
        self.0.contains(&name)
    }

    fn knock(&self, name: &str) -> bool {
        self.1.contains(&name)
    }

    fn kept(&self, number: u32) -> bool {
        KEPT.contains(&number)
    }
}

/// What the room keeps in these tests.
const KEPT: [u32; 2] = [3, 31];

impl Names for Room {
    fn members(&self, prefix: &str) -> Vec<Candidate> {
        self.0.iter().filter(|name| name.starts_with(prefix)).map(|name| Candidate::plain(*name)).collect()
    }

    fn knocks(&self, prefix: &str) -> Vec<Candidate> {
        self.1.iter().filter(|name| name.starts_with(prefix)).map(|name| Candidate::plain(*name)).collect()
    }

    fn kept(&self) -> Vec<(u32, String)> {
        KEPT.iter().map(|number| (*number, format!("photos {number} from bob"))).collect()
    }
}

fn registry() -> Registry {
    Registry::new(ALL)
}

/// What a line is, in short: `name: argument|argument` of a command, or another kind of reading.
fn read(line: &str) -> String {
    match registry().read(line, &ROOM) {
        Reading::Nothing => "nothing".into(),
        Reading::Help(_) => "help page".into(),
        Reading::Held(_) => "held".into(),
        Reading::Wrong { message, .. } => format!("wrong: {}", message.lines().next().unwrap_or_default()),
        Reading::Run { entry, matches } => {
            let grammar = entry.grammar();
            let words = grammar.get_arguments().filter_map(|arg| matches.get_raw(arg.get_id().as_str()));
            let words: Vec<_> = words.flatten().map(|word| word.to_string_lossy()).collect();
            format!("{}: {}", if entry.default { "SAY" } else { entry.name }, words.join("|"))
        }
    }
}

#[track_caller]
fn said(line: &str) {
    assert_eq!(read(line), format!("SAY: {line}"));
}

#[test]
fn every_grammar_is_valid() {
    for entry in ALL {
        entry.grammar().debug_assert();
    }
}

#[test]
fn every_summary_is_a_sentence() {
    for entry in ALL {
        let summary = entry.summary();
        assert!(summary.starts_with(char::is_uppercase) && summary.ends_with('.'), "{}: {summary}", entry.name);
        assert!(
            !summary.ends_with("..") && summary.len() <= 72 && summary.lines().count() == 1,
            "{}: {summary}",
            entry.name
        );
    }
}

#[test]
fn every_argument_is_explained() {
    for entry in ALL {
        for arg in entry.grammar().get_arguments() {
            assert!(arg.get_help().is_some(), "{}: {}", entry.name, arg.get_id());
        }
    }
}

#[test]
fn names_are_lower_case_and_unique() {
    let mut owner = HashMap::new();
    for entry in ALL {
        for name in entry.names() {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{name}");
            if let Some(other) = owner.insert(name, entry.name) {
                panic!("{name} is a name of both {other} and {}", entry.name);
            }
        }
    }
    assert_eq!(registry().reserved().len(), owner.len());
}

#[test]
fn every_example_is_read_as_its_command() {
    for entry in ALL {
        assert!(!entry.examples.is_empty(), "{} has no example", entry.name);
        for example in entry.examples {
            match registry().read(&format!("/{example}"), &ROOM) {
                Reading::Run { entry: read, .. } => assert_eq!(read.name, entry.name, "{example}"),
                other => panic!("{example}: {other:?}"),
            }
        }
    }
}

#[test]
fn the_default_command_takes_lines() {
    let default = ALL.iter().find(|entry| entry.default).expect("checked by the compiler");
    assert_eq!(default.input, Input::Line);
}

/// Names of files, values and errors that happen to be names of commands, too.
const OTHER_MEANINGS: [(&str, &str); 9] = [
    ("trust/file.rs", "lock"),
    ("downloads/staging.rs", "lock"),
    ("trust/home.rs", "bans"),
    ("trust/home.rs", "history"),
    ("room/names.rs", "me"),
    ("src/tape.rs", "text"),
    ("app/host.rs", "port"),
    ("app/event.rs", "port"),
    ("view/json.rs", "text"),
];

#[test]
fn no_command_is_named_outside_the_folder_of_commands() {
    fn visit(folder: &Path) {
        for file in fs::read_dir(folder).expect("readable").map(|file| file.expect("readable").path()) {
            if file.is_dir() {
                // What tests write is nobody's way to a command.
                if !file.ends_with("tests") {
                    visit(&file);
                }
            } else if !file.ends_with("tests.rs") {
                let text = fs::read_to_string(&file).expect("readable");
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                for name in ALL.iter().flat_map(Entry::names) {
                    if OTHER_MEANINGS.iter().any(|(there, other)| file.ends_with(there) && *other == name) {
                        continue;
                    }
                    assert!(!code.contains(&format!("\"{name}\"")), "{} names {name}", file.display());
                }
            }
        }
    }
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
}

#[test]
fn a_bare_line_is_a_command_only_if_it_fits() {
    assert_eq!(read("quit"), "quit: ");
    assert_eq!(read("exit  "), "quit: ");
    said("quit smoking");
    said("Quit");
    said("\"quit\"");
    assert_eq!(read("help port"), "help: port");
    assert_eq!(read("help /port"), "help: /port");
    said("help me");
    assert_eq!(read("help /me"), "help: /me");
    said("help me please");
    assert_eq!(read("port 80"), "port: 80");
    said("port wine is sweet");
    said("port 80 is taken");
    assert_eq!(read("who"), "who: ");
    said("who is there");
    assert_eq!(read("kick bob"), "kick: bob");
    assert_eq!(read("kick bob it's \"enough"), "kick: bob|it's \"enough");
    said("kick the ball");
    said("kick");
    assert_eq!(read("accept carol"), "accept: carol");
    said("accept bob");
    said("accept it");
    said("nick names are fun");
    said("hello, quit");
}

#[test]
fn case_71_wrong_usage_with_a_slash_is_a_usage_error_and_never_said() {
    for line in
        ["/kick", "/quit now", "/port wine", "/port -1", "/port 65536", "/nick a b", "/port \"80", "/nick bob\\"]
    {
        let Reading::Wrong { message, .. } = registry().read(line, &ROOM) else { panic!("{line}: {}", read(line)) };
        assert!(message.contains("\nusage: "), "{line}: {message}");
        assert!(!message.contains("--help") && !message.contains('\u{1b}'), "{line}: {message}");
    }
    assert_eq!(read("/kick"), "wrong: <NAME> is missing");
    assert!(read("/port \"80").contains("the quote \" is not closed"));
    assert!(read("/nick bob\\").contains("backslash"));
}

#[test]
fn case_71_help_as_an_argument_shows_the_page() {
    for line in ["/kick --help", "kick --help", "quit -h", "msg --help"] {
        assert_eq!(read(line), "help page", "{line}");
    }
}

#[test]
fn case_70_an_unknown_slash_command_is_an_error_with_the_nearest_name() {
    assert_eq!(read("/kik bob"), "wrong: no command is called /kik; did you mean /kick?");
    assert!(read("/usr/bin/env is missing").starts_with("wrong: no command is called /usr/bin/env; a line"));
    for line in ["/", "/ quit", "//"] {
        assert!(read(line).starts_with("wrong: "), "{line}");
    }
    assert!(registry().read("/kik bob", &ROOM).remember());
    assert!(!registry().read("/mgs bob secret", &ROOM).remember());
}

#[test]
fn case_70_a_slip_of_a_private_command_is_held_back() {
    for line in [
        "mgs bob the password is x",
        "mg bob x",
        "msgs bob x",
        "Msg bob x",
        "nsg bob: x",
        "ms 'bob smith' x",
        "msq @bob x",
    ] {
        assert_eq!(read(line), "held", "{line}");
        assert!(!registry().read(line, &ROOM).remember(), "{line}");
    }
    said("mgs of salt");
    said("ask bob yourself");
}

#[test]
fn a_private_line_that_does_not_fit_is_held_back_and_none_is_remembered() {
    assert_eq!(read("msg bob it's \"me"), "msg: bob|it's \"me");
    for line in ["msg", "msg bob", "msg nobody secret", "msg \"bob secret"] {
        assert_eq!(read(line), "held", "{line}");
    }
    for line in ["msg bob secret", "/msg bob secret", "/msg bob", "msg nobody secret"] {
        assert!(!registry().read(line, &ROOM).remember(), "{line}");
    }
    assert!(registry().read("hello", &ROOM).remember());
    assert_eq!(read("/msg nobody secret"), "msg: nobody|secret", "with a slash the command itself judges");
}

#[test]
fn case_81_a_code_typed_after_the_command_about_it_is_neither_said_nor_kept_nor_repeated() {
    assert_eq!(read("code new"), "code: new");
    for line in ["code zoo-abandon-lens", "code zoo abandon lens", "code new zoo", "code zoo\nabandon"] {
        let reading = registry().read(line, &ROOM);
        let Reading::Held(why) = &reading else { panic!("{line}: {reading:?}") };
        assert!(!why.contains("zoo") && !reading.remember(), "{line}: {why}");
    }
    let reading = registry().read("/code zoo-abandon-lens", &ROOM);
    let Reading::Wrong { message, remember: false } = &reading else { panic!("{reading:?}") };
    assert!(!message.contains("zoo"), "{message}");
    // A slip of it addresses nobody.
    said("node bob is down");
    assert!(registry().member_names("node bob is down").is_empty());
}

#[test]
fn case_74_what_is_done_to_people_takes_the_slash_or_somebody_who_is_there() {
    for line in ["ban bob", "ban smoking here", "unban bob", "lock", "unlock", "lock the door", "mute the music"] {
        said(line);
    }
    assert_eq!(read("/ban nobody for that"), "ban: nobody|for that");
    assert_eq!(read("/unban x"), "unban: x");
    assert_eq!(read("mute bob"), "mute: bob");
    assert_eq!(read("unmute nobody"), "unmute: nobody");
    said("unmute the music");
}

#[test]
fn what_is_certainly_text_is_text() {
    assert_eq!(read("text quit"), "SAY: quit");
    assert_eq!(read("text  -it's \"fine\" "), "SAY: -it's \"fine\" ");
    assert_eq!(read("/text --help"), "SAY: --help");
    said(" quit");
    said("\tquit");
    said("text");
    said("-rf");
    said("--help");
}

#[test]
fn case_75_several_pasted_lines_are_one_message() {
    said("quit\nquit\nkick bob");
    said("/quit\n/quit");
    said("hello\nmsg bob x");
    said(" msg bob x\ny");
}

#[test]
fn case_75_lines_pasted_after_a_private_command_are_held_back() {
    for lines in ["msg bob x\ny", "/msg bob x\ny", "mgs bob x\ny", "/mgs bob x\ny", "msg\nbob"] {
        assert_eq!(read(lines), "held", "{lines:?}");
    }
    said("mgs of salt\nand more");
    assert_eq!(registry().member_names("/mgs bob x\ny"), ["bob"]);
}

#[test]
fn case_76_strange_and_huge_lines_are_read_as_what_they_are() {
    said(&"x".repeat(1 << 20));
    said(&format!("quit {}", "x ".repeat(1 << 19)));
    said("\u{0}\u{1b}[2J");
    assert!(read(&format!("/{}", "k".repeat(1 << 20))).starts_with("wrong: "));
    for blank in ["", "  ", "\t\r", "\n\n"] {
        assert_eq!(read(blank), "nothing", "{blank:?}");
    }
}

#[test]
fn input_of_others_never_runs_a_command() {
    for line in ["quit", "/quit", "msg bob x", "--help", "/nothing"] {
        match registry().always_text(line) {
            Reading::Run { entry, matches } => {
                assert!(entry.default, "{line}");
                let words: Vec<_> = matches.ids().flat_map(|id| matches.get_raw(id.as_str())).flatten().collect();
                assert!(words.iter().any(|word| *word == line), "{line}");
            }
            other => panic!("{line}: {other:?}"),
        }
    }
    assert!(matches!(registry().always_text(" \n"), Reading::Nothing));
}

#[test]
fn the_caller_learns_whom_to_look_up() {
    let names = |line: &str| registry().member_names(line);
    assert_eq!(names("kick bob for that"), ["bob"]);
    assert_eq!(names("msg 'bob smith' x"), ["bob smith"]);
    assert_eq!(names("mgs @bob x"), ["@bob", "bob"]);
    for line in ["hello bob", "quit", "/kick bob", " kick bob", "kick bob\nx", "accept carol", ""] {
        assert!(names(line).is_empty(), "{line}");
    }
}

#[test]
fn completion_follows_the_grammar() {
    let complete = |line: &str| {
        let (start, found) = registry().complete(line, line.len(), &ROOM);
        (start, found.into_iter().map(|found| found.word).collect::<Vec<String>>())
    };
    let words = |line: &str| complete(line).1;
    assert_eq!(words("ki"), ["kick"]);
    assert_eq!(words("/ki"), ["/kick"]);
    assert_eq!(words("ex"), ["exit"]);
    assert!(words("").len() >= ALL.iter().filter(|entry| entry.bare).count());
    assert_eq!(complete("kick b"), (5, vec!["bob".into(), "\"bob smith\"".into()]));
    assert_eq!(complete("kick \"bob s"), (5, vec!["\"bob smith\"".into()]));
    assert_eq!(complete("kick "), (5, vec!["alice".into(), "bob".into(), "\"bob smith\"".into()]));
    assert_eq!(complete("accept c"), (7, vec!["carol".into()]));
    assert_eq!(complete("help po"), (5, vec!["port".into()]));
    assert_eq!(complete("/quit --h"), (6, vec!["--help".into()]));
    assert_eq!(complete("msg bob ask al"), (12, vec!["alice".into()]));
    assert_eq!(complete("so al"), (3, vec!["alice".into()]));
    assert_eq!(complete("who al"), (4, vec!["alice".into()]));
    assert!(words("so ").is_empty());
    assert_eq!(words("al"), ["alice"]);
    assert_eq!(registry().path_from("kick b", 6), None);
    assert_eq!(registry().complete("grüß", 3, &ROOM), (3, vec![]), "within a letter");
}

#[test]
fn candidates_say_what_they_are() {
    let about = |line: &str| registry().complete(line, line.len(), &ROOM).1[0].about.clone();
    assert_eq!(about("accept 3"), "photos 3 from bob");
    assert_eq!(about("sendfile --t"), "Only for this member");
    assert_eq!(about("/ki"), registry().find("kick").expect("a command").summary());
    assert_eq!(about("help ki"), about("/ki"));
    assert_eq!(about("ex"), about("qui"), "another name of the same command");
}

/// How many lines are typed: more with `PROPTEST_CASES`.
fn lines() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(10_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(lines()))]

    #[test]
    fn case_a14_no_typed_line_panics(
        line in prop_oneof![
            "\\PC{0,60}",
            "[/ ]?(kick|msg|mgs|port|help|accept|nick|quit|text|who)( [a-z\"'\\\\@\\-0-9]{0,8}){0,4}[ \n]?",
            any::<String>(),
        ],
        pos in 0_usize..80,
    ) {
        let registry = registry();
        let reading = registry.read(&line, &ROOM);
        if line.contains('\n') || line.starts_with(' ') {
            let text = match reading {
                Reading::Run { entry, .. } => entry.default,
                other => matches!(other, Reading::Nothing | Reading::Held(_)),
            };
            prop_assert!(text, "{:?}", line);
        } else if let Some(command) = line.strip_prefix('/') {
            let command = match reading {
                Reading::Run { entry, .. } => entry.names().any(|name| command.starts_with(name)),
                other => matches!(other, Reading::Wrong { .. } | Reading::Help(_)),
            };
            prop_assert!(command, "{:?}", line);
        }
        registry.member_names(&line);
        registry.complete(&line, pos, &ROOM);
        registry.path_from(&line, pos);
        registry.misspelt(&line, &ROOM);
        if let Some(hint) = registry.hint(&line, &ROOM) {
            prop_assert!(hint.completes <= hint.text.len() && !line.contains('\n'));
        }
        let mut end = 0;
        for (span, _) in registry.marks(&line, &ROOM, &ROOM) {
            prop_assert!(end <= span.start && line.get(span.clone()).is_some(), "{:?}", line);
            end = span.end;
        }
    }
}

#[test]
fn case_72_a_number_of_nothing_is_text_bare_and_a_command_with_the_slash() {
    assert_eq!(read("accept 3"), "accept: 3");
    for number in ["0", "18446744073709551616", "4"] {
        said(&format!("accept {number}"));
        assert_eq!(read(&format!("/accept {number}")), format!("accept: {number}"));
    }
    said("accept -1");
    assert!(read("/accept -1").starts_with("wrong: "), "{}", read("/accept -1"));
}

#[test]
fn numbers_of_offers_make_a_bare_line_a_command() {
    for name in ["withdraw", "cancel", "pause", "resume", "decline"] {
        assert_eq!(read(&format!("{name} 3")), format!("{name}: 3"));
        said(&format!("{name} 4"));
        said(&format!("{name} the work"));
    }
    assert_eq!(read("accept 3 *.pdf docs/"), "accept: 3|*.pdf|docs/");
    assert_eq!(read("cancel 3 bob"), "cancel: 3|bob");
    said("cancel 3 eve");
    assert_eq!(read("files 3 *.c --page 2"), "files: 3|*.c|2");
    said("files are here");
    said("limit your time");
    assert_eq!(read("limit 3"), "limit: 3");
    assert_eq!(read("limit 3 2M"), "limit: 3|2M");
    said("transfers are slow");
}

#[test]
fn a_path_that_exists_needs_no_quotes() {
    let scratch = crate::trust::scratch::Scratch::new();
    for name in ["My Report.pdf", "it's.bin", "a", "b"] {
        fs::write(scratch.path().join(name), "x").expect("writable");
    }
    let dir = scratch.path().to_str().expect("UTF-8");
    assert_eq!(read(&format!("sendfile {dir}/My Report.pdf")), format!("sendfile: {dir}/My Report.pdf"));
    assert_eq!(read(&format!("sendfile {dir}/it's.bin")), format!("sendfile: {dir}/it's.bin"));
    let to = read(&format!("sendfile {dir}/My Report.pdf --to bob"));
    assert_eq!(to, format!("sendfile: {dir}/My Report.pdf|bob"));
    assert_eq!(read(&format!("sendfile --to bob {dir}/it's.bin ")), format!("sendfile: {dir}/it's.bin|bob"));
    assert_eq!(read(&format!("sendfile {dir}/a {dir}/b")), format!("sendfile: {dir}/a|{dir}/b"));
    assert_eq!(read(&format!(r"sendfile {dir}/My\ Report.pdf")), format!("sendfile: {dir}/My Report.pdf"));
    assert_eq!(read(&format!("sendfile \"{dir}/My Report.pdf\"")), format!("sendfile: {dir}/My Report.pdf"));
    assert_eq!(read("sendfile"), "sendfile: ");
    let line = format!("sendfile --to bob {dir}/My Re");
    assert_eq!(registry().path_from(&line, line.len()), Some(18), "completion sees one name");
    let line = format!("sendfile {dir}/a {dir}/My");
    assert_eq!(registry().path_from(&line, line.len()), Some(line.len() - dir.len() - 3));
    assert_eq!(read("downloads ~/not there yet"), "downloads: ~/not there yet");
    said("downloads are slow today");
}
