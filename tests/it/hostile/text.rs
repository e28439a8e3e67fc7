//! What a hostile member writes and is called, on the screen of somebody at a terminal.

use std::{collections::BTreeSet, fs};

use pchat::wire::{Answer, Body, Event, Refusal, Request, Said, To};

use super::{
    Scene,
    peer::{Peer, stranger},
};
use crate::support::{Home, Pty};

/// What is half typed while all of it arrives.
const TYPED: &str = "half typed";

/// A terminal with a line being typed, and a hostile member of the room.
struct Stage {
    host: Pty,
    peer: Peer,
    shown: usize,
    _alice: Home,
}

impl Stage {
    fn new(name: &str) -> Self {
        let alice = Home::new();
        let (mut host, port) = Pty::host(&alice, "alice", &["--open", "--rate", "off", "--bell", "off"]);
        host.resize(100, 80);
        let peer = Peer::enter(port, name);
        host.keys(TYPED);
        host.expect(&format!("alice> {TYPED}"));
        Self { host, peer, shown: 0, _alice: alice }
    }

    /// Says this between two plain lines and gives the rows that it takes on the screen. Checks that they stand between
    /// those of the plain lines, and that nothing else has changed.
    fn rows(&mut self, payload: impl Into<Vec<u8>>) -> Vec<String> {
        self.shown += 1;
        let (before, after) = (format!("before {}", self.shown), format!("after {}", self.shown));
        let written = self.host.raw().len();
        self.peer.text(before.as_str());
        self.peer.text(payload);
        self.peer.text(after.as_str());
        let end = format!("{after}\nalice> {TYPED}");
        self.host.wait_for(&end, |text| text.trim_end().ends_with(&end));
        self.host.wait_for_screen("a cursor behind what is typed", is_as_it_was);
        only_moves(self.host.raw().get(written..).expect("what was written stays"));
        let text = self.host.text();
        let rows: Vec<_> = text.lines().collect();
        let row = |says: &str| rows.iter().rposition(|row| row.ends_with(says)).unwrap_or_else(|| panic!("{text}"));
        rows[row(&before) + 1..row(&after)].iter().map(|row| (*row).to_owned()).collect()
    }

    /// Checks that everything said is shown like this, in one row.
    fn shows(&mut self, said: &str, shown: &str) {
        assert_eq!(self.rows(said), [format!("mallory: {shown}")], "{said:?}");
    }

    /// Checks that what is said begins with its sender, and that every further row has a mark.
    fn is_marked(&mut self, said: &str) -> Vec<String> {
        let rows = self.rows(said);
        assert!(rows[0].starts_with("mallory:"), "{rows:?}");
        assert!(rows[1..].iter().all(|row| row.starts_with("  |")), "{rows:?}");
        rows
    }
}

/// Whether the terminal is in the modes in which it takes lines, with the cursor behind what is typed.
fn is_as_it_was(screen: &vt100::Screen) -> bool {
    !screen.alternate_screen()
        && !screen.application_keypad()
        && !screen.application_cursor()
        && !screen.hide_cursor()
        && screen.bracketed_paste()
        && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
        && (screen.fgcolor(), screen.bgcolor()) == (vt100::Color::Default, vt100::Color::Default)
        && !screen.bold()
        && !screen.inverse()
        && usize::from(screen.cursor_position().1) == "alice> ".len() + TYPED.len()
}

/// Checks that a terminal is asked for nothing but to move, erase and colour, and to take pastes as such.
fn only_moves(written: &str) {
    // Only what we say may be an operating system command: the title.
    let written = &untitled(written);
    let mut chars = written.chars().peekable();
    let mut asked = BTreeSet::new();
    while let Some(c) = chars.next() {
        match c {
            '\r' | '\n' => {}
            '\x1b' => {
                assert!(matches!(chars.next(), None | Some('[')), "{written:?}");
                let sequence: String = std::iter::from_fn(|| chars.next_if(|c| "0123456789;?".contains(*c))).collect();
                // The last one may not have come whole.
                let Some(what) = chars.next() else { break };
                asked.insert((what, sequence.starts_with('?').then_some(sequence)));
            }
            c => assert!(!c.is_control(), "{c:?} in {written:?}"),
        }
    }
    for (what, mode) in asked {
        let harmless = match mode.as_deref() {
            None => "ABCDHJKm".contains(what),
            // Pastes as such, and drawing in one go.
            Some(mode) => ["?2004", "?2026"].contains(&mode) && "hl".contains(what),
        };
        assert!(harmless, "{what:?} {mode:?} in {written:?}");
    }
}

/// What was written, without the title of the window.
fn untitled(written: &str) -> String {
    let mut rest = written;
    let mut out = String::new();
    while let Some((before, after)) = rest.split_once("\x1b]2;pchat: room of alice (") {
        out.push_str(before.strip_suffix("\x1b[22;2t").unwrap_or(before));
        let (members, after) = after.split_once(")\x1b\\").expect("a title ends where it should");
        assert!(members.chars().all(|c| c.is_ascii_digit()), "{members:?}");
        rest = after;
    }
    out + rest
}

#[test]
fn cases_50_and_51_csi_sequences_of_7_and_8_bits_reach_no_terminal() {
    let mut stage = Stage::new("mallory");
    for sequence in [
        "[2J",
        "[3J",
        "[H",
        "[1;1H",
        "[5A",
        "[9999B",
        "[99D",
        "[31m",
        "[7m",
        "[8m",
        "[?1049h",
        "[?47h",
        "[?1000h",
        "[?1006h",
        "[?25l",
        "[?2004l",
        "[1;5r",
        "[6n",
        "[c",
        "[5i",
        "[?7l",
        "[4h",
        "[20t",
        "[!p",
        "[?3h",
        "[s",
        "[u",
        "[0;0;999q",
    ] {
        stage.shows(&format!("x\x1b{sequence}y"), &format!("x<U+001B>{sequence}y"));
        stage.shows(&format!("x\u{9b}{}y", &sequence[1..]), &format!("x<U+009B>{}y", &sequence[1..]));
    }
    for single in ["c", "7", "8", "D", "M", "E", "=", ">", "#8", "(0", "N", "O", "n", "%G"] {
        stage.shows(&format!("x\x1b{single}y"), &format!("x<U+001B>{single}y"));
    }
    for c1 in 0x80..=0x9f_u32 {
        let c = char::from_u32(c1).expect("a character");
        if c != '\u{85}' {
            stage.shows(&format!("x{c}y"), &format!("x<U+{c1:04X}>y"));
        }
    }
}

#[test]
fn cases_52_and_53_titles_links_the_clipboard_and_strings_without_end_reach_no_terminal() {
    let mut stage = Stage::new("mallory");
    for (said, shown) in [
        ("\x1b]0;owned\x07", "<U+001B>]0;owned<U+0007>"),
        ("\x1b]2;owned\x1b\\", "<U+001B>]2;owned<U+001B>\\"),
        ("\x1b]8;;http://evil\x07click\x1b]8;;\x07", "<U+001B>]8;;http://evil<U+0007>click<U+001B>]8;;<U+0007>"),
        ("\x1b]52;c;cm0gLXJm\x07", "<U+001B>]52;c;cm0gLXJm<U+0007>"),
        ("\x1b]10;?\x07\x1b]4;1;?\x07", "<U+001B>]10;?<U+0007><U+001B>]4;1;?<U+0007>"),
        ("\x1bPq#0;1\x1b\\", "<U+001B>Pq#0;1<U+001B>\\"),
        (
            "\x1b_Gf=100\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\",
            "<U+001B>_Gf=100<U+001B>\\<U+001B>^pm<U+001B>\\<U+001B>Xsos<U+001B>\\",
        ),
        ("\u{9d}0;owned\u{9c}", "<U+009D>0;owned<U+009C>"),
        (
            "\u{90}q\u{9c}\u{9f}a\u{9c}\u{9e}p\u{9c}\u{98}s",
            "<U+0090>q<U+009C><U+009F>a<U+009C><U+009E>p<U+009C><U+0098>s",
        ),
        // Without an end: what follows must not be swallowed.
        ("\x1b]0;all of this is shown", "<U+001B>]0;all of this is shown"),
        ("\x1bPall of this is shown", "<U+001B>Pall of this is shown"),
        ("\x1b[1;2;3", "<U+001B>[1;2;3"),
        ("ends with \x1b", "ends with <U+001B>"),
    ] {
        stage.shows(said, shown);
    }
}

#[test]
fn case_54_single_controls_reach_no_terminal() {
    let mut stage = Stage::new("mallory");
    for c in (0..0x20_u32).chain([0x7f]).filter_map(char::from_u32).filter(|c| !matches!(c, '\n' | '\t')) {
        stage.shows(&format!("x{c}y"), &format!("x<U+{:04X}>y", u32::from(c)));
    }
    stage.shows("over\r\x08\x08\x08alice: written", "over<U+000D><U+0008><U+0008><U+0008>alice: written");
    stage.shows("a\tb\tc", "a       b       c");
}

#[test]
fn cases_55_to_57_no_text_looks_like_a_line_of_somebody_else() {
    let mut stage = Stage::new("mallory");
    for end in ["\n", "\r\n", "\u{85}", "\u{2028}", "\u{2029}"] {
        let rows = stage.is_marked(&format!("hi{end}alice: no{end}* alice left{end}alice> {TYPED}"));
        assert_eq!(rows[1..], ["  | alice: no", "  | * alice left", "  | alice> half typed"]);
    }
    for pad in (55..90).step_by(5).chain([4_000]) {
        let rows = stage.is_marked(&format!("x{}<host> hello alice: hi {}", " ".repeat(pad), "y".repeat(70)));
        assert!(rows.len() > 1);
    }
    for said in
        ["*** bob left", "* alice closed the room", "accept? [y/n]", "error: run this", "alice> quit", "(alice) psst"]
    {
        stage.shows(said, said);
    }
    stage.is_marked(&"\n".repeat(40));
    stage.is_marked("");
    stage.is_marked("   ");
}

#[test]
fn case_58_nothing_turns_the_direction_of_writing() {
    let mut stage = Stage::new("mallory");
    for c in "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{200e}\u{200f}\u{61c}".chars() {
        stage.shows(&format!("left{c}right"), &format!("left<U+{:04X}>right", u32::from(c)));
    }
}

#[test]
fn case_59_a_name_and_a_text_from_right_to_left_keep_to_their_places() {
    let mut stage = Stage::new("דוד");
    for said in ["123 (456)", "שלום 123: alice", "abc"] {
        let rows = stage.rows(said);
        // The model of a terminal drops what has no width at the left edge, so that is looked for in what was written.
        let plain = |text: &str| text.replace(['\u{2068}', '\u{2069}'], "");
        assert_eq!(rows.iter().map(|row| plain(row)).collect::<Vec<_>>(), [format!("דוד: {said}")]);
        let text = if said.contains('ש') { format!("\u{2068}{said}\u{2069}") } else { said.to_owned() };
        let written = format!("m\u{2068}דוד\u{2069}:\x1b[0m {text}\x1b[0m");
        assert!(stage.host.raw().contains(&written), "{written:?}");
    }
}

#[test]
fn cases_60_and_63_what_cannot_be_seen_is_shown_as_codes() {
    let mut stage = Stage::new("mallory");
    for c in "\u{200b}\u{200c}\u{200d}\u{ad}\u{2060}\u{115f}\u{1160}\u{3164}\u{ffa0}\u{e0001}\u{e0041}\u{fe00}\u{fe0f}\u{e0100}\
              \u{34f}\u{180b}\u{feff}\u{fff9}\u{e000}\u{f0000}\u{10fffd}\u{378}\u{fdd0}\u{ffff}\u{10ffff}"
        .chars()
    {
        stage.shows(&format!("a{c}b"), &format!("a<U+{:04X}>b", u32::from(c)));
    }
    stage.shows(
        "family 👩🏽\u{200d}🚀 heart ❤\u{fe0f} key 1\u{fe0f}\u{20e3}",
        "family 👩🏽\u{200d}🚀 heart ❤\u{fe0f} key 1\u{fe0f}\u{20e3}",
    );
}

#[test]
fn cases_61_and_62_towers_and_very_wide_text_stay_in_their_rows() {
    let mut stage = Stage::new("mallory");
    let rows = stage.is_marked(&format!("z{}", "\u{336}".repeat(2_000)));
    assert_eq!(rows.len(), 1);
    assert!(rows[0].chars().filter(|c| *c == '\u{336}').count() <= 4, "{rows:?}");
    for wide in ["﷽", "日", "👩\u{200d}", "👨\u{200d}👩\u{200d}👧", "𒐫", "ก\u{0e33}", "한"] {
        let rows = stage.is_marked(&wide.repeat(4_000 / wide.len()));
        assert!(rows.len() > 1, "{rows:?}");
    }
}

#[test]
fn case_64_no_name_that_a_member_wishes_for_by_hand_gets_around_the_rules() {
    let mut scene = Scene::new();
    let long = "x".repeat(65);
    let mut peer = scene.enter("bob");
    scene.witness.events();
    for name in [
        "",
        "   ",
        "-rf",
        "/who",
        "@all",
        "#room",
        "42",
        "a b",
        "a\nb",
        "host",
        "System",
        "YOU",
        "quit",
        "everyone",
        "\u{430}lice",
        "x\x1b[2J",
        "x\u{202e}y",
        "x\u{200b}y",
        "x\u{3164}y",
        "a\u{301}\u{302}\u{303}\u{304}",
        &long,
        "x234567890123456789012345",
    ] {
        let mut other = Peer::call(scene.port, &stranger());
        name.clone_into(&mut other.hello.name);
        assert!(matches!(other.refused(), Refusal::Name(_)), "{name:?}");
        assert!(matches!(peer.ask(Request::Nick { name: name.to_owned() }), Answer::Denied(_)), "{name:?}");
    }
    // Names of those who are there, and of those who look like them.
    for name in ["alice", "ALICE", "a1ice", "aIice", "witness", "WITNESS"] {
        assert!(matches!(peer.ask(Request::Nick { name: name.to_owned() }), Answer::Denied(_)), "{name:?}");
    }
    let events = scene.witness.events();
    assert!(!events.iter().any(|event| matches!(event, Event::Renamed { .. } | Event::Joined(_))), "{events:?}");
    scene.still_works();
}

#[test]
fn case_68_payloads_that_are_no_lines_are_called_unreadable() {
    let mut scene = Scene::new();
    let mut peer = scene.enter("mallory");
    for payload in [vec![b'x'; 4_097], vec![b'x'; 12 * 1024], b"caf\xe9".to_vec(), b"\xed\xa0\x80".to_vec()] {
        peer.text(payload);
        scene.host.out.expect("* mallory sent something unreadable");
    }
    peer.text(vec![b'x'; 4_096]);
    scene.host.out.expect(&format!("mallory: {}", "x".repeat(4_096)));
    // What is only ever private, said to everyone.
    let said = Said { command: "msg".to_owned(), payload: "psst".into() };
    peer.envelope(To::Everyone, Body::Say(said));
    scene.host.out.expect("* mallory sent something unreadable");
    // Commands that nobody has are pointed out once each, and not without end.
    for i in 0..100 {
        let said = Said { command: format!("poll{i}"), payload: "x".into() };
        peer.envelope(To::Everyone, Body::Say(said.clone()));
        peer.envelope(To::Everyone, Body::Say(said));
    }
    peer.text("the end");
    scene.host.out.expect("mallory: the end");
    let told = scene.host.out.so_far().iter().filter(|line| line.starts_with("* mallory used `poll")).count();
    assert!((1..=64).contains(&told), "{told}");
    scene.still_works();
}

#[test]
fn case_69_what_others_say_writes_no_lines_into_the_log_and_no_sequences() {
    let home = Home::new();
    let log = home.path().join("log");
    let mut command = home.pchat();
    command.args(["host", "--port", "0", "--bind", "127.0.0.1", "--name", "alice", "--open", "--log"]).arg(&log);
    command.env("RUST_LOG", "trace");
    let host = crate::support::Pchat::spawn("host", command);
    let port = host.port();
    const EVIL: &str = "evil\x1b[2J\u{9b}2J\r\n2026-01-01T00:00:00Z  WARN pchat: forged\n\u{202e}";
    let mut peer = Peer::call(port, &stranger());
    EVIL.clone_into(&mut peer.hello.name);
    peer.refused();
    let mut peer = Peer::enter(port, "mallory");
    peer.text(EVIL);
    peer.ask(Request::Nick { name: EVIL.to_owned() });
    peer.ask(Request::Kick { member: 1, reason: EVIL.to_owned() });
    peer.ask(Request::Find { name: EVIL.to_owned() });
    peer.envelope(To::Everyone, Body::Say(Said { command: EVIL.to_owned(), payload: EVIL.into() }));
    peer.rest();
    host.signal(crate::support::Signal::TERM);
    assert_eq!(host.wait().code, Some(0));
    let log = fs::read_to_string(log).expect("a log");
    assert!(log.lines().count() > 3, "something is logged");
    for line in log.lines() {
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
        assert!(line.starts_with("20") && !line.starts_with("2026-01-01T00:00:00Z"), "{line:?}");
    }
}
