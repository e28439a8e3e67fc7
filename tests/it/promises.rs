//! The table of promises in `docs/reliability.md` against the sources.

use std::{collections::BTreeSet, fs, path::Path};

use crate::catalogue::tests_and_whether_ignored;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("it is there")
}

/// The names in backticks that look like those of tests.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2).filter(|name| name.contains('_') && !name.contains(['=', ' ', '/']))
}

#[test]
fn every_promise_names_a_test_of_every_run_and_none_that_is_not_there() {
    let text = read("docs/reliability.md");
    let (_, table) =
        text.split_once("| promise | size of every run | size it was run at | tests |").expect("it has its head");
    let tests = tests_and_whether_ignored();
    let rows: Vec<_> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() >= 11, "{}", rows.len());
    let mut seen = BTreeSet::new();
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [promise, ordinary, largest, proof] = cells[..] else { panic!("four cells: {row}") };
        assert!(!promise.is_empty() && !ordinary.is_empty() && !largest.is_empty(), "{row}");
        let named: Vec<_> = names(proof).collect();
        for name in &named {
            assert!(tests.contains_key(*name), "{name} is no test");
        }
        assert!(named.iter().any(|name| !tests[*name]), "a test that every run has: {row}");
        assert!(seen.insert(promise.to_owned()), "twice: {row}");
    }
}
