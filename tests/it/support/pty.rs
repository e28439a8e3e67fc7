//! The program in a terminal: a pseudo-terminal with a model of its screen.

use std::{
    fs::File,
    io::{Read, Write},
    num::NonZeroU16,
    os::fd::{AsFd, OwnedFd},
    process::Command,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use pty_process::{Size, blocking};
use rustix::{
    process::Signal,
    termios::{Action, LocalModes, SpecialCodeIndex, Termios, tcflow, tcgetattr},
};

use super::{Home, PATIENCE, Process, until};

/// A terminal in which a program runs.
pub struct Pty {
    pub process: Process,
    keys: File,
    /// Held open, so that the state of the terminal can be looked at when the program is gone.
    tty: OwnedFd,
    pty: Arc<blocking::Pty>,
    shown: Arc<(Mutex<Shown>, Condvar)>,
    before: Termios,
}

struct Shown {
    parser: vt100::Parser,
    raw: Vec<u8>,
}

impl Pty {
    /// `pchat` with these arguments in a terminal of 24 rows and 80 columns.
    pub fn run(home: &Home, args: &[&str]) -> Self {
        let mut command = home.pchat();
        command.args(args);
        // Most tests look for lines, not for times.
        if matches!(args.first(), Some(&("host" | "join"))) && !args.contains(&"--time") {
            command.args(["--time", "off"]);
        }
        Self::spawn(command)
    }

    /// A room on a free port of loopback, with its user at the prompt. Gives the port, too.
    pub fn host(home: &Home, name: &str, more: &[&str]) -> (Self, u16) {
        let mut args = vec!["host", "--port", "0", "--bind", "127.0.0.1", "--name", name];
        args.extend(more);
        let host = Self::run(home, &args);
        host.wait_for("its prompt", |text| text.contains(&format!("\n{name}>")));
        let port = host.port();
        (host, port)
    }

    /// The port of its room.
    pub fn port(&self) -> u16 {
        let text = self.text();
        let port = text.split_once("* room open on port ").and_then(|(_, rest)| rest.lines().next());
        port.and_then(|port| port.trim().parse().ok()).expect("it tells its port")
    }

    /// A member of the room on that port, at the prompt.
    pub fn join(home: &Home, name: &str, port: u16) -> Self {
        let member = Self::run(home, &["join", &format!("127.0.0.1:{port}"), "--name", name]);
        member.wait_for("its prompt", |text| {
            text.contains(&format!("\n{name}>")) && text.contains(&format!("* you are {name} "))
        });
        member
    }

    pub fn spawn(command: Command) -> Self {
        Self::spawn_in((24, 80), command)
    }

    /// A program in a window of so many rows and columns.
    pub fn spawn_in((rows, columns): (u16, u16), command: Command) -> Self {
        let (pty, pts) = blocking::open().expect("a pseudo-terminal");
        pty.resize(Size::new(rows, columns)).expect("it has a size");
        let tty = pts.as_fd().try_clone_to_owned().expect("a descriptor");
        let before = tcgetattr(&tty).expect("a terminal");
        let child = blocking::Command::from(command).spawn(pts).expect("the program starts");
        let keys = File::from(pty.as_fd().try_clone_to_owned().expect("a descriptor"));
        let shown = Arc::new((
            Mutex::new(Shown { parser: vt100::Parser::new(cells(rows), cells(columns), 10_000), raw: Vec::new() }),
            Condvar::new(),
        ));
        let pty = Arc::new(pty);
        let (reader, drawn, mut answers) = (pty.clone(), shown.clone(), keys.try_clone().expect("a descriptor"));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = (&*reader).read(&mut bytes) {
                let mut shown = drawn.0.lock().unwrap();
                shown.parser.process(&bytes[..read]);
                shown.raw.extend_from_slice(&bytes[..read]);
                // A terminal that is asked where its cursor is tells it.
                if bytes[..read].windows(4).any(|four| four == b"\x1b[6n") {
                    let (row, column) = shown.parser.screen().cursor_position();
                    let _ = answers.write_all(format!("\x1b[{};{}R", row + 1, column + 1).as_bytes());
                }
                drawn.1.notify_all();
            }
        });
        Self { process: Process::of(child), keys, tty, pty, shown, before }
    }

    /// Presses keys.
    pub fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Lets the terminal bring bytes that need not be text.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.keys.write_all(bytes).expect("the terminal takes keys");
    }

    /// Types a line and ends it.
    pub fn line(&mut self, line: &str) {
        self.keys(&format!("{line}\r"));
    }

    /// What the window shows.
    pub fn text(&self) -> String {
        text(self.shown.0.lock().unwrap_or_else(PoisonError::into_inner).parser.screen())
    }

    /// What something makes of the screen as it is now.
    pub fn look<T>(&self, at: impl FnOnce(&vt100::Screen) -> T) -> T {
        at(self.shown.0.lock().unwrap_or_else(PoisonError::into_inner).parser.screen())
    }

    /// What the window shows and all that has scrolled out of it.
    pub fn scrollback(&self) -> String {
        let mut shown = self.shown.0.lock().unwrap_or_else(PoisonError::into_inner);
        let screen = shown.parser.screen_mut();
        let (_, columns) = screen.size();
        let mut all = String::new();
        for above in (1..=screen.scrollback_len()).rev() {
            screen.set_scrollback(above);
            all.extend(screen.rows(0, columns.into()).next());
            all.push('\n');
        }
        screen.set_scrollback(0);
        all + &text(screen)
    }

    /// The code of its room.
    pub fn code(&self) -> String {
        let text = self.scrollback();
        let code = text.split_once("* the code is ").and_then(|(_, rest)| rest.split(':').next());
        code.expect("it tells its code").to_owned()
    }

    /// Everything written to the terminal until now.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.shown.0.lock().unwrap_or_else(PoisonError::into_inner).raw).into_owned()
    }

    /// Waits until the window, with a line end before it, fits.
    pub fn wait_for(&self, what: &str, fits: impl Fn(&str) -> bool) {
        self.wait_for_screen(what, |screen| fits(&format!("\n{}", text(screen))));
    }

    /// Waits until the window shows this.
    pub fn expect(&self, part: &str) {
        self.wait_for(part, |text| text.contains(part));
    }

    /// Waits until the window tells that somebody went. Where nothing else was told since they came, it is one row.
    pub fn expect_gone(&self, name: &str) {
        let told = [format!("* {name} left"), format!("* {name} came and went")];
        self.wait_for(&told[0], |text| told.iter().any(|told| text.contains(told)));
    }

    /// Waits until the screen fits.
    pub fn wait_for_screen(&self, what: &str, fits: impl Fn(&vt100::Screen) -> bool) {
        self.wait_until(what, |shown| fits(shown.parser.screen()));
    }

    /// Waits until all that was written fits: of it, something may be out of the window at once.
    pub fn wait_for_raw(&self, what: &str, fits: impl Fn(&str) -> bool) {
        self.wait_until(what, |shown| fits(&String::from_utf8_lossy(&shown.raw)));
    }

    /// Forgets what was written until now. The window stays.
    pub fn forget(&self) {
        self.shown.0.lock().unwrap_or_else(PoisonError::into_inner).raw.clear();
    }

    /// Waits until all that was written to the terminal is read: a program may end before its last words are.
    fn read_all(&self) {
        // What no terminal knows; it comes after everything else.
        const MARK: &[u8] = b"\x1b]7777;all\x07";
        if rustix::io::write(&self.tty, MARK) != Ok(MARK.len()) {
            return;
        }
        self.wait_until("the end of what was written", |shown| {
            let mark = shown.raw.windows(MARK.len()).rposition(|part| part == MARK);
            mark.map(|at| shown.raw.drain(at..at + MARK.len())).is_some()
        });
    }

    /// Waits until what has come is enough.
    fn wait_until(&self, what: &str, mut enough: impl FnMut(&mut Shown) -> bool) {
        let end = Instant::now() + PATIENCE;
        let mut shown = self.shown.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !enough(&mut shown) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let text = text(shown.parser.screen());
                let end = String::from_utf8_lossy(&shown.raw[shown.raw.len().saturating_sub(400)..]).into_owned();
                drop(shown);
                panic!("too long without {what}, with this in the window:\n{text}\nafter: {end:?}");
            }
            shown = self.shown.1.wait_timeout(shown, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until the modes of the terminal fit.
    pub fn wait_for_modes(&self, what: &str, fits: impl Fn(&Termios) -> bool) {
        let modes = || tcgetattr(&self.tty).expect("a terminal");
        until(|| fits(&modes()), || format!("{what}, with this in the window:\n{}", self.text()));
    }

    /// Checks that nothing which the program turned on is left in the window.
    pub fn expect_no_traces(&self) {
        self.look(|screen| {
            assert!(!screen.bold() && !screen.dim() && !screen.italic() && !screen.underline() && !screen.inverse());
            assert_eq!((screen.fgcolor(), screen.bgcolor()), (vt100::Color::Default, vt100::Color::Default));
            assert!(!screen.alternate_screen() && !screen.application_cursor() && !screen.application_keypad());
            assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        });
    }

    /// Waits until nothing more is written for a moment: a picture shall not show half of a drawing.
    pub fn settle(&self) {
        const MOMENT: Duration = Duration::from_millis(50);
        let mut shown = self.shown.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let (after, waited) = self.shown.1.wait_timeout(shown, MOMENT).unwrap_or_else(PoisonError::into_inner);
            if waited.timed_out() {
                return;
            }
            shown = after;
        }
    }

    /// Makes the window another size.
    pub fn resize(&self, rows: u16, columns: u16) {
        self.shown.0.lock().unwrap().parser.screen_mut().set_size(cells(rows), cells(columns));
        self.pty.resize(Size::new(rows, columns)).expect("it takes a size");
    }

    /// The terminal takes nothing more from the program, as after Ctrl-S.
    pub fn hold(&self) {
        tcflow(&self.tty, Action::OOff).expect("a terminal");
    }

    /// The terminal takes what is written again, as after Ctrl-Q.
    pub fn go_on(&self) {
        tcflow(&self.tty, Action::OOn).expect("a terminal");
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits until the program has ended, and checks that the terminal is as it was. Gives the exit code.
    pub fn wait_clean(&mut self) -> Option<i32> {
        let shown = self.shown.clone();
        let window = || text(shown.0.lock().unwrap_or_else(PoisonError::into_inner).parser.screen());
        let code = self.process.wait_or(window).code();
        self.read_all();
        let after = tcgetattr(&self.tty).expect("a terminal");
        assert!(after.local_modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG), "not raw");
        assert_eq!(after.local_modes, self.before.local_modes);
        assert_eq!(after.input_modes, self.before.input_modes);
        assert_eq!(after.output_modes, self.before.output_modes);
        assert_eq!(after.control_modes, self.before.control_modes);
        for key in [SpecialCodeIndex::VINTR, SpecialCodeIndex::VQUIT, SpecialCodeIndex::VEOF, SpecialCodeIndex::VSUSP] {
            assert_eq!(after.special_codes[key], self.before.special_codes[key], "a key means something else");
        }
        self.wait_for_screen("an end of bracketed paste, at the left edge", |screen| {
            !screen.bracketed_paste() && !screen.hide_cursor() && screen.cursor_position().1 == 0
        });
        code
    }
}

fn text(screen: &vt100::Screen) -> String {
    screen.contents()
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("a window has cells")
}
