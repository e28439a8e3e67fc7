//! Completion of paths, with what each of them is.

use std::fs;

use rustyline::completion::FilenameCompleter;

use crate::{args, registry::Candidate, size::Size, words};

/// Of so many it is looked up how large they are; a menu shows fewer at once.
const LOOKED_AT: usize = 200;

/// What may stand for the path from `start` to `pos` of `line`, and where that begins.
pub(super) fn complete(files: &FilenameCompleter, line: &str, start: usize, pos: usize) -> (usize, Vec<Candidate>) {
    let Some(typed) = line.get(start..pos) else { return (pos, Vec::new()) };
    let quote = typed.chars().next().filter(|c| matches!(c, '"' | '\''));
    // A name with spaces, typed as it is: its words are one.
    let whole = quote.is_none() && words::split_unfinished(typed).len() > 1;
    let escaped = if whole { typed.replace(' ', "\\ ") } else { typed.to_owned() };
    // An error here would end the line being typed; a folder that cannot be read just offers nothing.
    let Ok((at, pairs)) = files.complete_path(&escaped, escaped.len()) else { return (pos, Vec::new()) };
    let from = if whole { start } else { start + at };
    let found = pairs.into_iter().enumerate().map(|(index, pair)| {
        let mut word = pair.replacement;
        let path = match quote {
            // Between these everything stands for itself, and the quote is left open.
            Some(quote) => {
                let text = words::split_unfinished(&format!("{quote}{word}")).pop().map(|word| word.text);
                if !word.ends_with('/') {
                    word.push(quote);
                }
                text
            }
            None => words::split_unfinished(&word).pop().map(|word| word.text),
        };
        let about = path.filter(|_| index < LOOKED_AT).map_or_else(String::new, |path| about(&path));
        Candidate { word, about }
    });
    (from, found.collect())
}

fn about(path: &str) -> String {
    match fs::metadata(args::path(path)) {
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

    fn offered(line: &str) -> (usize, Vec<(String, String)>) {
        let (start, found) = complete(&FilenameCompleter::new(), line, 4, line.len());
        (start, found.into_iter().map(|one| (one.word, one.about)).collect())
    }

    #[test]
    fn paths_are_completed_in_the_way_they_are_typed() {
        let scratch = Scratch::new();
        let dir = scratch.path().to_str().expect("UTF-8");
        fs::create_dir(scratch.path().join("sub dir")).expect("writable");
        fs::write(scratch.path().join("my file.txt"), "12345").expect("writable");
        let file = |word: String| vec![(word, "5 B".to_owned())];
        assert_eq!(offered(&format!("put {dir}/my")), (4, file(format!("{dir}/my\\ file.txt"))));
        assert_eq!(offered(&format!("put {dir}/my fi")), (4, file(format!("{dir}/my\\ file.txt"))));
        assert_eq!(offered(&format!("put {dir}/my\\ fi")), (4, file(format!("{dir}/my\\ file.txt"))));
        assert_eq!(offered(&format!("put \"{dir}/my")), (5, file(format!("{dir}/my file.txt\""))));
        assert_eq!(offered(&format!("put '{dir}/my f")), (5, file(format!("{dir}/my file.txt'"))));
        let folder = vec![(format!("{dir}/sub dir/"), "folder".to_owned())];
        assert_eq!(offered(&format!("put \"{dir}/su")), (5, folder));
        assert_eq!(offered(&format!("put {dir}/none")).1, []);
        assert_eq!(offered("put /there/is/no/such/x").1, []);
    }
}
