//! The title of the terminal's window and the progress in its tab, as escape sequences: set when they change, and given
//! back in every way out.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Bar, abilities::Abilities, filter, wrap};

/// Puts the title on the terminal's stack, and takes it back.
const SAVE: &str = "\x1b[22;2t";
const GIVE_BACK: &str = "\x1b[23;2t";

/// Ends what an operating system command says.
const END: &str = "\x1b\\";

/// No progress.
const IDLE: &str = "\x1b]9;4;0\x1b\\";

/// Longer titles are cut by whoever shows them.
const COLUMNS: usize = 80;

/// Whether the terminal bears a title of ours, and whether it shows progress. A process has one terminal, and a panic must
/// find this without a way to the screen.
static TITLED: AtomicBool = AtomicBool::new(false);
static BUSY: AtomicBool = AtomicBool::new(false);

/// What undoes title and progress, if there is something to undo.
pub(crate) fn undo() -> String {
    let mut out = String::new();
    if BUSY.swap(false, Ordering::SeqCst) {
        out.push_str(IDLE);
    }
    if TITLED.swap(false, Ordering::SeqCst) {
        out.push_str(GIVE_BACK);
    }
    out
}

/// What is to be shown around the text.
#[derive(Default)]
pub(super) struct Title {
    wanted: Option<String>,
    shown: Option<String>,
    percent: Option<u8>,
}

impl Title {
    /// The title from now on. It may be of peer origin.
    pub(super) fn set(&mut self, text: &str, unicode: bool) {
        let text = filter::clean(text);
        let text = if unicode { text } else { filter::ascii(&text).into_owned().into() };
        self.wanted = Some(wrap::cut_with(&text, COLUMNS, if unicode { "…" } else { "..." }));
    }

    /// The terminal was given back meanwhile: all of it has to be said again.
    pub(super) fn forget(&mut self) {
        (self.shown, self.percent) = (None, None);
    }

    /// What brings the terminal to where it should be.
    pub(super) fn update<'a>(&mut self, can: Abilities, bars: impl Iterator<Item = &'a Bar>) -> String {
        let mut out = String::new();
        if let Some(wanted) = self.wanted.as_ref().filter(|wanted| can.commands && self.shown.as_ref() != Some(wanted))
        {
            if self.shown.is_none() {
                out.push_str(SAVE);
            }
            out.push_str(&format!("\x1b]2;{wanted}{END}"));
            self.shown = Some(wanted.clone());
            TITLED.store(true, Ordering::SeqCst);
        }
        let percent = together(bars).filter(|_| can.progress);
        if percent != self.percent {
            out.push_str(&percent.map_or_else(|| IDLE.to_owned(), |percent| format!("\x1b]9;4;1;{percent}{END}")));
            self.percent = percent;
            BUSY.store(percent.is_some(), Ordering::SeqCst);
        }
        out
    }
}

/// How much of everything under way is there, in percent.
fn together<'a>(bars: impl Iterator<Item = &'a Bar>) -> Option<u8> {
    let (done, total) = bars.filter(|bar| !bar.paused).fold((0_u128, 0_u128), |(done, total), bar| {
        (done + u128::from(bar.done.min(bar.total)), total + u128::from(bar.total))
    });
    (total > 0).then(|| (done * 100 / total).min(100) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::line::bar;

    fn able() -> Abilities {
        Abilities { progress: true, ..Abilities::simple(true) }
    }

    #[test]
    fn a_title_is_set_when_it_changes_and_cannot_end_its_sequence() {
        let mut title = Title::default();
        assert_eq!(title.update(able(), [].iter()), "");
        title.set("room of b\x1b\\ob\x07\u{9c}\u{202e}", true);
        let set = title.update(able(), [].iter());
        assert_eq!(set, "\x1b[22;2t\x1b]2;room of b<U+001B>\\ob<U+0007><U+009C><U+202E>\x1b\\");
        assert_eq!(title.update(able(), [].iter()), "");
        title.set("Zoë (2)", false);
        assert_eq!(title.update(able(), [].iter()), "\x1b]2;Zo<U+00EB> (2)\x1b\\");
        title.forget();
        assert!(title.update(able(), [].iter()).starts_with(SAVE));
        let mut unable = Title::default();
        unable.set("x", true);
        assert_eq!(unable.update(Abilities::simple(false), [bar(1, 2)].iter()), "");
    }

    #[test]
    fn progress_is_that_of_all_together_and_ends() {
        let mut title = Title::default();
        let bars = [bar(10, 100), bar(50, 100)];
        let paused = Bar { paused: true, ..bar(0, 1_000) };
        assert_eq!(title.update(able(), bars.iter().chain([&paused])), "\x1b]9;4;1;30\x1b\\");
        assert_eq!(title.update(able(), bars.iter()), "");
        assert_eq!(title.update(able(), [bar(100, 100)].iter()), "\x1b]9;4;1;100\x1b\\");
        assert_eq!(title.update(able(), [].iter()), IDLE);
        assert_eq!(title.update(able(), [bar(0, 0)].iter()), "", "nothing to move");
    }
}
