//! Typing at a terminal: what shows before Enter, what keys do, and lines that were not meant as they are.

use std::fs;

use rustix::termios::LocalModes;

use crate::support::{Home, Pchat, Pty, Signal};

const ALT_ENTER: &str = "\x1b\r";
const BACK_TAB: &str = "\x1b[Z";
const CTRL_A: &str = "\x01";
const CTRL_C: &str = "\x03";
const CTRL_R: &str = "\x12";
const CTRL_U: &str = "\x15";
const DOWN: &str = "\x1b[B";
const ESC: &str = "\x1b";
const END: &str = "\x1b[F";
const HOME: &str = "\x1b[H";
const LEFT: &str = "\x1b[D";
const RIGHT: &str = "\x1b[C";
const UNDO: &str = "\x1f";
const UP: &str = "\x1b[A";

/// Pastes.
fn paste(text: &str) -> String {
    format!("\x1b[200~{text}\x1b[201~")
}

/// The last row that begins with `start`, and where that is.
fn row(screen: &vt100::Screen, start: &str) -> Option<(u16, String)> {
    let (_, columns) = screen.size();
    let rows: Vec<String> = screen.rows(0, columns.into()).collect();
    let at = rows.iter().rposition(|row| row.starts_with(start))?;
    Some((u16::try_from(at).ok()?, rows[at].trim_end().to_owned()))
}

/// Waits until the prompt's row shows exactly this.
fn shows(pty: &Pty, line: &str) {
    pty.wait_for_screen(line, |screen| row(screen, line).is_some_and(|(_, row)| row == line));
}

/// Waits until the cell `column` of the row that begins with `start` fits.
fn cell(pty: &Pty, start: &str, column: u16, fits: impl Fn(&vt100::Cell) -> bool) {
    pty.wait_for_screen(&format!("a cell of {start:?} that fits"), |screen| {
        row(screen, start).is_some_and(|(at, _)| screen.cell(at, column).is_some_and(&fits))
    });
}

/// A host and a member who stays.
fn room(home: &Home) -> (Pty, Pchat) {
    let (host, port) = Pty::host(home, "alice", &[]);
    let member = Pchat::join(home, "bob", port, &["--stay"]);
    host.expect("* bob joined");
    (host, member)
}

#[test]
fn the_usage_stands_behind_a_command_and_is_gone_after_enter() {
    let alice = Home::new();
    let (mut host, _member) = room(&alice);
    host.keys("kick ");
    shows(&host, "alice> kick NAME [REASON]");
    cell(&host, "alice> kick", 12, |cell| cell.dim());
    host.wait_for_screen("the cursor behind what was typed", |screen| screen.cursor_position().1 == 12);
    // Keys to the end of the line take nothing of it.
    host.keys(&format!("{RIGHT}{END}bob "));
    shows(&host, "alice> kick bob [REASON]");
    host.keys(&format!("{LEFT}{LEFT}"));
    shows(&host, "alice> kick bob");
    host.keys(&format!("{CTRL_U}{END}{CTRL_U}sendfile "));
    shows(&host, "alice> sendfile PATH... [--to NAME]");
    host.keys(&format!("{CTRL_U}/limi"));
    shows(&host, "alice> /limit [N] RATE|off");
    host.keys(&format!("{RIGHT}\r"));
    host.wait_for("the answer under the line without a hint", |text| {
        text.contains("\nalice> /limit\nlimit of all transfers together: off\nalice>")
    });
}

#[test]
fn colours_tell_commands_from_messages_before_enter() {
    let alice = Home::new();
    let (mut host, _member) = room(&alice);
    let colour = |index: u8| move |cell: &vt100::Cell| cell.fgcolor() == vt100::Color::Idx(index);
    for (line, fits) in [
        ("quit", colour(2)),
        ("kick bob", colour(2)),
        ("msg bob hi", colour(5)),
        ("msg bob", colour(3)),
        ("/kik bob", colour(1)),
        ("/port wine", colour(1)),
    ] {
        host.keys(line);
        cell(&host, &format!("alice> {line}"), 7, fits);
        host.keys(CTRL_U);
    }
    for line in ["quit smoking", "kick the ball", "hello", "  quit"] {
        host.keys(line);
        cell(&host, &format!("alice> {line}"), 9, |cell| cell.fgcolor() == vt100::Color::Default && !cell.bold());
        host.keys(CTRL_U);
    }
    fs::write(alice.path().join("my photo.jpg"), "x").expect("a file");
    for path in ["~/my photo.jpg", "\"~/my photo.jpg\"", "~/my\\ photo.jpg"] {
        host.keys(&format!("sendfile {path}"));
        cell(&host, &format!("alice> sendfile {path}"), 20, |cell| cell.underline());
        host.keys(CTRL_U);
    }
}

#[test]
fn without_colours_a_line_is_plain_and_the_menu_still_has_its_mark() {
    let alice = Home::new();
    let mut command = alice.pchat();
    command.args(["host", "--port", "0", "--bind", "127.0.0.1", "--name", "alice"]).env("NO_COLOR", "1");
    let mut host = Pty::spawn(command);
    host.wait_for("its prompt", |text| text.contains("\nalice>"));
    host.keys("kick ");
    shows(&host, "alice> kick");
    cell(&host, "alice> kick", 7, |cell| cell.fgcolor() == vt100::Color::Default && !cell.bold());
    host.keys(&format!("{CTRL_U}/un\t"));
    host.wait_for("the first one", |text| text.contains("\n> /unban") && text.contains("alice> /unban"));
    assert!(!host.raw().contains("\x1b[1;"), "no colour at all");
}

#[test]
fn a_slash_opens_the_list_of_commands_which_narrows_and_goes() {
    let alice = Home::new();
    let (mut host, mut member) = room(&alice);
    host.keys("/");
    host.wait_for("a list", |text| text.contains("  /accept") && text.contains(" more\nalice> /"));
    host.keys("un");
    host.wait_for("fewer", |text| text.contains("  /unban ") && !text.contains("  /accept"));
    // Lines arrive while it is open.
    member.say("hello");
    host.wait_for("a line above it", |text| text.contains("bob: hello\n  /unban ") && text.contains("alice> /un"));
    host.keys(&format!("{DOWN}{DOWN}"));
    host.wait_for("the second one", |text| text.contains("\n> /unignore") && text.contains("alice> /unignore"));
    host.keys(UP);
    host.wait_for("the first one", |text| text.contains("\n> /unban") && text.contains("alice> /unban"));
    host.keys(BACK_TAB);
    shows(&host, "alice> /un");
    host.keys(ESC);
    host.wait_for("no list", |text| text.trim_end().ends_with("bob: hello\nalice> /un"));
    host.keys("ban x");
    host.wait_for("no list", |text| text.trim_end().ends_with("bob: hello\nalice> /unban x"));
    host.keys(&format!("{CTRL_U}/he"));
    host.expect("List the commands");
    host.keys("\t");
    host.expect("alice> /help");
    host.keys("\r");
    host.wait_for("its answer and no list", |text| text.trim_end().ends_with("text.\nalice>"));
    assert!(host.scrollback().contains("\nalice> /help\n"));
}

#[test]
fn tab_shows_what_fits_with_what_it_is() {
    let alice = Home::new();
    let (mut host, mut member) = room(&alice);
    for (name, size) in [("notes one.txt", 5), ("notes two.txt", 2_048)] {
        fs::write(alice.path().join(name), vec![0; size]).expect("a file");
    }
    fs::create_dir(alice.path().join("notes")).expect("a folder");
    for name in ["one", "two"] {
        member.say(&format!("sendfile {}", alice.path().join(format!("notes {name}.txt")).display()));
    }
    host.wait_for("they are there", |text| text.matches("* saved ").count() == 2);
    host.keys("sendfile ~/no\t");
    host.wait_for("the files", |text| {
        text.contains("notes/") && text.contains("folder") && text.contains("2.0 KiB") && text.contains("5 B")
    });
    shows(&host, "alice> sendfile ~/notes PATH... [--to NAME]");
    host.keys("\t\t");
    host.wait_for("the second one", |text| text.contains("alice> sendfile ~/notes\\ one.txt"));
    host.keys(&format!("{CTRL_U}sendfile \"~/notes o\t"));
    host.expect("alice> sendfile \"~/notes one.txt\"");
    host.keys(&format!("{CTRL_U}cancel \t"));
    host.expect("notes two.txt (2.0 KiB) from bob");
    host.keys(&format!("{CTRL_U}sendfile --\t\t"));
    host.wait_for("options with what they do", |text| text.contains("--to") && text.contains("Only for this member"));
    host.keys(CTRL_U);
    shows(&host, "alice>");
}

#[test]
fn alt_enter_makes_a_row_and_the_whole_is_one_message() {
    let alice = Home::new();
    let (mut host, member) = room(&alice);
    host.keys(&format!("one{ALT_ENTER}two"));
    host.expect("alice> one\ntwo");
    // Home and arrows stay within the rows.
    host.keys(&format!("{HOME}<{UP}{HOME}[{END}]"));
    host.expect("alice> [one]\n<two");
    host.keys("\r");
    member.out.expect("alice: [one]");
    member.out.expect("  | <two");
    host.wait_for("it once", |text| text.trim_end().ends_with("alice: [one]\n  | <two\nalice>"));
    // It comes back as a whole.
    host.keys(UP);
    host.expect("alice> [one]\n<two");
}

#[test]
fn in_a_message_of_several_rows_there_is_a_way_to_the_first_and_to_the_last() {
    let alice = Home::new();
    let (mut host, _member) = room(&alice);
    host.keys(&format!("one{ALT_ENTER}two{ALT_ENTER}three"));
    host.expect("alice> one\ntwo\nthree");
    let [alt_first, alt_last, ctrl_home, ctrl_end] = ["\x1b<", "\x1b>", "\x1b[1;5H", "\x1b[1;5F"];
    host.keys(&format!("{alt_first}1{alt_last}2{ctrl_home}3{ctrl_end}4"));
    host.expect("alice> 31one\ntwo\nthree24");
}

#[test]
fn undo_takes_changes_back() {
    let alice = Home::new();
    let (mut host, member) = room(&alice);
    host.keys("keep this");
    host.keys(CTRL_U);
    shows(&host, "alice>");
    host.keys(UNDO);
    shows(&host, "alice> keep this");
    host.keys("\r");
    member.out.expect("alice: keep this");
    host.keys("he\t");
    shows(&host, "alice> help [COMMAND]");
    host.keys(UNDO);
    shows(&host, "alice> he");
}

#[test]
fn a_search_keeps_what_arrives_for_its_end() {
    let alice = Home::new();
    let (mut host, mut member) = room(&alice);
    host.line("first words");
    host.line("second words");
    member.out.expect("alice: second words");
    host.wait_for("the prompt", |text| text.trim_end().ends_with("alice: second words\nalice>"));
    host.keys(CTRL_R);
    host.expect("(reverse-i-search)`': ");
    host.keys("first");
    host.expect("`first': first words");
    for i in 0..50 {
        member.say(&format!("line {i}"));
    }
    host.wait_for_screen("the search", |screen| screen.contents().contains("`first'"));
    host.keys(&format!("{END} again"));
    host.wait_for("all of it", |text| text.trim_end().ends_with("bob: line 49\nalice> first words again"));
    for i in 0..50 {
        assert_eq!(host.scrollback().matches(&format!("bob: line {i}\n")).count(), 1, "line {i}");
    }
    host.keys("\r");
    member.out.expect("alice: first words again");
}

#[test]
fn the_arrow_up_passes_over_private_lines_and_a_list_does_not_catch_it() {
    let alice = Home::new();
    let (mut host, member) = room(&alice);
    host.line("older");
    member.out.expect("alice: older");
    host.line("/who");
    host.wait_for("the answer", |text| text.contains("2 in the room") && text.trim_end().ends_with("\nalice>"));
    host.line("msg bob secret");
    member.out.expect("(alice) secret");
    host.keys(UP);
    shows(&host, "alice> /who");
    host.keys(UP);
    shows(&host, "alice> older");
    host.keys(&format!("{DOWN}{DOWN}"));
    shows(&host, "alice>");
}

#[test]
fn a_slip_of_a_command_comes_back_once() {
    let alice = Home::new();
    let (mut host, member) = room(&alice);
    host.line("qiut");
    host.wait_for("the line again", |text| text.trim_end().ends_with("\nalice> qiut"));
    host.expect("* not said: did you mean quit? Enter again says it as it is");
    host.keys("\r");
    member.out.expect("alice: qiut");
    host.line("kcik bob");
    // Its own echo of the first one may come before or after that.
    host.expect("* not said: did you mean kick? Enter again says it as it is");
    host.wait_for("the line again", |text| text.trim_end().ends_with("\nalice> kcik bob"));
    host.keys(&format!("{CTRL_A}{RIGHT}{RIGHT}\x7fi{LEFT}x\x7f"));
    host.expect("alice> kiik bob");
    host.keys(&format!("{CTRL_U}{END}{CTRL_U}kcik the ball\r"));
    member.out.expect("alice: kcik the ball");
    assert!(!member.out.so_far().iter().any(|line| line.contains("kcik bob")), "{:?}", member.out.so_far());
}

#[test]
fn a_pipe_says_what_looks_like_a_slip() {
    let alice = Home::new();
    let (host, mut member) = room(&alice);
    member.say("qiut");
    host.expect("bob: qiut");
}

#[test]
fn a_paste_that_no_message_holds_is_offered_as_a_text_file() {
    let alice = Home::new();
    let temporary = alice.path().join("temporary");
    fs::create_dir(&temporary).expect("a folder");
    let mut command = alice.pchat();
    command.args(["host", "--port", "0", "--bind", "127.0.0.1", "--name", "alice"]).env("TMPDIR", &temporary);
    let mut host = Pty::spawn(command);
    host.expect("alice>");
    let member = Pchat::join(&alice, "bob", host.port(), &["--stay"]);
    host.expect("* bob joined");
    let text: String = (0..300).map(|i| format!("row {i} of a long text\n")).collect();
    host.keys(&paste(&text));
    host.expect("row 299 of a long text");
    host.keys("\r");
    host.expect("that is 6.6 KiB, a message holds 4.0 KiB: send it as a text file? (y/N)");
    host.keys("\r");
    host.expect("* not sent; the up-arrow brings it back");
    host.keys(UP);
    host.expect("row 299 of a long text");
    host.keys("\r");
    host.expect("send it as a text file? (y/N)");
    host.line("y");
    host.expect("pasted-1.txt");
    member.out.expect_where("that it is saved", |line| line.contains("saved") && line.contains("pasted-1.txt"));
    let saved = alice.path().join("Downloads/pchat/pasted-1.txt");
    assert_eq!(fs::read_to_string(saved).expect("it is saved"), text);
    host.line("a message is as before");
    member.out.expect("alice: a message is as before");
    assert_eq!(fs::read_dir(&temporary).expect("a folder").count(), 1);
    host.line("quit");
    assert_eq!(host.wait_clean(), Some(0));
    assert_eq!(fs::read_dir(&temporary).expect("a folder").count(), 0, "nothing stays");
}

#[test]
fn a_line_that_arrives_leaves_a_half_typed_wide_one_whole() {
    let alice = Home::new();
    let (mut host, mut member) = room(&alice);
    host.resize(24, 30);
    // A command, so that colours and a hint are drawn, too.
    host.keys("kick bob 日本語のとても長い理由をここに書いています");
    let whole = "alice> kick bob 日本語のとても長い理由をここに書いています";
    host.wait_for("it wrapped", |text| text.trim_end().ends_with(whole));
    for i in 0..20 {
        member.say(&format!("line {i}"));
    }
    host.wait_for("it whole", |text| text.trim_end().ends_with(&format!("bob: line 19\n{whole}")));
    host.keys(&format!("{CTRL_A}xx"));
    member.say("more");
    host.wait_for("it whole", |text| {
        text.trim_end().ends_with("bob: more\nalice> xxkick bob 日本語のとても長い理由をここに書いています")
    });
    host.keys("\r");
    member.out.expect("alice: xxkick bob 日本語のとても長い理由をここに書いています");
}

#[test]
fn a_long_hint_is_cut_where_the_window_ends_and_nothing_typed_is_lost() {
    let alice = Home::new();
    let (mut host, mut member) = room(&alice);
    host.resize(24, 24);
    host.keys("sendfile ");
    host.wait_for("a part of it", |text| text.contains("alice> sendfile PATH..…\n") || text.ends_with("PATH..…"));
    member.say("above");
    host.wait_for("one row", |text| text.trim_end().ends_with("bob: above\nalice> sendfile PATH..…"));
    // Quicker than anybody types, with lines between.
    for i in 0..10 {
        member.say(&format!("line {i}"));
        host.keys("abcdefghij");
    }
    host.keys(&format!("{HOME}no "));
    host.keys("\r");
    member.out.expect(&format!("alice: no sendfile {}", "abcdefghij".repeat(10)));
}

#[test]
fn the_answer_to_a_secret_question_gets_no_help() {
    let (alice, bob) = (Home::new(), Home::new());
    let (_host, port) = Pty::host(&alice, "alice", &[]);
    let mut command = bob.pchat();
    command.args(["join", &format!("127.0.0.1:{port}"), "--name", "bob"]);
    let mut member = Pty::spawn(command);
    member.expect("code (Enter to knock):");
    member.keys("/kick bob");
    shows(&member, "code (Enter to knock): /kick bob");
    cell(&member, "code (Enter", 24, |cell| cell.fgcolor() == vt100::Color::Default && !cell.bold());
    member.keys(&format!("{CTRL_U}zo\t"));
    shows(&member, "code (Enter to knock): zo");
    member.keys("\t");
    shows(&member, "code (Enter to knock): zone");
    assert!(!member.text().contains("zoo"), "{}", member.text());
    member.keys(CTRL_C);
    assert_eq!(member.wait_clean(), Some(0));
}

#[test]
fn whoever_has_said_that_they_are_away_is_marked_where_names_are_offered() {
    let alice = Home::new();
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let mut bob = Pchat::join(&alice, "bob", port, &["--stay"]);
    let _bill = Pchat::join(&alice, "bill", port, &["--stay"]);
    bob.say("/away lunch");
    host.expect("* bob is away: lunch");
    host.keys("msg b\t");
    host.wait_for("a menu", |text| text.contains("\n  bill\n  bob   away: \"lunch\"\n"));
    bob.say("here I am");
    host.expect("bob: here I am");
    host.keys(&format!("{CTRL_U}msg b\t"));
    host.wait_for("a menu", |text| text.contains("\n  bill\n  bob\nalice> msg b"));
}

#[test]
fn what_is_typed_or_pasted_while_a_command_runs_shows_once_and_with_the_prompt() {
    let (alice, carol) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let mut member = Pty::join(&carol, "carol", host.port());
    host.out.expect("* carol joined");
    // The answer is not there before the room goes on.
    host.process.signal(Signal::STOP);
    member.line("nick dora");
    member.wait_for_modes("a terminal that echoes nothing between two prompts", |modes| {
        modes.local_modes & (LocalModes::ICANON | LocalModes::ECHO) == LocalModes::ICANON
    });
    member.wait_for_screen("pastes told from keys", vt100::Screen::bracketed_paste);
    member.keys("typed ");
    member.keys(&paste("early\nquit\n"));
    host.process.signal(Signal::CONT);
    member.wait_for("the prompt, with all of it", |text| text.trim_end().ends_with("\ndora> typed early\nquit"));
    assert_eq!(member.scrollback().matches("early").count(), 1);
    member.keys("\r");
    host.out.expect("dora: typed early");
    host.out.expect("  | quit");
    member.line("quit");
    // The terminal echoes again.
    assert_eq!(member.wait_clean(), Some(0));
}
