//! What somebody may be in the middle of, and how they get there.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
};

use super::ends::End;
use crate::{
    dropin,
    support::{Dice, Home, Pchat, Pty, Signal},
};

const ALT_ENTER: &str = "\x1b\r";
const CTRL_R: &str = "\x12";
const CTRL_Z: &str = "\x1a";
const DOWN: &str = "\x1b[B";
pub(super) const QUESTION: &str = "code (Enter to knock)";

/// A shell that lets its job be stopped, and then does to it what a line says.
const SHELL: &str = "set -m; \"$@\"; echo it is stopped; read -r way; \
     [ -z \"$way\" ] || kill -s \"$way\" %1; fg; echo it is over";

/// What somebody is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Amid {
    /// At the prompt.
    Nothing,
    HalfALine,
    WrappedLine,
    SeveralRows,
    /// A menu of candidates.
    Menu,
    /// The list of commands, in which one is chosen.
    Commands,
    Search,
    /// A paste whose end has not come yet.
    Pasting,
    /// A key whose end has not come yet.
    Key,
    /// A file is under way.
    Transfer,
    /// A question to be answered with yes or no.
    Choice,
    /// Others talk as fast as they can.
    Talk,
    /// A window of one column.
    NarrowWindow,
    /// Stopped by Ctrl-Z.
    Stopped,
    /// The host was killed.
    Redial,
    /// The question for the code.
    Code,
    /// The host has been asked.
    Knock,
    /// Whoever was called does not answer.
    Dialling,
    /// Lines without any drawing.
    Plain,
    /// The question for the code, where the terminal does not echo.
    PlainCode,
    /// A terminal that can only print.
    Dumb,
    DumbCode,
    /// One's own room.
    Hosting,
    /// The output goes to a program that reads one line.
    Pipe,
}

impl Amid {
    pub(super) const ALL: &[Self] = &[
        Self::Nothing,
        Self::HalfALine,
        Self::WrappedLine,
        Self::SeveralRows,
        Self::Menu,
        Self::Commands,
        Self::Search,
        Self::Pasting,
        Self::Key,
        Self::Transfer,
        Self::Choice,
        Self::Talk,
        Self::NarrowWindow,
        Self::Stopped,
        Self::Redial,
        Self::Code,
        Self::Knock,
        Self::Dialling,
        Self::Plain,
        Self::PlainCode,
        Self::Dumb,
        Self::DumbCode,
        Self::Hosting,
        Self::Pipe,
    ];

    /// Whether somebody else's room lets them in without a word.
    pub(super) fn is_guest(self) -> bool {
        !self.is_outside() && !matches!(self, Self::Redial | Self::Hosting | Self::Pipe)
    }

    /// Whether they are not in the room yet.
    pub(super) fn is_outside(self) -> bool {
        matches!(self, Self::Code | Self::Knock | Self::Dialling | Self::PlainCode | Self::DumbCode)
    }

    pub(super) fn is_plain(self) -> bool {
        matches!(self, Self::Plain | Self::PlainCode)
    }

    pub(super) fn is_dumb(self) -> bool {
        matches!(self, Self::Dumb | Self::DumbCode)
    }
}

/// Somebody at a terminal, and the room that they are in or want to be in.
pub(super) struct Scene {
    pub(super) amid: Amid,
    pub(super) member: Pty,
    /// The room behind pipes.
    pub(super) host: Option<Pchat>,
    /// The room of somebody who can be asked.
    asked: Option<Pty>,
    silent: Option<TcpListener>,
    /// The call of whoever dials there.
    call: Option<TcpStream>,
    homes: [Home; 2],
}

/// Gets into the middle of that, leaves in that way, and looks at what is left. `seed` decides what does not matter.
pub(super) fn leave(amid: Amid, end: End, seed: u64) {
    let mut dice = Dice::new(seed);
    let mut scene = Scene::open(amid, end, &mut dice);
    scene.lead();
    if let Some(host) = &mut scene.host
        && amid.is_guest()
    {
        // What comes now is drawn, or is not, while the program ends.
        (0..dice.roll(4)).for_each(|line| host.say(&format!("last words {line}")));
    }
    end.befall(&mut scene);
    end.judge(&mut scene);
}

impl Scene {
    fn open(amid: Amid, end: End, dice: &mut Dice) -> Self {
        let homes = [Home::new(), Home::new()];
        let program = if end.is_panic() { dropin::program() } else { Path::new(env!("CARGO_BIN_EXE_pchat")) };
        let host_with = |home: &Home, name: &str, open: bool| {
            let mut command = home.command(program);
            command.args(["host", "--port", "0", "--bind", "127.0.0.1", "--name", name, "--rate", "off"]);
            command.args(["--auto-accept", "all"]).args(open.then_some("--open"));
            command
        };
        let size = (10 + dice.roll(20) as u16, 70 + dice.roll(60) as u16);
        if amid == Amid::Hosting {
            let mut command = host_with(&homes[1], "carol", true);
            command.args(["--time", "off"]);
            let member = Pty::spawn_in(size, command);
            return Self { amid, member, host: None, asked: None, silent: None, call: None, homes };
        }
        let silent = (amid == Amid::Dialling).then(|| TcpListener::bind("127.0.0.1:0").expect("a port"));
        let asked = (amid == Amid::Knock).then(|| {
            let host = Pty::spawn(host_with(&homes[0], "alice", false));
            host.expect("alice>");
            host
        });
        let host = (silent.is_none() && asked.is_none()).then(|| {
            let host = Pchat::spawn("alice", host_with(&homes[0], "alice", !amid.is_outside()));
            host.out.collect(1, |line| line.starts_with("* you are "));
            host
        });
        let port = match (&host, &asked, &silent) {
            (Some(host), ..) => host.port(),
            (_, Some(asked), _) => asked.port(),
            (.., Some(silent)) => silent.local_addr().expect("it is bound").port(),
            _ => unreachable!("one of them is there"),
        };
        let mut join = homes[1].command(program);
        join.args(["join", &format!("127.0.0.1:{port}"), "--name", "carol", "--time", "off"]);
        join.args(amid.is_plain().then_some("--plain"));
        if amid.is_dumb() {
            join.env("TERM", "dumb");
        }
        let member = Pty::spawn_in(
            size,
            match amid {
                Amid::Stopped => in_shell(&homes[1], SHELL, &join),
                Amid::Pipe => in_shell(&homes[1], "\"$@\" | head -n 1", &join),
                _ => join,
            },
        );
        Self { amid, member, host, asked, silent, call: None, homes }
    }

    /// Gets into the middle of it.
    fn lead(&mut self) {
        let Self { amid, member, host, asked, silent, call, homes } = self;
        match amid {
            Amid::Code | Amid::Knock | Amid::DumbCode | Amid::PlainCode => member.expect(QUESTION),
            Amid::Dialling => {
                // If the line were not held, the call would end by itself.
                *call = Some(silent.as_ref().expect("it listens").accept().expect("it calls").0);
                return;
            }
            Amid::Plain => member.expect("* you are carol"),
            Amid::Pipe => {
                let host = host.as_ref().expect("it is there");
                host.out.expect("* carol joined");
                return;
            }
            _ => member.wait_for("its prompt", |text| text.contains("\ncarol>") && text.contains("* you are carol")),
        }
        match amid {
            Amid::Nothing | Amid::Plain | Amid::PlainCode | Amid::Dumb | Amid::DumbCode | Amid::Dialling => {}
            Amid::Pipe => {}
            Amid::HalfALine => types(member, "half a li", "carol> half a li"),
            Amid::WrappedLine => types(member, &("月光".repeat(60) + "!"), "光!"),
            Amid::SeveralRows => types(member, &format!("one{ALT_ENTER}two{ALT_ENTER}three"), "\ntwo\nthree"),
            Amid::Menu => types(member, "p\t", "\n  pause "),
            Amid::Commands => {
                types(member, "/un", "\n  /unban ");
                types(member, DOWN, "\n> /unban ");
            }
            Amid::Search => {
                // Where there is no history, nothing is searched.
                member.line("first words");
                member.wait_for("the next prompt", |text| text.trim_end().ends_with("carol: first words\ncarol>"));
                types(member, CTRL_R, "reverse-i-search");
            }
            Amid::Pasting => {
                types(member, "before ", "carol> before");
                member.keys("\x1b[200~quit\nquit\n");
            }
            Amid::Key => {
                types(member, "before ", "carol> before");
                member.keys("\x1b[");
            }
            Amid::Transfer => {
                let file = fs::File::create(homes[1].path().join("crate.iso")).expect("a file");
                file.set_len(64 << 20).expect("it may be long");
                member.line("limit 1M");
                member.line("sendfile crate.iso");
                let is_bar = |row: &str| row.contains("crate.iso") && row.contains('%');
                member.wait_for("a bar", |text| text.lines().any(is_bar));
            }
            Amid::Choice => {
                let rows = "a row of a long text\n".repeat(300);
                member.keys(&format!("\x1b[200~{rows}\x1b[201~"));
                member.expect("a row of a long text");
                types(member, "\r", "send it as a text file? (y/N)");
            }
            Amid::Talk => {
                let lines: String = (0..2_000).map(|line| format!("line {line}\n")).collect();
                host.as_mut().expect("it is there").write(lines.as_bytes());
                member.expect("alice: line ");
            }
            Amid::NarrowWindow => {
                member.resize(10, 1);
                member.keys("half");
            }
            Amid::Stopped => {
                types(member, "half a li", "carol> half a li");
                types(member, CTRL_Z, "it is stopped");
            }
            Amid::Redial => {
                host.as_ref().expect("it is there").signal(Signal::KILL);
                member.expect("dialling again until it works");
            }
            Amid::Code => types(member, "zoo aban", "zoo aban"),
            Amid::Knock => {
                member.keys("\r");
                asked.as_ref().expect("it is there").expect("carol");
                member.expect("you wait at the door as carol");
            }
            Amid::Hosting => types(member, "x", "carol> x"),
        }
    }
}

fn types(member: &mut Pty, keys: &str, shown: &str) {
    member.keys(keys);
    member.expect(shown);
}

fn in_shell(home: &Home, script: &str, command: &Command) -> Command {
    let mut shell = home.command("bash");
    shell.args(["-c", script, "sh"]).arg(command.get_program()).args(command.get_args());
    shell
}
