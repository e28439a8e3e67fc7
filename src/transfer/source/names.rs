//! Names that can travel: UTF-8, without characters that act on a terminal or separate components somewhere.

use std::{collections::BTreeMap, ffi::OsString, os::unix::ffi::OsStringExt};

use crate::transfer::manifest::MAX_NAME;

/// A name of a folder's entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// As what it travels.
    pub(super) travels: String,
    /// What it really is, if that is something else.
    pub(super) real: Option<OsString>,
}

/// The name with `_` for each control character, backslash, and piece that is not UTF-8.
pub(super) fn travelling(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        out.extend(chunk.valid().chars().map(|c| if c.is_control() || c == '\\' { '_' } else { c }));
        if !chunk.invalid().is_empty() {
            out.push('_');
        }
    }
    out
}

/// From this many bytes on, names that were taken give their memory back while others are left.
const LARGE: usize = 1024 * 1024;

/// The names of one folder in the order in which they travel, each once: of those that become equal, all but one get
/// a number. The same names always give the same.
///
/// They stand in one piece of memory, which shrinks as they are taken: a folder can hold as many as an offer, whose
/// manifest grows meanwhile.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Each after its length, in no order.
    bytes: Vec<u8>,
    /// Where those begin that are left, the last one first.
    starts: Vec<u32>,
    /// How many were left when the memory last shrank.
    before: usize,
    /// What those really are that travel as something else.
    real: BTreeMap<String, OsString>,
}

/// Names on their way to an order.
#[derive(Debug, Default)]
pub(super) struct Found {
    names: Names,
    changed: Vec<(Vec<u8>, String)>,
}

impl Found {
    /// A name as the system tells it, at most [`MAX_NAME`] bytes.
    pub(super) fn push(&mut self, real: &[u8]) {
        let travels = travelling(real);
        if travels.as_bytes() == real {
            self.names.push(real);
        } else {
            self.changed.push((real.to_owned(), travels));
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.names.starts.len() + self.changed.len()
    }

    /// All of them in order.
    pub(super) fn finish(self) -> Names {
        let Self { mut names, mut changed } = self;
        names.sort();
        // Where to go on counting, so that a folder full of such names takes no longer than it must.
        let mut next: BTreeMap<String, u32> = BTreeMap::new();
        changed.sort();
        for (real, wanted) in changed {
            let mut travels = wanted.clone();
            while names.contains(travels.as_bytes()) || names.real.contains_key(&travels) {
                let number = next.entry(wanted.clone()).or_insert(1);
                *number += 1;
                travels = numbered(&wanted, *number);
            }
            names.real.insert(travels, OsString::from_vec(real));
        }
        if !names.real.is_empty() {
            let added: Vec<String> = names.real.keys().cloned().collect();
            added.iter().for_each(|name| names.push(name.as_bytes()));
            names.sort();
        }
        names.before = names.starts.len();
        names
    }
}

impl Names {
    fn push(&mut self, name: &[u8]) {
        self.starts.push(self.bytes.len() as u32);
        self.bytes.push(name.len() as u8);
        self.bytes.extend_from_slice(name);
    }

    fn sort(&mut self) {
        let Self { bytes, starts, .. } = self;
        starts.sort_unstable_by(|one, other| at(bytes, *other).cmp(at(bytes, *one)));
    }

    /// Whether it is there, once they are sorted.
    fn contains(&self, name: &[u8]) -> bool {
        self.starts.binary_search_by(|start| name.cmp(at(&self.bytes, *start))).is_ok()
    }

    /// Gives back the memory of the names that were taken.
    fn shrink(&mut self) {
        let mut kept: Vec<(u32, u32)> = (0..).zip(&self.starts).map(|(place, start)| (*start, place)).collect();
        kept.sort_unstable();
        let mut end = 0;
        for (start, place) in kept {
            let start = start as usize;
            let len = 1 + at(&self.bytes, start as u32).len();
            self.bytes.copy_within(start..start + len, end);
            self.starts[place as usize] = end as u32;
            end += len;
        }
        self.bytes.truncate(end);
        self.bytes.shrink_to_fit();
        self.starts.shrink_to_fit();
        self.before = self.starts.len();
    }
}

impl Iterator for Names {
    type Item = Name;

    fn next(&mut self) -> Option<Name> {
        if self.bytes.len() >= LARGE && self.starts.len() < self.before / 4 * 3 {
            self.shrink();
        }
        let start = self.starts.pop()?;
        // It was UTF-8 when it came.
        let travels = String::from_utf8_lossy(at(&self.bytes, start)).into_owned();
        let real = self.real.remove(&travels);
        Some(Name { travels, real })
    }
}

/// The name that begins there.
fn at(bytes: &[u8], start: u32) -> &[u8] {
    let start = start as usize;
    &bytes[start + 1..start + 1 + usize::from(bytes[start])]
}

/// `photo (2).jpg`, not longer than a name may be.
fn numbered(name: &str, number: u32) -> String {
    let (stem, ending) = match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= 16 => name.split_at(at),
        _ => (name, ""),
    };
    let number = format!(" ({number})");
    let stem = &stem[..stem.floor_char_boundary(MAX_NAME - number.len() - ending.len())];
    format!("{stem}{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_folder(names: &[&[u8]]) -> Names {
        let mut found = Found::default();
        names.iter().for_each(|name| found.push(name));
        found.finish()
    }

    fn named(found: &[&[u8]]) -> Vec<String> {
        of_folder(found).map(|name| name.travels).collect()
    }

    #[test]
    fn names_come_in_order_and_give_their_memory_back() {
        let all: Vec<String> = (0..50_000).map(|i| format!("{:0>40}", i * 7919 % 50_000)).collect();
        let mut found = Found::default();
        all.iter().for_each(|name| found.push(name.as_bytes()));
        found.push(b"a\n");
        let mut names = found.finish();
        let whole = names.bytes.len();
        for i in 0..50_000 {
            assert_eq!(names.next(), Some(Name { travels: format!("{i:0>40}"), real: None }));
        }
        assert!(names.bytes.capacity() < whole * 3 / 4);
        assert_eq!(names.next(), Some(Name { travels: "a_".to_owned(), real: Some("a\n".into()) }));
        assert_eq!(names.next(), None);
    }

    #[test]
    fn case_87_names_that_cannot_travel_get_another_one_that_is_free() {
        assert_eq!(
            named(&[b"b", b"a\nb.txt", b"a\\b.txt", b"a_b.txt"]),
            ["a_b (2).txt", "a_b (3).txt", "a_b.txt", "b"]
        );
        assert_eq!(named(&[b"\xff\xfe", b"a\xe2\x82", "\u{fffd}\u{85}".as_bytes()]), ["__", "a_", "\u{fffd}_"]);
        assert_eq!(named(&[b"_", b"\xff", b"\\", b"_ (2)"]), ["_", "_ (2)", "_ (3)", "_ (4)"]);
    }

    #[test]
    fn a_number_does_not_make_a_name_too_long() {
        let long = "é".repeat(127);
        let names = named(&[format!("{long}\n").as_bytes(), format!("{long}\\").as_bytes()]);
        assert!(names.iter().all(|name| name.len() <= MAX_NAME), "{names:?}");
        assert_eq!(names.len(), 2);
        assert_eq!(numbered(".bashrc", 2), ".bashrc (2)");
    }
}
