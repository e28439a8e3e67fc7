//! Whatever keys are pressed at a prompt, in whatever order, while lines arrive: the program goes on, nothing pasted is
//! run, and what others say shows while one types.

use std::time::Instant;

use crate::support::{Dice, Home, PATIENCE, Pchat, Pty};

const CTRL_C: &str = "\x03";
/// Ends a paste, a search and a menu, whatever is open, and goes to the end of what is typed: of more rows than the window
/// has, the last ones show.
const OUT_OF_IT: &str = "\x1b[201~\x07\x07\x1b>";

/// Text of all kinds.
const TEXTS: &[&str] = &[
    "hello ",
    "/un",
    "/",
    "kick alice ",
    "sendfile ~/",
    "msg alice psst ",
    "msg nobody psst ",
    "help ",
    "'it's ",
    "\"half a quote ",
    "back\\slash ",
    "月光",
    "שלום ",
    "مرحبا ",
    "e\u{301}\u{302}",
    "👨‍👩‍👧‍👦",
    "\u{202e}gpj.exe",
    "\u{200b}\u{feff}",
    "\u{fdfd}",
    "\u{85}\u{2028}",
    "\t\t",
    "qiut",
];

/// Keys that are whole.
const KEYS: &[&str] = &[
    "\x1b[A",
    "\x1b[B",
    "\x1b[C",
    "\x1b[D",
    "\x1b[H",
    "\x1b[F",
    "\x1b[Z",
    "\x1b[1;5C",
    "\x1b[1;5D",
    "\x1b[1;2A",
    "\x1b[2~",
    "\x1b[3~",
    "\x1b[5~",
    "\x1b[6~",
    "\x1b[15~",
    "\x1b[24~",
    "\x1bOP",
    "\x1bOA",
    "\x1bOM",
    "\x1b[I",
    "\x1b[O",
    "\x1b[99;99R",
    "\x1b[<0;3;4M",
    "\x1b[?62c",
    "\x1b[1;2;3z",
    "\x1b\r",
    "\t",
    "\t\t\t",
    "\x1b[Z\x1b[Z",
    "\x7f\x7f\x7f",
    "\x12",
    "\x12he",
    "\x12\x12",
    "\x1f\x1f",
    "\x1b5",
    "\x16\x01",
    "\x11\x1b",
];

/// Keys that end too early, or are none.
const BROKEN: &[&[u8]] = &[
    b"\x1b",
    b"\x1b[",
    b"\x1bO",
    b"\x1b[1;",
    b"\x1b[201~",
    b"\x1b]0;title\x07",
    b"\x1b]52;c;eA==\x1b\\",
    b"\x1bP1$r0m\x1b\\",
    b"\x1b[M !!",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xe2\x82",
    b"\xf0\x9f\x91",
    b"\xed\xa0\x80",
];

/// Somebody at a terminal who presses anything, in a room of alice.
struct Sitting {
    carol: Pty,
    alice: Pchat,
    dice: Dice,
    /// Counts what has to be told apart.
    count: u32,
    /// What was pressed.
    pressed: Vec<String>,
    _homes: [Home; 2],
}

impl Sitting {
    fn new(seed: u64) -> Self {
        let homes = [Home::new(), Home::new()];
        let alice = Pchat::host(&homes[0], "alice", &["--open", "--rate", "off"]);
        let carol = Pty::join(&homes[1], "carol", alice.port());
        Self { carol, alice, dice: Dice::new(seed), count: 0, pressed: Vec::new(), _homes: homes }
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.dice.roll(of.len() as u64) as usize]
    }

    fn type_in(&mut self, bytes: &[u8]) {
        self.pressed.push(String::from_utf8_lossy(bytes).into_owned());
        self.carol.bytes(bytes);
    }

    /// What was pressed last, for whoever has to find out why.
    fn last_pressed(&self) -> &[String] {
        &self.pressed[self.pressed.len().saturating_sub(20)..]
    }

    /// Presses something.
    fn press(&mut self) {
        match self.dice.roll(14) {
            0..=3 => {
                let text = self.pick(TEXTS);
                self.type_in(text.as_bytes());
            }
            4..=6 => {
                let key = self.pick(KEYS);
                self.type_in(key.as_bytes());
            }
            7 => {
                // Any control key but those that enter a line, leave, or stop the program.
                let key = self.dice.roll(0x20) as u8;
                if !matches!(key, 0x03 | 0x04 | 0x0a | 0x0d | 0x1a | 0x1b | 0x1c) {
                    self.type_in(&[key]);
                }
            }
            8 => {
                let key = self.pick(b"abcdfhlnptuyz019<>.-_~*?\\");
                self.type_in(&[0x1b, key]);
            }
            9 => {
                let broken = self.pick(BROKEN);
                self.type_in(broken);
                self.come_out();
            }
            10 => self.paste(),
            11 => {
                let (rows, columns) = (1 + self.dice.roll(40) as u16, 1 + self.dice.roll(120) as u16);
                self.carol.resize(rows, columns);
            }
            12 => {
                let line = self.pick(&["a line of alice", "月光\u{202e}", "\x1b[2J\x1b[H", "one\ntwo"]);
                self.alice.say(line);
            }
            _ => {
                // Something follows, so that no line is one that leaves.
                self.type_in(b"\x05 z\r");
                self.come_out();
            }
        }
    }

    /// Pastes lines that would do something that everybody notices.
    fn paste(&mut self) {
        self.count += 1;
        let nick = format!("pasted{}", self.count);
        let mut text = String::new();
        for _ in 0..=self.dice.roll(5) {
            let line =
                self.pick(&["quit", "/quit", "exit", "/nick NICK", "nick NICK", "msg alice NICK", "", "/me NICK"]);
            let end = self.pick(&["\n", "\r", "\r\n", "\n\n"]);
            text += &(line.replace("NICK", &nick) + end);
        }
        self.type_in(format!("\x1b[200~{text}\x1b[201~").as_bytes());
    }

    /// Waits until what is typed shows again, at the end of the line.
    fn come_out(&mut self) {
        self.count += 1;
        let mark = format!("<{}>", self.count);
        self.carol.resize(24, 80);
        let end = Instant::now() + PATIENCE;
        let mut told = None;
        while !self.carol.text().replace('\n', "").contains(&mark) {
            assert!(
                Instant::now() < end,
                "too long without {mark} after {:?}:\n{}",
                self.last_pressed(),
                self.carol.text()
            );
            // What comes right after bytes that are no text is taken for the rest of them, and dropped.
            let now = Some(self.carol.raw().matches("that is no text").count());
            if now != told {
                told = now;
                self.type_in(format!("{OUT_OF_IT}{mark}").as_bytes());
            }
            self.carol.settle();
        }
    }

    /// The prompt without a line.
    fn clear(&mut self) {
        self.come_out();
        let mark = format!("<{}>", self.count);
        self.type_in(CTRL_C.as_bytes());
        self.carol.wait_for("an empty prompt", |text| !text.contains(&mark) && text.trim_end().ends_with('>'));
    }

    /// What is typed is said, and what is said shows while something is typed.
    fn check(&mut self) {
        self.clear();
        let said = format!("this is {}", self.count);
        self.carol.line(&said);
        self.alice.out.expect_where(&said, |line| line.ends_with(&format!(": {said}")));
        self.type_in(b"half a li");
        self.carol.wait_for("a half line", |text| text.trim_end().ends_with("> half a li"));
        self.alice.say(&format!("heard {}", self.count));
        let heard = format!("alice: heard {}\n", self.count);
        self.carol
            .wait_for("it above the line", |text| text.contains(&heard) && text.trim_end().ends_with("> half a li"));
        self.type_in(CTRL_C.as_bytes());
        self.carol.wait_for("an empty prompt", |text| text.trim_end().ends_with('>'));
    }
}

/// So many random keys and other things, and what the room heard of it.
fn sit(presses: u32, seed: u64) {
    eprintln!("seed {seed}");
    let mut sitting = Sitting::new(seed);
    for press in 1..=presses {
        sitting.press();
        if press % 40 == 0 {
            sitting.check();
        }
    }
    sitting.check();
    let Sitting { mut carol, alice, .. } = sitting;
    let heard = alice.out.so_far();
    let ran =
        |line: &&String| line.contains("is now pasted") || line.contains("* carol left") || line.contains(" is away");
    assert_eq!(heard.iter().find(ran), None, "seed {seed}: something pasted was run");
    assert!(heard.iter().any(|line| line.contains("pasted")), "seed {seed}: something pasted was said");
    assert!(!carol.raw().contains("panicked"), "seed {seed}");
    carol.line("quit");
    assert_eq!(carol.wait_clean(), Some(0), "seed {seed}");
}

#[test]
fn eight_hundred_random_keys_pastes_and_sizes_leave_a_prompt_that_works_and_run_nothing_pasted() {
    for seed in 1..=2 {
        sit(400, seed);
    }
}

#[test]
#[ignore = "takes minutes"]
fn forty_thousand_random_keys_pastes_and_sizes_leave_a_prompt_that_works_and_run_nothing_pasted() {
    // Most of the time they wait for what shows.
    std::thread::scope(|scope| {
        for first in 3..8 {
            scope.spawn(move || (first..=22).step_by(5).for_each(|seed| sit(2_000, seed)));
        }
    });
}
