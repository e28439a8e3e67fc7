//! What rustyline calls back while a line is typed: completion, colours, and the drawing of everything above the prompt.
//!
//! The hint is drawn as part of the line and not as rustyline's own hint: that one counts for its layout, can be drawn with
//! a layout that knew nothing of it, and is inserted by keys that mean the end of the line. Here it never reaches the
//! last column, so it changes nothing of where the cursor is.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustyline::{
    Context, GraphemeClusterMode, Helper, Result,
    completion::{Completer, Pair},
    highlight::{CmdKind, Highlighter},
    hint::Hinter,
    validate::Validator,
};

use super::{
    Assist, Shared,
    descriptors::Places,
    files, layout,
    menu::{self, Menu},
    paint,
    seen::{Seen, Turn},
};
use crate::{registry::Candidate, view::Terminal};

/// How many rows of the window a menu leaves to the rest: what else stands above the prompt, and some of the talk.
const OTHER_ROWS: usize = 6;

/// The helper of one editor.
pub(super) struct Drawer {
    pub(super) screen: Arc<Terminal>,
    pub(super) shared: Arc<Shared>,
    pub(super) assist: Arc<dyn Assist>,
    pub(super) seen: Arc<Mutex<Seen>>,
    pub(super) places: Arc<Mutex<Places>>,
    pub(super) mode: GraphemeClusterMode,
}

/// A lock that a caught panic does not spoil.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Helper for Drawer {}

impl Validator for Drawer {}

/// Hints are drawn with the line; but rustyline asks at every change, which is how an interrupted line is known.
impl Hinter for Drawer {
    type Hint = String;

    fn hint(&self, line: &str, _pos: usize, _ctx: &Context<'_>) -> Option<String> {
        let mut seen = lock(&self.seen);
        seen.line.clear();
        seen.line.push_str(line);
        None
    }
}

impl Highlighter for Drawer {
    /// Called at each refresh with the cursor at the first column of the prompt. rustyline lays out from the prompt
    /// alone, so what stands above it is out of its sight.
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, default: bool) -> Cow<'b, str> {
        if !self.shared.is_reading() {
            // The first drawing of a prompt: rustyline has made its descriptors and set its handlers.
            lock(&self.places).take();
            self.shared.set_reading(true);
        }
        let mut seen = lock(&self.seen);
        prompt.clone_into(&mut seen.prompt);
        seen.own_prompt = default;
        // What is drawn now has all of it.
        seen.paste = false;
        seen.searching &= !default;
        let columns = layout::columns();
        let up = match std::mem::take(&mut seen.menu_rows) {
            0 => String::new(),
            rows => format!("\x1b[{rows}A"),
        };
        let rows = self.menu(&seen, columns);
        seen.menu_rows = rows.len();
        let room = seen.room().unwrap_or(0);
        let rows_in = |columns| layout::rows(prompt, &seen.line, columns, self.mode);
        let lost = self.screen.drawn_in().map_or(0, |before| rows_in(before).saturating_sub(rows_in(columns)));
        self.screen.fit(room.saturating_sub(rows.len()), lost);
        let rows: String = rows.into_iter().map(|row| row + "\r\n").collect();
        Cow::Owned(up + &self.screen.draw(columns) + &rows + prompt)
    }

    fn highlight<'l>(&self, line: &'l str, pos: usize) -> Cow<'l, str> {
        let mut seen = lock(&self.seen);
        seen.offered = None;
        if !self.screen.has_colour() || !seen.own_prompt {
            return paint::harmless(line);
        }
        let hinted = pos == line.len() && !seen.entered;
        let prompt = std::mem::take(&mut seen.prompt);
        let (marks, hint) = seen.read(line, &*self.assist);
        let shown = paint::coloured(line, marks);
        let Some(hint) = hint.filter(|_| hinted) else {
            seen.prompt = prompt;
            return shown;
        };
        let text = paint::hint(hint, (&prompt, line), layout::columns(), self.mode);
        let rest = hint.text[..hint.completes].to_owned();
        seen.prompt = prompt;
        seen.offered = Some(rest).filter(|rest| !rest.is_empty() && text.starts_with(rest.as_str()));
        if text.is_empty() { shown } else { Cow::Owned(shown.into_owned() + &paint::dim(&text)) }
    }

    /// Called before each refresh that a key causes, which it also demands: otherwise rustyline writes a typed letter as it
    /// is, without a look at the line.
    fn highlight_char(&self, line: &str, pos: usize, kind: CmdKind) -> bool {
        let mut seen = lock(&self.seen);
        match kind {
            CmdKind::ForcedRefresh => seen.enter(),
            CmdKind::Other | CmdKind::MoveCursor => seen.change(line, pos, &*self.assist),
        }
        true
    }
}

impl Drawer {
    /// The rows of the menu, as many as the window has room for.
    fn menu(&self, seen: &Seen, columns: usize) -> Vec<String> {
        let Some(menu) = seen.menu.as_ref().filter(|_| !seen.secret && seen.own_prompt) else { return Vec::new() };
        let line = layout::rows(&seen.prompt, &seen.line, columns, self.mode);
        menu.rows(columns, layout::height().saturating_sub(line + OTHER_ROWS), self.screen.has_colour())
    }

    /// What may stand at `pos`, and where that word begins.
    fn candidates(&self, line: &str, pos: usize) -> (usize, Vec<Candidate>) {
        let (start, found) = match self.assist.path_from(line, pos) {
            Some(start) => files::complete(line, start, pos),
            None => {
                let (start, mut found) = self.assist.complete(line, pos);
                // The only word there is, at the end of the line: what comes next is another one.
                if let [only] = &mut found[..]
                    && pos == line.len()
                {
                    only.word.push(' ');
                }
                (start, found)
            }
        };
        if start > pos || !line.is_char_boundary(start) { (pos, Vec::new()) } else { (start, found) }
    }
}

/// It gives one candidate at the most, and remembers the others: see where the editor is made.
impl Completer for Drawer {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _ctx: &Context<'_>) -> Result<(usize, Vec<Pair>)> {
        let one = |start: usize, word: String| Ok((start, vec![Pair { display: word.clone(), replacement: word }]));
        let mut seen = lock(&self.seen);
        let turn = std::mem::take(&mut seen.turn);
        if let Some(menu) = seen.menu.as_mut().filter(|menu| menu.is_at(line, pos)) {
            let start = menu.start;
            if turn == Turn::Leave {
                let word = menu.unchoose();
                seen.menu = None;
                return one(start, word);
            }
            if !menu.by_itself || menu.has_chosen() || turn == Turn::Back {
                return one(start, menu.step(turn == Turn::Back));
            }
        }
        let by_itself = seen.menu.take().filter(|menu| menu.is_at(line, pos));
        drop(seen);
        let (start, found) = self.candidates(line, pos);
        if let [only] = &found[..] {
            return one(start, only.word.clone());
        }
        if found.is_empty() {
            return Ok((pos, Vec::new()));
        }
        let typed = &line[start..pos];
        let common = menu::common(&found);
        if let Some(mut menu) = by_itself
            && common.len() <= typed.len()
        {
            let word = menu.step(false);
            lock(&self.seen).menu = Some(menu);
            return one(start, word);
        }
        let word = if common.len() > typed.len() { common } else { typed }.to_owned();
        let line = format!("{}{word}{}", &line[..start], &line[pos..]);
        lock(&self.seen).menu = Some(Menu::new(start, (&line, start + word.len()), found));
        one(start, word)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use rustyline::history::MemHistory;

    use super::*;
    use crate::registry::{Hint, Mark};

    struct Words;

    impl Assist for Words {
        fn complete(&self, line: &str, pos: usize) -> (usize, Vec<Candidate>) {
            let words = |words: &[&str]| words.iter().map(|word| Candidate::plain(*word)).collect();
            match line {
                "broken" => (pos + 1, words(&["never"])),
                "h" => (0, words(&["help"])),
                _ => (0, words(&["/send", "/set", "/show"])),
            }
        }

        fn path_from(&self, line: &str, _pos: usize) -> Option<usize> {
            line.starts_with("put ").then_some(4)
        }

        fn hint(&self, line: &str) -> Option<Hint> {
            (line == "/sen").then(|| Hint { text: "d FILE".to_owned(), completes: 1 })
        }

        fn marks(&self, line: &str) -> Vec<(Range<usize>, Mark)> {
            if line.starts_with('/') { vec![(0..line.len(), Mark::Unfinished)] } else { Vec::new() }
        }
    }

    fn drawer(colour: bool) -> Drawer {
        Drawer {
            screen: Arc::new(Terminal::with_colour(colour)),
            shared: Arc::default(),
            assist: Arc::new(Words),
            seen: Arc::new(Mutex::new(Seen::before(false))),
            places: Arc::default(),
            mode: GraphemeClusterMode::WcWidth,
        }
    }

    fn press_tab(drawer: &Drawer, line: &str) -> Option<String> {
        let history = MemHistory::new();
        let (start, pairs) = drawer.complete(line, line.len(), &Context::new(&history)).unwrap();
        assert!(pairs.len() <= 1, "rustyline would ask which");
        let line = pairs.first().map(|pair| format!("{}{}", &line[..start], pair.replacement))?;
        drawer.highlight_char(&line, line.len(), CmdKind::Other);
        Some(line)
    }

    fn typed(drawer: &Drawer, line: &str) -> String {
        drawer.highlight_char(line, line.len(), CmdKind::Other);
        drawer.highlight_prompt("> ", true).into_owned() + &drawer.highlight(line, line.len())
    }

    #[test]
    fn words_come_from_outside_and_paths_from_the_disk() {
        let folder = crate::trust::scratch::Scratch::new();
        std::fs::write(folder.path().join("my file.txt"), "").unwrap();
        assert_eq!(press_tab(&drawer(true), "h").as_deref(), Some("help "));
        let line = format!("put {}/my", folder.path().display());
        assert_eq!(press_tab(&drawer(true), &line), Some(format!("{line}\\ file.txt")));
    }

    #[test]
    fn an_offer_outside_the_line_is_none() {
        assert_eq!(press_tab(&drawer(true), "broken"), None);
    }

    #[test]
    fn tab_completes_what_is_common_and_then_walks() {
        let drawer = drawer(false);
        let mut line = "x".to_owned();
        let mut lines = Vec::new();
        for _ in 0..6 {
            line = press_tab(&drawer, &line).unwrap();
            lines.push(line.clone());
        }
        assert_eq!(lines, ["/s", "/send", "/set", "/show", "/s", "/send"]);
        lock(&drawer.seen).turn = Turn::Back;
        assert_eq!(press_tab(&drawer, "/send").as_deref(), Some("/s"));
        lock(&drawer.seen).turn = Turn::Leave;
        assert_eq!(press_tab(&drawer, "/s").as_deref(), Some("/s"));
    }

    #[test]
    fn a_slash_opens_the_list_and_a_space_closes_it() {
        let drawer = drawer(false);
        assert_eq!(typed(&drawer, "/"), "\r\x1b[J  /send\r\n  /set\r\n  /show\r\n> /");
        assert_eq!(typed(&drawer, "/x y"), "\x1b[3A\r\x1b[J> /x y");
        assert_eq!(typed(&drawer, "/"), "\r\x1b[J  /send\r\n  /set\r\n  /show\r\n> /");
        drawer.highlight_char("/", 1, CmdKind::ForcedRefresh);
        assert_eq!(drawer.highlight_prompt("> ", true), "\x1b[3A\r\x1b[J> ");
    }

    #[test]
    fn a_secret_gets_neither_colours_nor_hints_nor_menus() {
        let drawer = drawer(true);
        *lock(&drawer.seen) = Seen::before(true);
        assert_eq!(typed(&drawer, "/sen"), "\r\x1b[J> /sen");
        assert_eq!(press_tab(&drawer, "/se").as_deref(), Some("/se"));
        assert_eq!(typed(&drawer, "/se"), "\r\x1b[J> /se");
        assert_eq!(press_tab(&drawer, "/se").as_deref(), Some("/send"), "it walks unseen");
        assert!(lock(&drawer.seen).offered.is_none());
    }

    #[test]
    fn the_hint_is_there_only_behind_the_line_and_before_it_is_entered() {
        let drawer = drawer(true);
        lock(&drawer.seen).dismissed = true;
        assert_eq!(typed(&drawer, "/sen"), "\r\x1b[J> \x1b[33m/sen\x1b[0m\x1b[2md FILE\x1b[0m");
        assert_eq!(lock(&drawer.seen).offered.as_deref(), Some("d"));
        assert_eq!(drawer.highlight("/sen", 2), "\x1b[33m/sen\x1b[0m");
        assert_eq!(lock(&drawer.seen).offered, None);
        drawer.highlight_prompt("(reverse-i-search)`': ", false);
        assert_eq!(drawer.highlight("/sen", 4), "/sen");
        drawer.highlight_prompt("> ", true);
        drawer.highlight_char("/sen", 4, CmdKind::ForcedRefresh);
        assert_eq!(drawer.highlight("/sen", 4), "\x1b[33m/sen\x1b[0m");
    }

    #[test]
    fn case_76_pasted_controls_reach_the_line_and_not_the_terminal() {
        assert_eq!(drawer(true).highlight("a\x1b[2J\0\nb\tc", 0), "a[2J\nb\tc");
    }

    #[test]
    fn an_interrupted_line_is_known_by_its_last_change() {
        let (drawer, history) = (drawer(true), MemHistory::new());
        drawer.hint("half a li", 9, &Context::new(&history));
        assert_eq!(lock(&drawer.seen).line, "half a li");
    }
}
