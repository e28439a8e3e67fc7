//! Names the files of `commands/` for `commands/mod.rs`: a file dropped in there is a command.

use std::{env, fs, path::Path, process::ExitCode};

/// Words that cannot name a module.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=commands");
    match generate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            println!("cargo::error={problem}");
            ExitCode::FAILURE
        }
    }
}

/// Writes `commands.rs`: one macro that hands the sorted names to the macro it is given.
fn generate() -> Result<(), String> {
    let mut names = Vec::new();
    for file in fs::read_dir("commands").map_err(|error| format!("could not read commands/: {error}"))? {
        let path = file.map_err(|error| format!("could not read commands/: {error}"))?.path();
        if let Some(name) = command_name(&path)? {
            names.push(name);
        }
    }
    names.sort();
    let text = format!("macro_rules! each_command {{ ($apply:ident) => {{ $apply! {{ {} }} }} }}\n", names.join(", "));
    let folder = env::var("OUT_DIR").map_err(|error| format!("OUT_DIR: {error}"))?;
    fs::write(Path::new(&folder).join("commands.rs"), text).map_err(|error| format!("could not write: {error}"))
}

/// The command that a file of the folder holds; nothing for `mod.rs`, hidden files, folders and other kinds.
fn command_name(path: &Path) -> Result<Option<String>, String> {
    let shown = path.display();
    let Some(file) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(format!("{shown}: the file's name is not UTF-8"));
    };
    let Some(stem) = file.strip_suffix(".rs") else { return Ok(None) };
    if file.starts_with('.') || stem == "mod" || path.is_dir() {
        return Ok(None);
    }
    let plain = stem.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if !plain || !stem.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err(format!(
            "{shown}: a command's file is named as the command: a lower-case letter, then lower-case letters, \
             digits and _"
        ));
    }
    if KEYWORDS.contains(&stem) {
        return Err(format!("{shown}: `{stem}` is a word of the Rust language, so that no command can have that name"));
    }
    Ok(Some(stem.to_owned()))
}
