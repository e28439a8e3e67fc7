//! Names that can travel: UTF-8, without characters that act on a terminal or separate components somewhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    os::unix::ffi::OsStringExt,
};

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

/// The names of one folder in the order in which they travel, each once: of those that become equal, all but one get
/// a number. The same names always give the same.
pub(super) fn of_folder(found: Vec<Vec<u8>>) -> Vec<Name> {
    let (mut names, mut changed) = (Vec::with_capacity(found.len()), Vec::new());
    for real in found {
        let travels = travelling(&real);
        if travels.as_bytes() == real {
            names.push(Name { travels, real: None });
        } else {
            changed.push((real, travels));
        }
    }
    if !changed.is_empty() {
        changed.sort();
        let mut taken: BTreeSet<String> = names.iter().map(|name| name.travels.clone()).collect();
        // Where to go on counting, so that a folder full of such names takes no longer than it must.
        let mut next: BTreeMap<String, u32> = BTreeMap::new();
        for (real, wanted) in changed {
            let mut travels = wanted.clone();
            while !taken.insert(travels.clone()) {
                let number = next.entry(wanted.clone()).or_insert(1);
                *number += 1;
                travels = numbered(&wanted, *number);
            }
            names.push(Name { travels, real: Some(OsString::from_vec(real)) });
        }
    }
    names.sort_unstable_by(|one, other| one.travels.cmp(&other.travels));
    names
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

    fn named(found: &[&[u8]]) -> Vec<String> {
        let names = of_folder(found.iter().map(|name| name.to_vec()).collect());
        names.into_iter().map(|name| name.travels).collect()
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
