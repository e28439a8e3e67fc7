//! The one display filter: text of peer origin passes it before it reaches a terminal, a pipe or a log.
//! It decides what may be seen; it knows nothing of width, colour or where a row begins (see [`super::wrap`]).

use std::borrow::Cow;

use crate::limits::screen::JOINERS;
pub use crate::limits::screen::MARKS;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeEmoji, UnicodeGeneralCategory};
use unicode_security::MixedScript;
use unicode_width::UnicodeWidthChar;

/// Tabulators become spaces up to the next multiple of this.
const TAB: usize = 8;

const ZWJ: char = '\u{200D}';
const VS16: char = '\u{FE0F}';
pub(super) const FIRST_STRONG_ISOLATE: char = '\u{2068}';
pub(super) const POP_ISOLATE: char = '\u{2069}';

/// One field (a name, a reason, a file name) made fit to be shown: everything invisible or harmful becomes visible
/// text such as `<U+202E>`, line ends too.
pub fn clean(text: &str) -> Cow<'_, str> {
    if harmless(text) {
        return Cow::Borrowed(text);
    }
    let normal = match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        _ => Cow::Owned(text.nfc().collect::<String>()),
    };
    Cow::Owned(Cleaner::default().run(&normal))
}

/// The name of a member beside which signs of ours stand. Rooms take only letters of one script, digits, `_`, `-` and
/// `.` into a name. Of any other name, which only a room that lies can give, nothing but these ASCII characters is shown
/// as itself: so that it cannot end in what looks like a sign of ours.
pub fn name(name: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let possible = |c: char| plain(c) || (!shown_as_code(c) && (c.is_alphanumeric() || attaches(c)));
    if name.chars().all(possible) && (name.is_ascii() || name.is_single_script()) {
        return clean(name);
    }
    let mut cleaner = Cleaner::default();
    name.chars().for_each(|c| if plain(c) { cleaner.base(c) } else { cleaner.code(c) });
    Cow::Owned(cleaner.out)
}

/// Text that may have several rows, each made fit to be shown. Only LF, CRLF, NEL, LS and PS end a row; a line end at
/// the very end adds none.
pub fn rows(text: &str) -> Vec<Cow<'_, str>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\n', '\u{85}', '\u{2028}', '\u{2029}']) {
        let end = rest[at..].chars().next().map_or(1, char::len_utf8);
        let row = &rest[..at];
        let row = if rest.as_bytes()[at] == b'\n' { row.strip_suffix('\r').unwrap_or(row) } else { row };
        found.push(clean(row));
        rest = &rest[at + end..];
    }
    if !rest.is_empty() || found.is_empty() {
        found.push(clean(rest));
    }
    found
}

/// A cleaned field or row with isolates of ours around it when it may run from right to left, so that it cannot
/// reorder the digits and punctuation beside it.
pub fn isolate(cleaned: &str) -> Cow<'_, str> {
    if !may_turn(cleaned) {
        return Cow::Borrowed(cleaned);
    }
    Cow::Owned(format!("{FIRST_STRONG_ISOLATE}{cleaned}{POP_ISOLATE}"))
}

/// Whether something in it may run from right to left.
pub(super) fn may_turn(cleaned: &str) -> bool {
    !cleaned.is_ascii() && cleaned.chars().any(right_to_left)
}

/// Cleaned text for a terminal that does not read UTF-8: what is not ASCII as codes, for its bytes could steer a terminal
/// that takes each of them for a character.
pub fn ascii(cleaned: &str) -> Cow<'_, str> {
    if cleaned.is_ascii() {
        return Cow::Borrowed(cleaned);
    }
    let mut cleaner = Cleaner::default();
    cleaned.chars().for_each(|c| if c.is_ascii() { cleaner.out.push(c) } else { cleaner.code(c) });
    Cow::Owned(cleaner.out)
}

fn harmless(text: &str) -> bool {
    text.bytes().all(|b| (b' '..=b'~').contains(&b))
}

/// What the characters before this one allow it to be.
#[derive(Default)]
struct Cleaner {
    out: String,
    column: usize,
    /// Whether a mark would sit on a character of the text, not on ours or on what stands before the text.
    base: bool,
    marks: usize,
    emoji: bool,
    joiners: usize,
}

impl Cleaner {
    fn run(mut self, text: &str) -> String {
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            self.take(c, chars.peek().copied());
        }
        self.out
    }

    fn take(&mut self, c: char, next: Option<char>) {
        match c {
            '\t' => {
                let spaces = TAB - self.column % TAB;
                self.out.extend(std::iter::repeat_n(' ', spaces));
                self.column += spaces;
                self.begin(false);
            }
            VS16 if self.may_present(next) => self.out.push(c),
            ZWJ if self.may_join(next) => {
                self.joiners += 1;
                self.out.push(c);
            }
            c if shown_as_code(c) => self.code(c),
            c if attaches(c) => self.mark(c),
            c => self.base(c),
        }
    }

    fn base(&mut self, c: char) {
        let joined = self.out.ends_with(ZWJ);
        let joiners = self.joiners;
        self.begin(true);
        if joined {
            self.joiners = joiners;
        }
        self.emoji = c.is_emoji_char();
        self.out.push(c);
        self.column += c.width().unwrap_or(0);
    }

    fn mark(&mut self, c: char) {
        if !self.base {
            self.code(c);
        } else if self.marks < MARKS {
            self.marks += 1;
            self.out.push(c);
        }
    }

    fn code(&mut self, c: char) {
        let before = self.out.len();
        self.out.push_str(&format!("<U+{:04X}>", u32::from(c)));
        self.column += self.out.len() - before;
        self.begin(false);
    }

    fn begin(&mut self, base: bool) {
        self.base = base;
        self.marks = 0;
        self.emoji = false;
        self.joiners = 0;
    }

    /// VS16 asks for the coloured form of the emoji before it; of digits only keycaps have one.
    fn may_present(&self, next: Option<char>) -> bool {
        let Some(last) = self.out.chars().next_back() else { return false };
        self.emoji && last.is_emoji_char() && (!last.is_ascii() || next == Some('\u{20E3}'))
    }

    fn may_join(&self, next: Option<char>) -> bool {
        self.emoji
            && self.joiners < JOINERS
            && self.out.chars().next_back().is_some_and(|last| last == VS16 || pictured(last))
            && next.is_some_and(pictured)
    }
}

fn pictured(c: char) -> bool {
    !c.is_ascii() && c.is_emoji_char()
}

/// Marks, and whatever else terminals draw into the cell before (conjoining jamo).
pub(super) fn attaches(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Mark || c.width() == Some(0)
}

/// Whether the character is never shown as itself: controls, whatever cannot be seen, whatever turns the direction of
/// text, and what has no meaning that Unicode knows.
pub(crate) fn shown_as_code(c: char) -> bool {
    use GeneralCategory as G;
    matches!(
        c.general_category(),
        G::Control
            | G::Format
            | G::PrivateUse
            | G::Surrogate
            | G::Unassigned
            | G::LineSeparator
            | G::ParagraphSeparator
    ) || default_ignorable(c)
}

/// Whether the character leaves no trace where it is not understood: `Default_Ignorable_Code_Point` of Unicode's
/// DerivedCoreProperties.txt.
pub(crate) fn default_ignorable(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether the bidirectional algorithm may lay the character out from right to left: the blocks that Unicode reserves
/// for such scripts. Some characters in them run the other way; isolating those does no harm.
fn right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFF}'
        | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
}

#[cfg(test)]
mod tests;
