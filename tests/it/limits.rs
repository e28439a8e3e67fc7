//! The table of limits in `docs/security.md` against `src/limits.rs`.

use std::{collections::BTreeMap, fs, path::Path};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("it is there")
}

/// A value as people read it: seconds with their unit, numbers with commas.
fn shown(value: &str) -> String {
    if let Some(secs) = value.strip_prefix("Duration::from_secs(").and_then(|rest| rest.strip_suffix(')')) {
        return format!("{} s", grouped(number(secs)));
    }
    if let Some(pair) = value.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        return pair.split(", ").map(|one| grouped(number(one))).collect::<Vec<_>>().join(", ");
    }
    grouped(number(value))
}

fn number(expression: &str) -> u64 {
    if let Some((base, bits)) = expression.split_once(" << ") {
        return number(base) << number(bits);
    }
    expression.split(" * ").map(|one| one.replace('_', "").parse::<u64>().expect(expression)).product()
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let from_end = |at: usize| digits.len() - at;
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && from_end(at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// All limits by their names, with their values.
fn limits() -> BTreeMap<String, String> {
    let mut module = String::new();
    let mut limits = BTreeMap::new();
    let source = read("src/limits.rs");
    for line in source.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("pub mod ") {
            module = name.trim_end_matches(" {").to_owned();
        } else if let Some(constant) = line.strip_prefix("pub const ") {
            let (name, rest) = constant.split_once(": ").expect("a type");
            let (_, value) = rest.split_once(" = ").expect("a value");
            limits.insert(format!("{module}::{name}"), shown(value.trim_end_matches(';')));
        }
    }
    limits
}

#[test]
fn the_table_of_limits_has_every_limit_with_its_value_and_no_other() {
    let text = read("docs/security.md");
    let (_, table) = text.split_once("| limit | value | what, and why |").expect("it has its head");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let listed: BTreeMap<String, String> = rows
        .map(|row| {
            let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
            let [name, value, why] = cells[..] else { panic!("three cells: {row}") };
            assert!(why.len() > 10, "{row}");
            // An option that changes it follows the value.
            (name.trim_matches('`').to_owned(), value.split(" (").next().unwrap_or_default().to_owned())
        })
        .collect();
    let limits = limits();
    assert!(limits.len() > 60, "{}", limits.len());
    assert_eq!(listed, limits);
}

#[test]
fn options_named_in_the_table_exist() {
    let text = read("docs/security.md");
    let help = crate::support::Pchat::once(&crate::support::Home::new(), &["help", "host"]).out;
    let named: Vec<_> =
        text.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split("(`").nth(1)).collect();
    assert!(named.len() >= 4, "{named:?}");
    for option in named.into_iter().filter_map(|rest| rest.split('`').next()) {
        assert!(help.contains(option), "{option} is no option of: {help}");
    }
}
