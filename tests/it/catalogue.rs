//! The table of hostile cases in `docs/security.md` against the sources: every case has its row, and every row the tests that
//! it names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// How many cases there are.
const CASES: usize = 147;

/// One row of the table.
struct Row {
    number: usize,
    tests: Vec<String>,
    later: bool,
}

/// The rows of the table, in its order.
fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join("docs/security.md")).expect("the table is there");
    let (_, table) = text.split_once("| case | what |").expect("it has its head");
    table.lines().filter(|line| line.starts_with("| ")).map(row).collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [number, what, outcome, tests] = cells[..] else { panic!("four cells: {line}") };
    assert!(!what.is_empty() && !outcome.is_empty(), "{line}");
    let number = number.parse().unwrap_or_else(|_| panic!("a number: {line}"));
    let (tests, later) = match tests.split_once("later: ") {
        Some((tests, reason)) => {
            assert!(reason.split(' ').count() >= 2, "a reason in a few words: {line}");
            (tests.trim_end_matches([' ', ',']), true)
        }
        None => (tests, false),
    };
    let names = tests.split(", ").filter(|name| !name.is_empty()).map(|name| {
        let name = name.strip_prefix('`').and_then(|name| name.strip_suffix('`'));
        name.unwrap_or_else(|| panic!("names of tests in backticks: {line}")).to_owned()
    });
    Row { number, tests: names.collect(), later }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).filter(rust).collect()
}

/// The names of all tests.
fn tests() -> BTreeSet<String> {
    tests_and_whether_ignored().into_keys().collect()
}

/// The names of all tests, and whether they are run only when asked for.
pub(crate) fn tests_and_whether_ignored() -> BTreeMap<String, bool> {
    let mut tests = BTreeMap::new();
    for path in ["src", "commands", "tests"].into_iter().flat_map(|folder| sources(&root().join(folder))) {
        let text = fs::read_to_string(&path).expect("a source");
        let (mut marked, mut ignored) = (false, false);
        for line in text.lines().map(str::trim) {
            let name = line.split_once("fn ").map(|(_, rest)| rest.split(['(', '<']).next().unwrap_or_default());
            match name {
                Some(name) if marked => {
                    tests.insert(name.to_owned(), ignored);
                    (marked, ignored) = (false, false);
                }
                _ if line.starts_with("#[ignore") => ignored = true,
                _ => marked |= line.starts_with("#[test]") || line.starts_with("#[tokio::test"),
            }
        }
    }
    tests
}

/// The cases that a test's name begins with: `case_7_..`, `case_14_and_16_..`, `cases_50_to_63_..`, `cases_108_109_..`.
fn cases_of(test: &str) -> Vec<usize> {
    let several = test.starts_with("cases_");
    let Some(rest) = test.strip_prefix("cases_").or_else(|| test.strip_prefix("case_")) else { return Vec::new() };
    let mut words = rest.split('_').peekable();
    let Some(first) = words.next().and_then(|word| word.parse().ok()) else { return Vec::new() };
    let mut cases = vec![first];
    while let Some(word) = words.next() {
        let last = *cases.last().expect("one at least");
        match (word, word.parse(), words.peek().and_then(|next| next.parse::<usize>().ok())) {
            ("and", _, Some(next)) => {
                cases.push(next);
                words.next();
            }
            ("to", _, Some(next)) => {
                cases.extend(last + 1..=next);
                words.next();
            }
            (_, Ok(next), _) if several => cases.push(next),
            _ => break,
        }
    }
    cases
}

#[test]
fn names_of_tests_tell_their_cases() {
    for (test, cases) in [
        ("case_7_something_happens", &[7][..]),
        ("case_083_names", &[83]),
        ("case_14_and_16_callers", &[14, 16]),
        ("cases_108_109_links", &[108, 109]),
        ("cases_37_to_39_and_143_a_room", &[37, 38, 39, 143]),
        ("case_68_4096_bytes_are_sent", &[68]),
        ("case_a14_no_typed_line_panics", &[]),
        ("something_in_the_case_of_7", &[]),
    ] {
        assert_eq!(cases_of(test), cases, "{test}");
    }
}

#[test]
fn every_case_has_one_row_with_tests_that_exist_or_the_reason_why_it_comes_later() {
    let (rows, tests) = (rows(), tests());
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), (1..=CASES).collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for Row { number, tests: named, later } in &rows {
        if named.is_empty() && !later {
            wrong.push(format!("case {number} has no test"));
        }
        if named.iter().collect::<BTreeSet<_>>().len() < named.len() {
            wrong.push(format!("case {number} names a test twice"));
        }
        let missing = named.iter().filter(|name| !tests.contains(*name));
        wrong.extend(missing.map(|name| format!("case {number} names {name}, which is no test")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_test_of_a_case_stands_in_its_row() {
    let rows: BTreeMap<usize, Vec<String>> = rows().into_iter().map(|row| (row.number, row.tests)).collect();
    let mut wrong = Vec::new();
    let mut counted = 0;
    for test in tests() {
        for case in cases_of(&test) {
            counted += 1;
            if !rows.get(&case).is_some_and(|named| named.contains(&test)) {
                wrong.push(format!("case {case} does not name {test}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(counted > CASES, "the tests are found: {counted}");
}
