//! What is installed beside the program: completions, manual pages, the unit of a service.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use clap::CommandFactory;

use crate::support::{Home, Pchat};

/// Whether a program is installed here.
fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[test]
fn completions_name_every_flag_and_shells_take_them() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = Pchat::once(&home, &["completions", shell]);
        assert_eq!(script.code, Some(0), "{shell}");
        for flag in ["max-unauthenticated", "auto-accept", "plain"] {
            assert!(script.out.contains(flag), "{shell}: {flag}");
        }
        let path = home.path().join(shell);
        fs::write(&path, &script.out).expect("it can be written");
        // bash is wherever these tests run; the others are looked at where they are.
        let checks = match shell {
            "bash" => true,
            "zsh" | "fish" => installed(shell),
            _ => false,
        };
        if checks {
            let checked = home.command(shell).arg("-n").arg(&path).output().expect("it runs");
            assert!(checked.status.success(), "{shell}: {}", String::from_utf8_lossy(&checked.stderr));
        }
    }
    assert_eq!(Pchat::once(&home, &["completions", "tcsh"]).code, Some(2));
}

#[test]
fn a_shell_that_has_the_completions_completes() {
    let home = Home::new();
    let script = Pchat::once(&home, &["completions", "bash"]).out;
    let complete =
        "COMP_WORDS=(pchat host --max-m); COMP_CWORD=2; _pchat pchat --max-m host; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let path = home.path().join("pchat.bash");
    fs::write(&path, script).expect("it can be written");
    let mut bash = home.command("bash");
    bash.args(["--norc", "-c", &format!("source {}; {complete}", path.display())]).stdin(Stdio::null());
    let found = String::from_utf8(bash.output().expect("it runs").stdout).expect("text");
    assert_eq!(found.trim(), "--max-members");
}

/// Text as it stands in a manual page.
fn escaped(text: &str) -> String {
    text.replace('-', "\\-")
}

#[test]
fn the_manual_has_a_page_for_each_subcommand_with_each_of_its_flags() {
    let home = Home::new();
    let main = Pchat::once(&home, &["man"]);
    assert_eq!(main.code, Some(0));
    assert_eq!(Pchat::once(&home, &["man", "--dir", "pages"]).code, Some(0));
    let mut grammar = pchat::cli::Cli::command();
    grammar.build();
    let mut flags = 0;
    for subcommand in grammar.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let name = subcommand.get_name();
        assert!(main.out.contains(&escaped(&format!("pchat-{name}(1)"))), "{name}: {}", main.out);
        let page = fs::read_to_string(home.path().join(format!("pages/pchat-{name}.1"))).expect("its page");
        for long in subcommand.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(page.contains(&escaped(&format!("--{long}"))), "{name} --{long}: {page}");
            flags += 1;
        }
    }
    assert!(flags > 20, "{flags}");
    if installed("groff") {
        let page = home.path().join("pages/pchat-host.1");
        let read = Command::new("groff").args(["-man", "-Tascii", "-ww"]).arg(page).output().expect("it runs");
        assert!(read.status.success() && read.stderr.is_empty(), "{}", String::from_utf8_lossy(&read.stderr));
    }
    let broken = Pchat::once(&home, &["man", "--dir", "/dev/null/x"]);
    assert!(broken.code == Some(1) && broken.err.starts_with("error: could not write to "), "{broken:?}");
}

#[test]
fn the_unit_of_a_service_starts_what_there_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pchat.service");
    let unit = fs::read_to_string(&path).expect("the unit");
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("it starts something");
    let mut words = start.split_whitespace();
    assert_eq!(words.next(), Some("%h/.cargo/bin/pchat"), "where `cargo install` puts it");
    use clap::Parser;
    let parsed = pchat::cli::Cli::try_parse_from(["pchat"].into_iter().chain(words));
    assert!(matches!(parsed.expect("it parses").action, pchat::cli::Action::Host(_)));
}
