//! What members say to each other about files, through the room.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    manifest::{Entry, Manifest},
    source::{Kind, Source},
};
use crate::{
    size::{Size, counted},
    view::filter::clean,
    wire::{decode, encode_body},
};

/// Longest name of an offer, in bytes: what file systems take.
const MAX_NAME_LEN: usize = 255;

/// How many names of what is in a folder an offer tells.
const MAX_CONTENTS: usize = 16;

/// How long those names are together at most, in bytes: an offer fits what a room keeps (4 KiB).
const MAX_CONTENTS_LEN: usize = 2048;

/// Longest reason in a report, in bytes.
const MAX_REASON_LEN: usize = 512;

/// A message about files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Something can be fetched. The room keeps it; `tag` is the mark it is kept under.
    Offer {
        /// The owner's mark.
        tag: u32,
        /// What.
        offer: Offer,
    },
    /// How a receiver fares, to the owner alone.
    Report {
        /// The owner's mark.
        tag: u32,
        /// How.
        report: Report,
    },
    /// What the owner had paused goes on, to a receiver alone.
    Resumed {
        /// The owner's mark.
        tag: u32,
    },
}

/// Something that can be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The name of the file or folder, as its owner says it.
    pub name: String,
    /// Bytes in all.
    pub bytes: u64,
    /// What a folder holds; nothing for a file.
    pub folder: Option<Contents>,
}

/// What an offered folder holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// How many files.
    pub files: u32,
    /// How many folders within it.
    pub folders: u32,
    /// The first names in it, folders with a slash.
    pub names: Vec<String>,
}

/// How a receiver fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// It is saved, whole and checked.
    Saved,
    /// The very same was there already.
    Present,
    /// It is not wanted.
    Declined,
    /// It waits, with what came so far; one line says why, empty if its user wants so.
    Paused(String),
    /// It is not wanted any more.
    Cancelled,
    /// It failed; one line says why.
    Failed(String),
}

impl Message {
    /// The payload that says it.
    pub fn encode(&self) -> Bytes {
        encode_body(self).freeze()
    }

    /// What a payload says; nothing if it is none, or breaks a limit.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let message: Self = decode(payload).ok()?;
        let sound = match &message {
            Self::Offer { offer, .. } => offer.is_sound(),
            Self::Report { report: Report::Paused(reason) | Report::Failed(reason), .. } => {
                reason.len() <= MAX_REASON_LEN
            }
            _ => true,
        };
        sound.then_some(message)
    }

    /// A report whose reason fits.
    pub fn report(tag: u32, mut report: Report) -> Self {
        if let Report::Paused(reason) | Report::Failed(reason) = &mut report {
            reason.truncate(reason.floor_char_boundary(MAX_REASON_LEN));
        }
        Self::Report { tag, report }
    }
}

impl Offer {
    /// What others are told of a source.
    pub fn of(source: &Source) -> Self {
        let manifest = source.manifest();
        let folder = (source.kind() == Kind::Folder).then(|| Contents::of(manifest));
        Self { name: source.name().to_owned(), bytes: manifest.total(), folder }
    }

    fn is_sound(&self) -> bool {
        let contents = self.folder.iter().flat_map(|folder| &folder.names);
        !self.name.is_empty()
            && self.name.len() <= MAX_NAME_LEN
            && self.bytes < 1 << 63
            && contents.clone().count() <= MAX_CONTENTS
            && contents.map(String::len).sum::<usize>() <= MAX_CONTENTS_LEN
    }

    /// What it is, for people: name, size, and what a folder holds. Safe to show.
    pub fn describe(&self) -> String {
        let name = self.shown();
        match &self.folder {
            None => format!("{name} ({})", Size(self.bytes)),
            Some(folder) => {
                format!("{name} ({}, {})", counted(folder.files.into(), "file"), Size(self.bytes))
            }
        }
    }

    /// The first names in a folder, for people. Safe to show.
    pub fn contents(&self) -> Option<String> {
        let folder = self.folder.as_ref().filter(|folder| !folder.names.is_empty())?;
        let names: Vec<String> = folder.names.iter().map(|name| clean(name).into_owned()).collect();
        Some(names.join(", "))
    }

    /// The name, for people: in quotes if something in it had to be made visible, folders with a slash. Safe to show.
    pub fn shown(&self) -> String {
        let slash = if self.folder.is_some() { "/" } else { "" };
        let cleaned = clean(&self.name);
        if *cleaned == *self.name { format!("{cleaned}{slash}") } else { format!("\"{cleaned}{slash}\"") }
    }
}

impl Contents {
    /// What an offer tells of a folder.
    pub fn of(manifest: &Manifest) -> Self {
        let mut contents = Self { files: manifest.files(), folders: manifest.folders(), names: Vec::new() };
        top_level(manifest).for_each(|name| contents.name(name));
        contents
    }

    /// Whether a folder holds what an offer has told: as many files and folders, and the names, which are the ones that
    /// a person has seen before they said yes.
    pub fn are_of(&self, manifest: &Manifest) -> bool {
        let mut found = top_level(manifest);
        let there = self.names.iter().all(|name| found.any(|other| other == *name));
        there && manifest.files() == self.files && manifest.folders() == self.folders
    }

    /// Adds a name, if there is room for it.
    pub fn name(&mut self, name: String) {
        let len: usize = self.names.iter().map(String::len).sum();
        if self.names.len() < MAX_CONTENTS && len + name.len() <= MAX_CONTENTS_LEN {
            self.names.push(name);
        }
    }
}

/// The names in a folder, but not in those within it; folders with a slash.
fn top_level(manifest: &Manifest) -> impl Iterator<Item = String> {
    let mut depth = 0_usize;
    manifest.entries().filter_map(move |entry| {
        let top = depth == 0;
        let name = match entry {
            Entry::Folder { name } => {
                depth += 1;
                format!("{name}/")
            }
            Entry::File(file) => file.name.to_owned(),
            Entry::Up => {
                depth = depth.saturating_sub(1);
                return None;
            }
        };
        top.then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::MAX_KEPT_LEN;

    fn folder() -> Offer {
        let mut contents = Contents { files: 1_204, folders: 3, names: Vec::new() };
        (0..100).for_each(|i| contents.name(format!("{i:0>250}/")));
        Offer { name: "n".repeat(MAX_NAME_LEN), bytes: (1 << 63) - 1, folder: Some(contents) }
    }

    #[test]
    fn the_largest_offer_is_one_that_a_room_keeps() {
        let message = Message::Offer { tag: u32::MAX, offer: folder() };
        let payload = message.encode();
        assert!(payload.len() <= MAX_KEPT_LEN, "{}", payload.len());
        assert_eq!(Message::decode(&payload), Some(message));
    }

    #[test]
    fn case_91_an_offer_beyond_the_limits_is_none() {
        let offer = |change: fn(&mut Offer)| {
            let mut offer = folder();
            change(&mut offer);
            Message::decode(&Message::Offer { tag: 1, offer }.encode())
        };
        assert!(offer(|_| ()).is_some());
        assert!(offer(|offer| offer.bytes = 1 << 63).is_none());
        assert!(offer(|offer| offer.name.clear()).is_none());
        assert!(offer(|offer| offer.name.push('x')).is_none());
        assert!(offer(|offer| offer.folder.as_mut().unwrap().names = vec![String::new(); 17]).is_none());
        assert!(offer(|offer| offer.folder.as_mut().unwrap().names[0] = "x".repeat(2_049)).is_none());
        assert!(Message::decode(b"\xff").is_none());
    }

    #[test]
    fn a_name_that_hides_something_is_shown_in_quotes() {
        let mut offer = Offer { name: "photo.jpg".into(), bytes: 2_202_009, folder: None };
        assert_eq!(offer.describe(), "photo.jpg (2.1 MiB)");
        offer.name = "\u{202e}gpj.exe".into();
        assert_eq!(offer.describe(), "\"<U+202E>gpj.exe\" (2.1 MiB)");
        let contents = Contents { files: 1, folders: 0, names: vec!["a".into(), "b\n/".into()] };
        offer = Offer { name: "src".into(), bytes: 0, folder: Some(contents) };
        assert_eq!(offer.describe(), "src/ (1 file, 0 B)");
        assert_eq!(offer.contents().as_deref(), Some("a, b<U+000A>/"));
    }

    #[test]
    fn a_reason_that_is_too_long_is_cut_by_its_sender() {
        let report = Message::report(1, Report::Failed("ß".repeat(1_000)));
        assert_eq!(Message::decode(&report.encode()), Some(report));
        let forged = Message::Report { tag: 1, report: Report::Failed("x".repeat(MAX_REASON_LEN + 1)) };
        assert_eq!(Message::decode(&forged.encode()), None);
    }
}
