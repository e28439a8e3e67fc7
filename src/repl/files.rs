//! Completion of paths, with what each of them is, in the way in which the path is being typed: with quotes, with
//! backslashes, or with spaces as they are; `~` stays.

use std::{
    fs::{self, DirEntry},
    path::Path,
};

use crate::{args, registry::Candidate, size::Size, words};

/// So many entries of a folder are looked at.
const ENTRIES: usize = 20_000;

/// Of so many it is looked up how large they are; a menu shows fewer at once.
const LOOKED_AT: usize = 200;

/// What may stand for the path from `start` to `pos` of `line`, and where that begins.
pub(super) fn complete(line: &str, start: usize, pos: usize) -> (usize, Vec<Candidate>) {
    let Some(typed) = line.get(start..pos) else { return (pos, Vec::new()) };
    let quote = typed.chars().next().filter(|c| matches!(c, '"' | '\''));
    // A name with spaces, typed as it is: its words are one.
    let whole = quote.is_none() && words::split_unfinished(typed).len() > 1;
    let typed = if whole { typed.replace(' ', "\\ ") } else { typed.to_owned() };
    let path = words::split_unfinished(&typed).pop().map(|word| word.text).unwrap_or_default();
    if path == "~" {
        return (start, vec![Candidate { word: typed + "/", about: "folder".to_owned() }]);
    }
    let (folder, beginning) =
        path.rsplit_once('/').map_or(("", path.as_str()), |(_, name)| (&path[..path.len() - name.len()], name));
    // No quote and no backslash is needed for a slash, so the folder is what was typed up to the last one.
    let before = &typed[..typed.rfind('/').map_or(quote.map_or(0, char::len_utf8), |at| at + 1)];
    let read = if folder.is_empty() { Path::new(".").to_owned() } else { args::path(folder) };
    // A folder that cannot be read just offers nothing.
    let Ok(entries) = fs::read_dir(read) else { return (start, Vec::new()) };
    let named =
        entries.take(ENTRIES).flatten().filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry)));
    let begins = |name: &str| name.starts_with(beginning) && (beginning.starts_with('.') || !name.starts_with('.'));
    let mut found: Vec<_> = named.filter(|(name, _)| begins(name) && !name.contains(char::is_control)).collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let found = found.into_iter().enumerate().filter_map(|(index, (name, entry))| {
        let is_dir = fs::metadata(entry.path()).is_ok_and(|found| index < LOOKED_AT && found.is_dir());
        let name = written(&name, quote)?;
        let end = match quote {
            _ if is_dir => "/".to_owned(),
            Some(quote) => quote.to_string(),
            None => String::new(),
        };
        let about = if index < LOOKED_AT { about(&entry) } else { String::new() };
        Some(Candidate { word: format!("{before}{name}{end}"), about })
    });
    (start, found.collect())
}

/// A name as it is typed after that quote or without one. Between `'` not every name can be.
fn written(name: &str, quote: Option<char>) -> Option<String> {
    let special = match quote {
        Some('\'') if name.contains('\'') => return None,
        Some('\'') => |_: char| false,
        Some(_) => |c: char| matches!(c, '"' | '\\'),
        None => |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\'),
    };
    let mut written = String::with_capacity(name.len());
    for c in name.chars() {
        if special(c) {
            written.push('\\');
        }
        written.push(c);
    }
    Some(written)
}

fn about(entry: &DirEntry) -> String {
    match fs::metadata(entry.path()) {
        Ok(found) if found.is_dir() => "folder".to_owned(),
        Ok(found) if found.is_file() => Size(found.len()).to_string(),
        Ok(_) => "neither file nor folder".to_owned(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::scratch::Scratch;

    fn offered(line: &str) -> Vec<(String, String)> {
        let (start, found) = complete(line, 4, line.len());
        assert_eq!(start, 4);
        found.into_iter().map(|one| (one.word, one.about)).collect()
    }

    #[test]
    fn paths_are_completed_in_the_way_they_are_typed() {
        let scratch = Scratch::new();
        let dir = scratch.path().to_str().expect("UTF-8");
        fs::create_dir(scratch.path().join("sub dir")).expect("writable");
        for name in ["my file.txt", "it's", "say \"hi\"", ".hidden", "sub dir/deep"] {
            fs::write(scratch.path().join(name), "12345").expect("writable");
        }
        let file = |word: String| vec![(word, "5 B".to_owned())];
        for typed in ["my", "my fi", "my\\ fi"] {
            assert_eq!(offered(&format!("put {dir}/{typed}")), file(format!("{dir}/my\\ file.txt")), "{typed}");
        }
        assert_eq!(offered(&format!("put \"{dir}/my")), file(format!("\"{dir}/my file.txt\"")));
        assert_eq!(offered(&format!("put '{dir}/my f")), file(format!("'{dir}/my file.txt'")));
        assert_eq!(offered(&format!("put {dir}/it")), file(format!("{dir}/it\\'s")));
        assert_eq!(offered(&format!("put '{dir}/it")), [], "it cannot be written so");
        assert_eq!(offered(&format!("put \"{dir}/say")), file(format!("\"{dir}/say \\\"hi\\\"\"")));
        let folder = |word: String| vec![(word, "folder".to_owned())];
        assert_eq!(offered(&format!("put \"{dir}/su")), folder(format!("\"{dir}/sub dir/")));
        assert_eq!(offered(&format!("put {dir}/sub dir/d")), file(format!("{dir}/sub\\ dir/deep")));
        assert_eq!(offered(&format!("put {dir}/")).len(), 4, "hidden ones are not offered");
        assert_eq!(offered(&format!("put {dir}/.h")), file(format!("{dir}/.hidden")));
        assert_eq!(offered("put ~"), folder("~/".to_owned()));
        assert_eq!(offered("put /there/is/no/such/x"), []);
    }
}
