//! What a keyboard, a shell or a terminal may bring that nobody means to type, while others talk.

use pchat::wire::{Answer, Event, FromRoom, Refusal, Request};
use rustix::termios::{InputModes, LocalModes};

use super::{Scene, peer::Peer};
use crate::support::{Home, Pchat, Pty, Signal};

const CTRL_G: &str = "\x07";
const CTRL_R: &str = "\x12";
const CTRL_U: &str = "\x15";
const CTRL_Z: &str = "\x1a";

/// What a person reads of bytes that are no UTF-8.
const NO_TEXT: &str = "that is no text, and nothing of it is taken";

/// A terminal in an open room of its own, and somebody who talks there.
fn talk() -> Talk {
    let alice = Home::new();
    let (host, port) = Pty::host(&alice, "alice", &["--open", "--rate", "off"]);
    let peer = Peer::enter(port, "bob");
    host.expect("* bob joined");
    Talk { host, peer, port, _alice: alice }
}

struct Talk {
    host: Pty,
    peer: Peer,
    port: u16,
    _alice: Home,
}

/// Checks that lines go and come, and that the prompt is whole.
fn still_works(host: &mut Pty, peer: &mut Peer) {
    host.line("still fine");
    peer.expect_line("still fine");
    peer.text("so it is");
    host.wait_for("the prompt below it", |text| text.trim_end().ends_with("bob: so it is\nalice>"));
}

#[test]
fn case_72_numbers_that_no_offer_has_are_errors_or_text() {
    let mut scene = Scene::new();
    for number in ["0", "-1", "4294967296", "18446744073709551616", "1.5", "0x1", "¹", "99999999999999999999999999"] {
        scene.host.say(&format!("/accept {number}"));
        let error = scene.host.err.expect_start("error: ");
        assert!(!error.is_empty());
        // Without the slash it is no command, so it is said.
        scene.host.say(&format!("accept {number}"));
        scene.witness.expect_line(&format!("accept {number}"));
    }
}

#[test]
fn case_73_a_message_to_a_name_that_looks_like_somebodys_goes_to_nobody() {
    let mut scene = Scene::new();
    let mut bill = scene.enter("bill");
    for name in ["biII", "b1ll", "bi11", "b\u{456}ll", "bil", "bill-2", "ｂｉｌｌ"] {
        scene.host.say(&format!("msg {name} the secret"));
        scene.host.err.expect_start("error: ");
        scene.host.say(&format!("/msg {name} the secret"));
        scene.host.err.expect_start("error: ");
    }
    // Case alone makes no other name.
    scene.host.say("msg BILL the secret");
    bill.expect_line("the secret");
    assert_eq!(scene.witness.lines(), [""; 0]);
    // What the witness has just said to everyone.
    assert_eq!(bill.lines(), ["sync"]);
}

#[test]
fn case_74_who_is_put_out_is_the_one_that_was_meant_whatever_the_name_is_by_then() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let port = host.port();
    let own = pchat::trust::Identity::load_or_create(&alice.identity()).expect("it has one");
    let mut ruler = Peer::call(port, &own);
    ruler.hello.name = "laptop".to_owned();
    ruler.knock();
    let [mut bob, mut carol] = ["bob", "carol"].map(|name| Peer::enter(port, name));
    let Answer::Found(Some(meant)) = ruler.ask(Request::Find { name: "bob".to_owned() }) else { panic!("not found") };
    assert_eq!(bob.ask(Request::Nick { name: "robert".to_owned() }), Answer::Name("robert".to_owned()));
    // Nobody else can stand under the name that was read.
    assert!(matches!(carol.ask(Request::Nick { name: "bob".to_owned() }), Answer::Denied(_)));
    assert_eq!(ruler.ask(Request::Kick { member: meant.number, reason: String::new() }), Answer::Done);
    assert!(matches!(bob.rest().last(), Some(FromRoom::Ended(_))));
    host.out.expect("* robert was put out by laptop");
    let mut again = bob.again(port);
    again.hello.name = "bob".to_owned();
    assert!(matches!(again.refused(), Refusal::Banned { .. }));
    carol.text("still here");
    host.out.expect("carol: still here");
}

#[test]
fn case_76_bytes_that_nobody_types_leave_the_prompt_working() {
    let Talk { mut host, mut peer, port: _, _alice } = talk();
    for bytes in [&b"\xff"[..], b"\xc3x", b"\xe2\x28"] {
        host.keys("half a li");
        host.expect("alice> half a li");
        let read = host.raw().matches(NO_TEXT).count();
        host.bytes(bytes);
        host.wait_for("that it is no text, and the line", |text| {
            text.trim_end().ends_with(&format!("error: {NO_TEXT}\nalice> half a li"))
        });
        assert_eq!(host.raw().matches(NO_TEXT).count(), read + 1, "{bytes:?}");
        host.keys(CTRL_U);
        still_works(&mut host, &mut peer);
    }
    for sequence in [
        "\0",
        "\x1b",
        "\x1b\x1b\x1b",
        "\x1b[999;999R",
        "\x1b[1;2;3~",
        "\x1b[200~",
        "\x1b]0;title\x07",
        "\x1bOZ",
        "\x1b[M !!",
    ] {
        host.keys(sequence);
        // The end of a paste that never began is nothing.
        host.keys("\x1b[201~x\r");
        still_works(&mut host, &mut peer);
    }
}

#[test]
fn case_76_of_a_paste_that_is_no_text_nothing_is_run_and_the_line_stays() {
    let Talk { mut host, mut peer, port: _, _alice } = talk();
    // What ends the program, stops what it writes, or edits, where the terminal reads lines.
    let keys = "\x1c\x03\x1a\x13\x04\x15";
    for lines in [1, 20_000] {
        for begin in ["\x1b[200~", "\x1b\x1b[200~"] {
            host.keys("half a li");
            host.expect("alice> half a li");
            host.keys(begin);
            host.bytes(b"caf\xe9 is no UTF-8\n");
            // The rest comes when the prompt is gone.
            host.wait_for_modes("the rest thrown away", |modes| {
                let (local, input) = (modes.local_modes, modes.input_modes);
                !local.intersects(LocalModes::ICANON | LocalModes::ECHO) && input.contains(InputModes::ICRNL)
            });
            host.bytes(keys.as_bytes());
            host.bytes("quit\nnick mallory\n".repeat(lines).as_bytes());
            host.bytes(b"\x1b[201~");
            host.wait_for("that it is no text, and the line", |text| {
                text.trim_end().ends_with(&format!("error: {NO_TEXT}\nalice> half a li"))
            });
            host.line("ne");
            peer.expect_line("half a line");
            still_works(&mut host, &mut peer);
        }
    }
    assert_eq!(host.raw().matches(NO_TEXT).count(), 4);
    assert!(!host.raw().contains("mallory"));
}

/// A signal to a program comes to any of its threads that does not block it.
#[cfg(target_os = "linux")]
#[test]
fn case_75_a_signal_amid_a_paste_makes_no_keys_of_its_rest() {
    let Talk { mut host, mut peer, port: _, _alice } = talk();
    let editor = host.process.thread("editor");
    // After the paste the second one is Ctrl-C.
    for (signal, clear) in [(Signal::WINCH, "\x03"), (Signal::INT, "")] {
        host.keys("\x1b[200~one\n");
        editor.wait_reading();
        editor.signal(signal);
        host.keys("quit\nnick mallory\x1b[201~");
        host.wait_for_raw("what was pasted", |raw| raw.contains("nick mallory"));
        host.keys(clear);
        host.wait_for("an empty prompt", |text| text.trim_end().ends_with("\nalice>"));
        still_works(&mut host, &mut peer);
        host.forget();
    }
}

#[test]
fn case_75_whatever_key_comes_before_a_paste_its_lines_are_not_run() {
    let Talk { mut host, mut peer, port: _, _alice } = talk();
    // Ctrl-V, Ctrl-Q, Ctrl-X, Ctrl-], Alt-Ctrl-], escape, a number as argument, the same below zero.
    for key in ["\x16", "\x11", "\x18", "\x1d", "\x1b\x1d", "\x1b", "\x1b5", "\x1b-"] {
        host.keys(&format!("{key}\x1b[200~one\nquit\nnick mallory\n\x1b[201~"));
        host.wait_for("what was pasted, as one message", |text| text.trim_end().ends_with("quit\nnick mallory"));
        host.keys("\x0b\x15\x03");
        host.wait_for("an empty prompt", |text| text.trim_end().ends_with("\nalice>"));
        still_works(&mut host, &mut peer);
    }
    assert!(!host.raw().contains("you are now mallory"));
}

#[test]
fn case_76_a_megabyte_that_is_pasted_is_refused_and_the_prompt_works_on() {
    let Talk { mut host, mut peer, port: _, _alice } = talk();
    let paste = ["\x1b[200~", &"a line of a file\n".repeat(65_000), "\x1b[201~\r"].concat();
    host.bytes(paste.as_bytes());
    host.expect("error: ");
    still_works(&mut host, &mut peer);
}

#[test]
fn case_77_a_program_that_was_stopped_goes_on_with_its_line_and_shows_what_came_meanwhile() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &["--rate", "off"]);
    let port = host.port();
    let mut peer = Peer::call(port, &pchat::trust::Identity::load_or_create(&alice.identity()).expect("it has one"));
    peer.knock();
    let mut shell = alice.command("bash");
    let script = "set -m; \"$@\"; echo it is stopped; read -r; fg > /dev/null; echo it is over";
    shell.args([
        "-c",
        script,
        "sh",
        env!("CARGO_BIN_EXE_pchat"),
        "join",
        &format!("127.0.0.1:{port}"),
        "--name",
        "carol",
    ]);
    let mut member = Pty::spawn(shell);
    member.wait_for("its prompt", |text| text.contains("* you are carol ") && text.contains("\ncarol>"));
    member.keys("half a li");
    member.expect("carol> half a li");
    member.keys(CTRL_Z);
    member.expect("it is stopped");
    for i in 0..10 {
        peer.text(format!("line {i}"));
    }
    peer.expect_line("line 9");
    member.keys("\r");
    member.wait_for("what came, and the line", |text| text.trim_end().ends_with("bob: line 9\ncarol> half a li"));
    assert!((0..10).all(|i| member.text().contains(&format!("bob: line {i}\n"))));
    member.keys("ne\r");
    peer.expect_line("half a line");
    member.line("quit");
    member.expect("it is over");
}

#[test]
fn case_78_a_terminal_that_can_only_print_or_has_no_name_takes_lines() {
    for term in [None, Some("dumb"), Some("no-such-terminal")] {
        let alice = Home::new();
        let mut host = Pchat::host(&alice, "alice", &[]);
        let mut command = alice.pchat();
        command.args(["join", &format!("127.0.0.1:{}", host.port()), "--name", "bob", "--time", "off"]);
        match term {
            Some(term) => command.env("TERM", term),
            None => command.env_remove("TERM"),
        };
        let mut member = Pty::spawn(command);
        member.expect("bob>");
        member.line("hello");
        host.out.expect("bob: hello");
        host.say("hello yourself");
        member.wait_for("a prompt below it", |text| {
            text.contains("\nalice: hello yourself\n") && text.trim_end().ends_with("\nbob>")
        });
        member.line("quit");
        assert_eq!(member.wait_clean(), Some(0), "{term:?}");
        host.out.expect("* bob left");
    }
}

#[test]
fn case_82_a_search_or_a_menu_that_stays_open_holds_up_nobody_and_hides_nothing() {
    const LINES: usize = 1_000;
    let Talk { mut host, mut peer, port, _alice } = talk();
    let mut witness = Peer::enter(port, "witness");
    for (round, (open, shown)) in [("p\t", "\n  pause "), (CTRL_R, "reverse-i-search")].into_iter().enumerate() {
        host.line(&format!("hello {round}"));
        // Between two prompts the keys are the terminal's.
        let prompt = format!("alice: hello {round}\nalice>");
        host.wait_for("the next prompt", |text| text.trim_end().ends_with(&prompt));
        host.keys(open);
        host.expect(shown);
        for i in 0..LINES {
            peer.text(format!("line {round} {i}"));
        }
        witness.expect_line(&format!("line {round} {}", LINES - 1));
        host.keys(CTRL_G);
        host.keys(CTRL_U);
        let last = format!("bob: line {round} {}\nalice>", LINES - 1);
        host.wait_for("the last line", |text| text.trim_end().ends_with(&last));
        let raw = host.raw();
        assert!((0..LINES).all(|i| raw.contains(&format!(" line {round} {i}\x1b"))), "none is left out");
        still_works(&mut host, &mut peer);
    }
}

#[test]
fn case_122_storms_of_sizes_and_signals_leave_a_whole_prompt_and_one_goodbye() {
    let Talk { mut host, mut peer, port: _, _alice } = talk();
    host.keys("half a li");
    host.expect("alice> half a li");
    for i in 0..300_u16 {
        host.resize(5 + i % 40, 1 + i * 7 % 150);
        host.signal(Signal::WINCH);
        host.signal(Signal::CONT);
        if i % 10 == 0 {
            peer.text(format!("line {i}"));
        }
    }
    host.resize(24, 80);
    host.signal(Signal::WINCH);
    // A key after the last signal: what is drawn from then on is for this window.
    host.keys("n");
    host.wait_for("the line as it is typed", |text| text.trim_end().ends_with("\nalice> half a lin"));
    peer.text("the storm is over");
    host.wait_for("the line below it", |text| text.trim_end().ends_with("bob: the storm is over\nalice> half a lin"));
    host.keys("e\r");
    peer.expect_line("half a line");
    // All at once, before it can heed the first of them.
    host.signal(Signal::STOP);
    for _ in 0..50 {
        for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::WINCH] {
            host.signal(signal);
        }
    }
    host.signal(Signal::CONT);
    let rest = peer.rest();
    peer.link.wire.finish(true);
    assert_eq!(host.wait_clean(), Some(0));
    assert!(matches!(rest.last(), Some(FromRoom::Ended(pchat::wire::End::Closed { .. }))), "{rest:?}");
    assert!(!rest.iter().any(|frame| matches!(frame, FromRoom::Event { event: Event::Left { .. }, .. })));
}
