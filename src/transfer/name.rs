//! The one function for names of files and folders that somebody else chose.
//!
//! What could lead to another folder is refused. What is merely awkward, on any platform and in any shell, is cleaned, so
//! that a folder may be copied on to other systems. It knows no disk.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::view::filter::{default_ignorable, shown_as_code};

/// Longest name in bytes that the usual file systems take.
pub const MAX_LEN: usize = 255;

/// Longest extension that is kept when a name is shortened; what is longer is rather the end of a sentence.
const MAX_EXTENSION_LEN: usize = 16;

/// What stands in for a character that cannot stay.
const INSTEAD: char = '_';

/// Names that folders give meaning to on the systems where they are looked at.
const MEANT_FOR_FOLDERS: &[&str] = &["desktop.ini", "autorun.inf", "thumbs.db"];

/// Where something of this name is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Directly in the download folder, among the person's own: nothing hidden there.
    Top,
    /// Within a received folder, where a leading dot belongs to the content.
    Inside,
}

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing to call it by.
    #[error("it is empty")]
    Empty,
    /// It leads to another folder.
    #[error("it leads to another folder")]
    Path,
    /// It names a drive.
    #[error("it names a drive")]
    Drive,
    /// It holds a NUL.
    #[error("it holds a NUL character")]
    Nul,
    /// Too many names beside it are the same once cleaned.
    #[error("too many names beside it are the same")]
    Alike,
}

/// A name that is a single component on every platform, visible as it is, and no longer than [`MAX_LEN`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafeName {
    name: String,
    changed: bool,
}

/// The name under which something that a peer calls `name` may be kept.
///
/// # Errors
///
/// The name says more than what something is called. It is not cleaned then: whoever sends it means harm, or meant
/// something that we cannot keep.
pub fn received(name: &str, place: Place) -> Result<SafeName, NameError> {
    refuse(name)?;
    if plain(name) {
        return Ok(SafeName { name: name.to_owned(), changed: false });
    }
    let normal = normal_form(name);
    let cleaned = clean(&normal, place);
    // A person sees no difference between normal forms.
    let changed = cleaned != *normal;
    Ok(SafeName { name: cleaned, changed })
}

impl SafeName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Whether it looks different from what the peer said, so that the original is worth showing.
    pub fn changed(&self) -> bool {
        self.changed
    }

    /// The name with a number before its extension, no longer than [`MAX_LEN`].
    #[must_use]
    pub fn numbered(&self, number: u32) -> Self {
        let (stem, extension) = split(&self.name);
        let end = format!(" ({number}){extension}");
        // Spaces before the number would look like another name.
        let stem = cut(stem, MAX_LEN - end.len()).trim_end();
        Self { name: format!("{stem}{end}"), changed: true }
    }

    /// What two names share that some file system takes for one name.
    pub fn folded(&self) -> Cow<'_, str> {
        if self.name.is_ascii() {
            return match self.name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                true => Cow::Owned(self.name.to_ascii_lowercase()),
                false => Cow::Borrowed(&self.name),
            };
        }
        // Capitals first: some small letters share one.
        let folded = self.name.nfd().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
        Cow::Owned(folded.nfc().collect())
    }
}

fn refuse(name: &str) -> Result<(), NameError> {
    let bytes = name.as_bytes();
    if matches!(name, "." | "..") || bytes.iter().any(|byte| matches!(byte, b'/' | b'\\')) {
        return Err(NameError::Path);
    }
    match bytes {
        [] => Err(NameError::Empty),
        [letter, b':', ..] if letter.is_ascii_alphabetic() => Err(NameError::Drive),
        _ if bytes.contains(&0) => Err(NameError::Nul),
        _ => Ok(()),
    }
}

/// Whether the name needs no closer look: most names do not, and a folder has many.
fn plain(name: &str) -> bool {
    let bytes = name.as_bytes();
    let quiet = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'(' | b')' | b'+');
    bytes.len() <= MAX_LEN
        && bytes.iter().all(quiet)
        && bytes.first().is_some_and(|first| !matches!(first, b'.' | b'-'))
        && bytes.last() != Some(&b'.')
        && !means_device(name)
        && !means_folder(name)
}

fn normal_form(name: &str) -> Cow<'_, str> {
    match is_nfc_quick(name.chars()) {
        IsNormalized::Yes => Cow::Borrowed(name),
        _ => Cow::Owned(name.nfc().collect()),
    }
}

fn clean(normal: &str, place: Place) -> String {
    let seen: String = normal.chars().filter(|c| !default_ignorable(*c)).map(visible).collect();
    // What stood apart may combine now.
    let seen = normal_form(&seen);
    let trimmed = trim_end(seen.trim_start());
    let mut name = String::with_capacity(trimmed.len() + 1);
    match trimmed.chars().next() {
        // Options, home folders, and at the top what is hidden and read by other programs.
        Some('-' | '~') => name.push(INSTEAD),
        Some('.') if place == Place::Top => name.push(INSTEAD),
        Some(first) => name.push(first),
        None => name.push(INSTEAD),
    }
    let mut rest = trimmed.chars();
    rest.next();
    name.push_str(rest.as_str());
    if means_device(&name) || place == Place::Top && means_folder(&name) {
        name.insert(0, INSTEAD);
    }
    if name.len() <= MAX_LEN { name } else { shorten(&name) }
}

/// The character, or what stands in for it where it would not be seen or has a meaning of its own.
fn visible(c: char) -> char {
    match c {
        '<' | '>' | ':' | '"' | '|' | '?' | '*' => INSTEAD,
        c if shown_as_code(c) => INSTEAD,
        c => c,
    }
}

/// Without what Windows drops from the end.
fn trim_end(name: &str) -> &str {
    name.trim_end_matches(|c: char| c == '.' || c.is_whitespace())
}

fn shorten(name: &str) -> String {
    let (stem, extension) = split(name);
    if extension.is_empty() {
        return trim_end(cut(name, MAX_LEN)).to_owned();
    }
    format!("{}{extension}", cut(stem, MAX_LEN - extension.len()))
}

/// As much of the text as `len` bytes hold.
fn cut(text: &str, len: usize) -> &str {
    &text[..text.floor_char_boundary(len)]
}

/// A name before its extension, and the extension with its dot.
fn split(name: &str) -> (&str, &str) {
    let end = extension_at(name, name.len());
    let at = match &name[end..] {
        "" => end,
        // `.tar.gz` is one.
        _ => match extension_at(name, end) {
            inner if name[inner..end].eq_ignore_ascii_case(".tar") => inner,
            _ => end,
        },
    };
    name.split_at(at)
}

/// Where the last extension of what is before `end` begins; `end` if there is none.
fn extension_at(name: &str, end: usize) -> usize {
    match name[..end].rfind('.') {
        Some(at) if at > 0 && fits(&name[at + 1..end]) => at,
        _ => end,
    }
}

fn fits(extension: &str) -> bool {
    (1..=MAX_EXTENSION_LEN).contains(&extension.len()) && extension.chars().all(char::is_alphanumeric)
}

/// Whether Windows opens a device under this name, whatever its extension.
fn means_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    // The longest one is CONOUT$; a superscript digit has two bytes.
    if !(3..=7).contains(&stem.len()) {
        return false;
    }
    let is = |device: &str| stem.eq_ignore_ascii_case(device);
    let numbered = |port: &str| {
        stem.get(..3).is_some_and(|first| first.eq_ignore_ascii_case(port))
            && matches!(&stem.as_bytes()[3..], [b'1'..=b'9'])
            || stem.strip_suffix(['¹', '²', '³']).is_some_and(|first| first.eq_ignore_ascii_case(port))
    };
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].into_iter().any(is) || ["COM", "LPT"].into_iter().any(numbered)
}

fn means_folder(name: &str) -> bool {
    MEANT_FOR_FOLDERS.iter().any(|meant| name.eq_ignore_ascii_case(meant))
}

#[cfg(test)]
mod tests;
