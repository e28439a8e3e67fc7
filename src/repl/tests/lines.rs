//! Any line at all, on the whole way from the first key to what it means: read, completed, hinted at, coloured and drawn.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
};

use rustyline::{
    Context, GraphemeClusterMode,
    completion::Completer,
    highlight::{CmdKind, Highlighter},
    history::MemHistory,
};

use crate::{
    commands::ALL,
    dice::Dice,
    registry::{Candidate, Hint, Known, Mark, Names, Reading, Registry},
    repl::{
        Assist,
        helper::{Drawer, lock},
        seen::{Seen, Turn},
    },
    view::Terminal,
    words,
};

/// Members, some of whose names need quotes or another direction.
const MEMBERS: [&str; 5] = ["bob", "bob smith", "Zoë", "שלום", "o'neil"];

/// Words that commands take, and such as nobody expects.
const WORDS: &[&str] = &[
    "bob",
    "\"bob smith\"",
    "bob\\ smith",
    "Zoë",
    "שלום",
    "@bob:",
    "'o'neil",
    "3",
    "31",
    "0",
    "-1",
    "007",
    "4294967296",
    "18446744073709551616",
    "1e9",
    "2M",
    "off",
    "on",
    "new",
    "y",
    "*.pdf",
    "[!",
    "/tmp/",
    "../..",
    "./no such file",
    "C:\\Users\\bob",
    "~nobody/",
    "/",
    "//",
    "\"",
    "'",
    "\\",
    "\"unclosed",
    "'it's",
    "\\\\\"",
    "--",
    "-",
    "--to",
    "--to=bob",
    "--to bob",
    "--help",
    "-h",
    "--page",
    "--nothing",
    "--=",
    "-\u{202e}x",
    "time=local",
    "\0",
    "\u{1b}[2J",
    "\u{1b}]52;c;eA==\u{7}",
    "\u{9b}31m",
    "\r",
    "\u{8}\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{3000}",
    "\u{200b}",
    "\u{feff}",
    "\u{202e}gpj.exe",
    "\u{2066}x\u{2069}",
    "\u{e0041}",
    "\u{fdfd}",
    "\u{fffe}",
    "\u{10ffff}",
    "月光",
    "👨‍👩‍👧‍👦",
    "e\u{301}\u{302}\u{303}",
    "ａｂｃ",
    "x=\t=x",
];

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.below(below as u64) as usize
    }

    fn character(&mut self) -> char {
        let ranges = [0..0x80, 0..0x20, 0x80..0x500, 0x590..0x700, 0x2000..0x2070, 0x4e00..0xa000, 0..0x11_0000];
        let range = self.pick(&ranges);
        // What is no character is one that shows it.
        char::from_u32((range.start + self.roll(range.len())) as u32).unwrap_or('\u{fffd}')
    }

    /// A command with arguments that may be any, or one of its examples.
    fn command(&mut self) -> String {
        let entry = self.pick(ALL);
        let mut line = match self.roll(3) {
            0 => self.pick(entry.examples).to_owned(),
            _ => {
                let names: Vec<_> = entry.names().collect();
                self.pick(&names).to_owned()
            }
        };
        for _ in 0..self.roll(5) {
            line.push(self.pick(&[' ', ' ', ' ', ' ', ' ', '\t', '\u{a0}', '=']));
            let options: Vec<_> =
                entry.grammar().get_opts().filter_map(|arg| Some(arg.get_long()?.to_owned())).collect();
            match self.roll(8) {
                0 if !options.is_empty() => line = line + "--" + &self.pick(&options),
                1 => line.push_str(ALL[self.roll(ALL.len())].name),
                2 => line.extend((0..self.roll(12)).map(|_| self.character()).collect::<Vec<_>>()),
                _ => line.push_str(self.pick(WORDS)),
            }
        }
        line
    }

    fn line(&mut self) -> String {
        let mut line = match self.roll(12) {
            0 => (0..self.roll(80)).map(|_| self.character()).collect(),
            1 => (0..self.roll(9)).map(|_| self.pick(WORDS)).collect::<Vec<_>>().join(" "),
            // Several lines, as a paste brings them.
            2 => (0..=self.roll(4)).map(|_| self.command()).collect::<Vec<_>>().join("\n"),
            3 if self.roll(20) == 0 => self.command() + &self.pick(WORDS).repeat(self.roll(2_000)),
            _ => self.command(),
        };
        match self.roll(4) {
            0 => line.insert(0, '/'),
            1 if self.roll(4) == 0 => line.insert_str(0, self.pick(&[" ", "//", "\\/", "@", "\u{3000}", "\0"])),
            _ => {}
        }
        // A slip of the fingers, or what is not finished yet.
        for _ in 0..self.roll(4).saturating_sub(1) {
            let mut at: Vec<_> = line.char_indices().map(|(at, _)| at).collect();
            at.push(line.len());
            let at = self.pick(&at);
            match self.roll(4) {
                0 => line.truncate(at),
                1 => line.insert(at, self.character()),
                2 if at < line.len() => drop(line.remove(at)),
                _ => line.insert_str(at, self.pick(WORDS)),
            }
        }
        line
    }
}

/// What is known here, and the help with lines that the program gives.
struct Here(Registry);

impl Known for Here {
    fn member(&self, name: &str) -> bool {
        MEMBERS.contains(&name)
    }

    fn knock(&self, name: &str) -> bool {
        name == "carol"
    }

    fn kept(&self, number: u32) -> bool {
        number == 3 || number == 31
    }
}

impl Names for Here {
    fn members(&self, prefix: &str) -> Vec<Candidate> {
        MEMBERS.iter().filter(|name| name.starts_with(prefix)).map(|name| Candidate::plain(*name)).collect()
    }

    fn knocks(&self, prefix: &str) -> Vec<Candidate> {
        Some("carol").filter(|name| name.starts_with(prefix)).map(Candidate::plain).into_iter().collect()
    }

    fn kept(&self) -> Vec<(u32, String)> {
        vec![(3, "\u{202e}gpj.exe \u{1b}[2J".to_owned()), (31, String::new())]
    }

    fn settings(&self) -> Vec<Candidate> {
        vec![Candidate::plain("time"), Candidate::plain("color")]
    }

    fn values_of(&self, _: &str) -> Vec<Candidate> {
        vec![Candidate::plain("auto"), Candidate::plain("off")]
    }
}

impl Assist for Here {
    fn complete(&self, line: &str, pos: usize) -> (usize, Vec<Candidate>) {
        self.0.complete(line, pos, self)
    }

    fn path_from(&self, line: &str, pos: usize) -> Option<usize> {
        self.0.path_from(line, pos)
    }

    fn hint(&self, line: &str) -> Option<Hint> {
        self.0.hint(line, self)
    }

    fn marks(&self, line: &str) -> Vec<(Range<usize>, Mark)> {
        self.0.marks(line, self, self)
    }
}

/// What a line means, and that some lines can never mean some things.
fn read(registry: &Registry, line: &str) {
    let here = Here(*registry);
    let _ = registry.member_names(line);
    let reading = registry.read(line, &here);
    let _ = reading.remember();
    let is_text = |reading: &Reading| matches!(reading, Reading::Run { entry, .. } if entry.default);
    if line.trim().is_empty() {
        assert!(matches!(reading, Reading::Nothing), "a blank line is {reading:?}");
    } else if line.contains('\n') || line.starts_with(char::is_whitespace) {
        assert!(is_text(&reading) || matches!(reading, Reading::Held(_)), "a paste is {reading:?}");
    } else if let Some(command) = line.strip_prefix('/') {
        let named = command.split(char::is_whitespace).next().and_then(|name| registry.find(name));
        assert!(!is_text(&reading) || named.is_some_and(|entry| entry.default), "a command is said");
    }
    for entry in ALL {
        // Whatever somebody answers when a command asks.
        if entry.name.len() % 4 == line.len() % 4 {
            let _ = registry.read_answer(entry, line);
        }
    }
    if let Some(meant) = registry.misspelt(line, &here) {
        assert!(is_text(&reading), "{meant} is offered instead of {reading:?}");
    }
    let quoted = words::quote(line);
    let again = words::split(&quoted).expect("what is quoted can be split");
    assert!(matches!(&again[..], [word] if word.text == line), "{quoted:?}");
}

/// What the terminal is given must do nothing but move and colour as we mean it.
fn harmless(drawn: &str) {
    let mut rest = drawn;
    while let Some(at) = rest.find(|c: char| c.is_control() && !matches!(c, '\r' | '\n' | '\t')) {
        let sequence = rest[at..].strip_prefix("\x1b[").unwrap_or_else(|| panic!("{:?} is drawn", &rest[at..]));
        let end = sequence.find(|c: char| !matches!(c, '0'..='9' | ';')).expect("a sequence ends");
        assert!(matches!(sequence.as_bytes()[end], b'm' | b'A' | b'J'), "{sequence:?} is drawn");
        rest = &sequence[end + 1..];
    }
}

/// One line as it is typed: every few keys of it, and Tab at its end.
fn edit(drawer: &Drawer, line: &str, dice: &mut Dice) {
    *lock(&drawer.seen) = Seen::before(dice.roll(20) == 0);
    let ends: Vec<_> = line.char_indices().map(|(at, _)| at).collect();
    let pauses = (0..2).filter(|_| !ends.is_empty()).map(|_| dice.pick(&ends)).collect::<Vec<_>>();
    let mut typed: Vec<_> = pauses.into_iter().map(|end| (line[..end].to_owned(), end)).collect();
    typed.sort_by_key(|(_, end)| *end);
    typed.push((line.to_owned(), line.len()));
    if let Some(middle) = ends.get(ends.len() / 2) {
        typed.push((line.to_owned(), *middle));
    }
    for (mut line, mut pos) in typed {
        draw(drawer, &line, pos);
        for _ in 0..dice.roll(3) {
            lock(&drawer.seen).turn = dice.pick(&[Turn::Forward, Turn::Forward, Turn::Back, Turn::Leave]);
            let history = MemHistory::new();
            let (start, pairs) = drawer.complete(&line, pos, &Context::new(&history)).expect("it completes");
            let [one] = &pairs[..] else {
                assert!(pairs.is_empty(), "rustyline would ask which");
                break;
            };
            line = format!("{}{}{}", &line[..start], one.replacement, &line[pos..]);
            pos = start + one.replacement.len();
            draw(drawer, &line, pos);
        }
    }
    drawer.highlight_char(line, line.len(), CmdKind::ForcedRefresh);
    draw(drawer, line, line.len());
}

fn draw(drawer: &Drawer, line: &str, pos: usize) {
    drawer.highlight_char(line, pos, CmdKind::Other);
    harmless(&drawer.highlight_prompt("> ", true));
    harmless(&drawer.highlight(line, pos));
}

fn drawer(colour: bool) -> Drawer {
    Drawer {
        screen: Arc::new(Terminal::with_colour(colour)),
        shared: Arc::default(),
        assist: Arc::new(Here(Registry::new(ALL))),
        seen: Arc::new(Mutex::new(Seen::before(false))),
        places: Arc::default(),
        mode: GraphemeClusterMode::WcWidth,
    }
}

/// Types so many lines, on all processors.
fn type_lines(count: u64) {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get()) as u64;
    let work = |first: u64| {
        let (registry, drawers) = (Registry::new(ALL), [drawer(true), drawer(false)]);
        for seed in (first..count).step_by(threads as usize) {
            let mut dice = Dice::new(seed);
            let line = dice.line();
            let typed = catch_unwind(AssertUnwindSafe(|| {
                read(&registry, &line);
                edit(&drawers[dice.roll(2)], &line, &mut dice);
            }));
            assert!(typed.is_ok(), "line {seed}: {line:?}");
        }
    };
    std::thread::scope(|scope| (0..threads).for_each(|first| drop(scope.spawn(move || work(first)))));
}

#[test]
fn no_line_of_five_thousand_panics_or_runs_or_draws_what_it_must_not() {
    type_lines(5_000);
}

#[test]
#[ignore = "takes minutes"]
fn no_line_of_a_million_panics_or_runs_or_draws_what_it_must_not() {
    type_lines(1_000_000);
}
