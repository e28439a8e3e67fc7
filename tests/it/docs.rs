//! What is written down of commands and settings against what they are. `PCHAT_WRITE_DOCS=1 cargo test docs` writes it anew.

use std::{fmt::Write, fs, path::PathBuf};

use clap::CommandFactory;
use pchat::{
    cli::Cli,
    commands::ALL,
    settings::{Setting, Settings},
};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Holds the file to `text`, or writes it if that is wanted.
fn check(name: &str, text: &str) {
    if std::env::var_os("PCHAT_WRITE_DOCS").is_some() {
        fs::write(path(name), text).expect("it can be written");
    }
    let there = fs::read_to_string(path(name)).unwrap_or_default();
    let differs = there.lines().zip(text.lines()).find(|(there, wanted)| there != wanted);
    assert!(
        there == text,
        "{name} is stale; `PCHAT_WRITE_DOCS=1 cargo test docs` writes it anew. The first difference: {differs:?}"
    );
}

const COMMANDS: &str = "\
# Commands

<!-- Written by `PCHAT_WRITE_DOCS=1 cargo test docs` from the commands themselves; a test refuses a stale copy. -->

What you type in a room is said to everybody, unless it is a command. `help` shows this list, `help NAME` a page of it.

* A line is a command if it begins with the name of one and **all of it fits**: `quit` leaves, `quit smoking` is said.
* A slash before the name makes a line a command for sure; those that are shown with one need it.
* A space at the beginning of a line makes it text, whatever follows.

";

/// All commands, as a page.
fn commands() -> String {
    let mut text = COMMANDS.to_owned();
    text.push_str("| usage | what it does | other names |\n|---|---|---|\n");
    for entry in ALL {
        let others: Vec<_> = entry.aliases.iter().map(|alias| format!("`{alias}`")).collect();
        let usage = entry.usage().replace('|', "\\|");
        let (name, summary) = (entry.name, entry.summary().replace('|', "\\|"));
        let _ = writeln!(text, "| [`{usage}`](#{name}) | {summary} | {} |", others.join(", "));
    }
    for entry in ALL {
        let mut notes = Vec::new();
        if !entry.bare {
            notes.push("It needs the slash: its name begins ordinary sentences.");
        }
        if entry.default {
            notes.push("A line that is no command is this one.");
        }
        if entry.private {
            notes.push(
                "A line of it that does not fit is held back instead of being said, and none is kept in the history.",
            );
        }
        let _ = write!(text, "\n## {}\n\n", entry.name);
        if !notes.is_empty() {
            let _ = write!(text, "{}\n\n", notes.join(" "));
        }
        let page: Vec<_> = entry.page().lines().map(|line| line.trim_end().to_owned()).collect();
        let _ = writeln!(text, "```text\n{}\n```", page.join("\n"));
    }
    text
}

const CONFIG: &str = "\
# Settings

<!-- Written by `PCHAT_WRITE_DOCS=1 cargo test docs` from the flags themselves; a test refuses a stale copy. -->

`~/.config/pchat/config.toml` (or `$XDG_CONFIG_HOME/pchat/config.toml`) says what you would otherwise say at each start. It is a
[TOML](https://toml.io) file, and a key is the long name of a flag of `pchat host` or `pchat join`:

```toml
name = \"alice\"
time = \"%H:%M:%S\"
downloads = \"~/from-pchat\"
bind = [\"127.0.0.1\", \"::1\"]   # a flag that may be repeated takes several

[host]                          # for `pchat host` only
port = 5001

[join]                          # for `pchat join` only
bell = \"all\"
```

* What the file says is the default. A flag on the command line wins; what was switched on for good is switched off once with
  `--open=false`. `pchat host --help` shows what counts, and what of it is from the file.
* Above the tables stands what is for both; what only one of them knows may stand there, too.
* A path begins with `/` or `~`.
* A key that does not exist and a value that does not fit are errors, told with their line and the nearest name; exit code 2. So
  is a file that others may write, since it says where files go and who gets in.
* In a room, `/set` shows all of it with where it comes from, `/set KEY` one with what fits, `/set KEY VALUE` sets it and keeps it in
  the file, `/set KEY default` takes it out again. Comments and all else in the file stay. The times, the colours, the bell, where files
  go and what is received without asking change at once, other things with the next start, and you are told which.

";

/// All settings, as a page.
fn config() -> String {
    let mut text = CONFIG.to_owned();
    text.push_str("| key | of | fits | default | what it does |\n|---|---|---|---|---|\n");
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    for Setting { key, ways, fits, preset, help, .. } in Settings::declared(Cli::command()) {
        let preset = if preset.is_empty() { "not set".to_owned() } else { format!("`{}`", cell(&preset.join(" "))) };
        let _ = writeln!(text, "| `{key}` | {} | {} | {preset} | {} |", ways.join(", "), cell(&fits), cell(&help));
    }
    text
}

#[test]
fn docs_of_the_commands_are_not_stale() {
    check("docs/commands.md", &commands());
}

#[test]
fn docs_of_the_settings_are_not_stale() {
    check("docs/config.md", &config());
}

#[test]
fn docs_of_the_settings_show_a_file_that_is_right() {
    let page = config();
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let home = crate::support::Home::new();
    let file = home.path().join("config.toml");
    fs::write(&file, example).expect("it can be written");
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("it is ours");
    Settings::open(file, Cli::command()).expect("the example is right");
}

#[test]
fn docs_the_readme_names_every_command_and_no_other() {
    let readme = fs::read_to_string(path("README.md")).expect("the README");
    let (_, table) = readme.split_once("| command | what it does |\n").expect("its table of commands");
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    // The first cell of each row: usages in backticks.
    let cells: Vec<_> =
        rows.map(|row| row.replace("\\|", "/").split('|').nth(1).unwrap_or_default().to_owned()).collect();
    let usages = cells.iter().flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let named: Vec<_> = usages.map(|usage| usage.split(' ').next().unwrap_or_default().to_owned()).collect();
    for entry in ALL {
        let typed = entry.typed();
        assert!(entry.default || named.contains(&typed), "README.md does not name {typed}");
    }
    for name in &named {
        let known = |name: &str| ALL.iter().any(|entry| entry.answers_to(name));
        assert!(known(name.strip_prefix('/').unwrap_or(name)), "README.md names {name}, which is no command");
    }
    assert!(readme.contains("(docs/commands.md)") && readme.contains("(docs/config.md)"), "and where all of it is");
}
