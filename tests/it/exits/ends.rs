//! The ways out, and what is looked at after them.

use std::time::{Duration, Instant};

use super::scene::{Amid, Scene};
use crate::support::{PATIENCE, Pty, Signal};

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

/// Until a key has shown what it does, or is pressed again.
const ANSWER: Duration = Duration::from_secs(2);

/// Until whoever is about to leave has left, or another key is needed.
const LEAVING: Duration = Duration::from_millis(1_500);

/// A way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Terminate,
    HangUp,
    /// The signal, as Ctrl-\ sends it between two prompts.
    Quit,
    Interrupt,
    CtrlC,
    CtrlD,
    /// A line that says so.
    Line,
    /// The host closes the room.
    Closed,
    /// The host puts them out.
    Kicked,
    /// A panic while the room's events are handled.
    PanicInEvent,
    /// A panic while a typed line is handled.
    PanicInLine,
    /// A panic beside the prompt, and a signal after that.
    PanicInTask,
    PanicInThread,
    /// Nobody reads the output any more.
    NoReader,
}

impl End {
    pub(super) const ALL: &[Self] = &[
        Self::Terminate,
        Self::HangUp,
        Self::Quit,
        Self::Interrupt,
        Self::CtrlC,
        Self::CtrlD,
        Self::Line,
        Self::Closed,
        Self::Kicked,
        Self::PanicInEvent,
        Self::PanicInLine,
        Self::PanicInTask,
        Self::PanicInThread,
        Self::NoReader,
    ];

    pub(super) fn is_panic(self) -> bool {
        matches!(self, Self::PanicInEvent | Self::PanicInLine | Self::PanicInTask | Self::PanicInThread)
    }

    /// Whether this can be the end of that.
    pub(super) fn fits(self, amid: Amid) -> bool {
        match self {
            _ if amid == Amid::Pipe => self == Self::NoReader,
            Self::Terminate | Self::HangUp | Self::Quit => true,
            // A job that stands still hears no more than one.
            _ if amid == Amid::Stopped => matches!(self, Self::Closed | Self::Kicked),
            // The editor has the signal, and hears it when the search or the key is over.
            Self::Interrupt => !matches!(amid, Amid::Pasting | Amid::Talk | Amid::Search | Amid::Key),
            // Keys within a paste are its text, and nobody presses keys again while rows run past.
            // Before there is a prompt it is the terminal that shows the key, and nobody begins a row after it.
            Self::CtrlC => !matches!(amid, Amid::Pasting | Amid::Talk | Amid::Dialling),
            Self::CtrlD => {
                let at_once = amid.is_outside() && !matches!(amid, Amid::Dialling | Amid::Code);
                at_once || matches!(amid, Amid::Nothing | Amid::Transfer | Amid::Redial | Amid::Plain | Amid::Dumb)
            }
            Self::Line => {
                matches!(amid, Amid::Nothing | Amid::Transfer | Amid::Redial | Amid::Plain | Amid::Dumb)
            }
            Self::PanicInLine => matches!(amid, Amid::Nothing | Amid::Transfer | Amid::Plain | Amid::Dumb),
            Self::NoReader => false,
            Self::Closed | Self::Kicked => amid.is_guest(),
            Self::PanicInEvent | Self::PanicInTask | Self::PanicInThread => amid.is_guest(),
        }
    }

    /// Lets it happen.
    pub(super) fn befall(self, scene: &mut Scene) {
        let Scene { amid, member, host, .. } = scene;
        let mut says = |line: &str| host.as_mut().expect("a room behind pipes").say(line);
        let signal = |member: &mut Pty, signal: Signal, name: &str| match amid {
            Amid::Stopped => member.line(name),
            _ => member.signal(signal),
        };
        match self {
            Self::Terminate => signal(member, Signal::TERM, "TERM"),
            Self::HangUp => signal(member, Signal::HUP, "HUP"),
            Self::Quit => signal(member, Signal::QUIT, "QUIT"),
            Self::Interrupt => until_gone(member, |member| member.signal(Signal::INT)),
            Self::CtrlC => until_gone(member, |member| member.keys(CTRL_C)),
            Self::CtrlD => until_gone(member, |member| member.keys(CTRL_D)),
            Self::Line => until_gone(member, |member| member.line("quit")),
            Self::Closed => says("quit"),
            Self::Kicked => says("kick carol enough"),
            Self::PanicInEvent => says("boom event --at carol"),
            Self::PanicInLine => member.line("boom line"),
            Self::PanicInTask | Self::PanicInThread => {
                let place = if self == Self::PanicInTask { "task" } else { "thread" };
                says(&format!("boom {place} --at carol"));
                let told = format!("boom in a {place}");
                member.wait_for_raw(&told, |raw| raw.contains(&told));
                member.signal(Signal::TERM);
            }
            Self::NoReader => {
                says("one more line");
                says("and another");
            }
        }
        if *amid == Amid::Stopped && matches!(self, Self::Closed | Self::Kicked) {
            // It hears of it when it goes on.
            member.line("");
        }
    }

    /// Waits until the program is gone, and looks at what is left.
    pub(super) fn judge(self, scene: &mut Scene) {
        let Scene { amid, member, .. } = scene;
        let what = format!("amid {amid:?} by {self:?}");
        let code = member.wait_clean();
        match self {
            Self::PanicInEvent | Self::PanicInLine => {
                assert!(code.is_some_and(|code| code > 0), "{what}: {code:?}");
                member.wait_for_raw("what happened", |raw| raw.contains("boom in a"));
            }
            Self::Kicked if *amid != Amid::Stopped => assert_eq!(code, Some(1), "{what}"),
            // Nothing of the terminal is changed before there is a room.
            _ if *amid == Amid::Dialling => {}
            _ => assert!(code.is_some(), "{what}: a signal has killed it"),
        }
        member.expect_no_traces();
        // The program may have gone before all of its last words were read.
        member.wait_for_raw("the end of the last drawing", |raw| raw.rfind("\x1b[?2026h") <= raw.rfind("\x1b[?2026l"));
        if amid.is_dumb() || amid.is_plain() {
            assert!(!member.raw().contains("\x1b[?2004h"), "{what}: nothing is turned on");
        }
    }
}

/// Presses it until the program is gone: some keys clear something first, or ask whether it is meant.
fn until_gone(member: &mut Pty, press: impl Fn(&mut Pty)) {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let before = member.raw().len();
        press(member);
        let answer = Instant::now() + ANSWER;
        while member.raw().len() == before && Instant::now() < answer {
            if member.process.ends_within(Duration::from_millis(20)) {
                return;
            }
        }
        // What has begun to leave gets no more keys: the terminal would echo them.
        if member.process.ends_within(LEAVING) {
            return;
        }
    }
    panic!("it goes on whatever is pressed, with this in the window:\n{}", member.text());
}
