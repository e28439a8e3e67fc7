//! The table of promises in `docs/reliability.md` against the tests that it names.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One test of the table.
struct Row {
    /// What it proves a part of, if it is the first row of a promise.
    promise: String,
    test: String,
    file: String,
    size: String,
    when: String,
}

fn rows() -> Vec<Row> {
    let text = read("docs/reliability.md");
    let (_, table) = text.split_once("| promise | test | size | run |").expect("it has its head");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<_> = row.strip_prefix('|').expect("a row").split('|').map(str::trim).collect();
        let [promise, test, size, when, ""] = cells[..] else { panic!("four cells: {row}") };
        let (test, file) = test.split_once(" in ").unwrap_or_else(|| panic!("a test and its file: {row}"));
        let code = |word: &str| word.trim_matches('`').to_owned();
        let [promise, size, when] = [promise, size, when].map(str::to_owned);
        Row { promise, test: code(test), file: code(file), size, when }
    })
    .collect()
}

/// Whether the file has this test, and then whether it runs only when asked for.
fn is_ignored(file: &str, test: &str) -> Option<bool> {
    let text = read(file);
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let declares = |line: &&str| {
        let rest = line.trim_start_matches("async ").strip_prefix("fn ");
        rest.is_some_and(|rest| rest.strip_prefix(test).is_some_and(|rest| rest.starts_with('(')))
    };
    let at = lines.iter().position(declares)?;
    assert!(lines[at + 1..].iter().all(|line| !declares(line)), "{file} has two of {test}");
    let above = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
    let attributes: Vec<_> = above.filter(|line| line.starts_with("#[")).collect();
    let is_test = attributes.iter().any(|line| **line == "#[test]" || line.starts_with("#[tokio::test"));
    is_test.then(|| attributes.iter().any(|line| line.starts_with("#[ignore")))
}

#[test]
fn every_test_in_the_table_of_promises_exists_and_runs_when_it_says() {
    let rows = rows();
    assert!(rows.len() > 20, "{}", rows.len());
    let mut seen = BTreeSet::new();
    for Row { test, file, size, when, .. } in &rows {
        let ignored = is_ignored(file, test).unwrap_or_else(|| panic!("{file} has no test {test}"));
        let told = match when.as_str() {
            "always" => false,
            "on demand" => true,
            other => panic!("{test}: {other}"),
        };
        assert_eq!(ignored, told, "{test} is run {when}");
        assert!(size.contains(|c: char| c.is_ascii_digit()), "{test}: {size:?} is no size");
        assert!(seen.insert((file, test)), "{test} stands there twice");
    }
}

#[test]
fn every_promise_has_a_name_and_a_test_that_always_runs() {
    let rows = rows();
    let mut names = BTreeSet::new();
    let mut rest = &rows[..];
    while let Some((first, more)) = rest.split_first() {
        let (name, words) = first.promise.strip_prefix("**").and_then(|text| text.split_once("**")).expect("a name");
        assert!(names.insert(name) && words.len() > 20, "{name}: {words:?}");
        let own = 1 + more.iter().take_while(|row| row.promise.is_empty()).count();
        assert!(rest[..own].iter().any(|row| row.when == "always"), "nothing of it is tried in every run: {name}");
        rest = &rest[own..];
    }
}

/// What this program itself says of the tests that are in it: that a file is there does not say that it is compiled.
#[test]
fn the_tests_of_whole_programs_in_the_table_are_in_this_program() {
    let list = |more: &[&str]| {
        let mut program = Command::new(std::env::current_exe().expect("it runs"));
        let listed = program.args(["--list", "--format", "terse"]).args(more).output().expect("it lists its tests");
        String::from_utf8(listed.stdout).expect("names are text")
    };
    let (all, ignored) = (list(&[]), list(&["--ignored"]));
    for Row { test, file, when, .. } in rows().iter().filter(|row| row.file.starts_with("tests/it/")) {
        let module = file.trim_start_matches("tests/it/").trim_end_matches(".rs").trim_end_matches("/mod");
        let line = format!("{}::{test}: test", module.replace('/', "::"));
        let is_in = |list: &str| list.lines().any(|listed| listed == line);
        assert!(is_in(&all), "there is no {line}");
        assert_eq!(is_in(&ignored), when == "on demand", "{line}");
    }
}

#[test]
fn the_readme_points_to_the_promises() {
    assert!(read("README.md").contains("](docs/reliability.md)"));
}
