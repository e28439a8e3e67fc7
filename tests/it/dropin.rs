//! A file dropped into `commands/` is a command: a copy of the program is built with one file more.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::support::{Home, Pchat, Pty};

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).expect("a copy");
        }
    }
}

/// The program under another name, with `roll`, `echo` and `boom` dropped in. It is built once.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build(Home::new().path()))
}

fn build(scratch: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    copy(&source.join("src"), &scratch.join("src"));
    copy(&source.join("commands"), &scratch.join("commands"));
    // With other settings, dependencies would be built anew.
    copy(&source.join(".cargo"), &scratch.join(".cargo"));
    for file in ["Cargo.lock", "build.rs"] {
        fs::copy(source.join(file), scratch.join(file)).expect("a copy");
    }
    for file in ["roll.rs", "echo.rs", "boom.rs"] {
        fs::copy(source.join("tests/it/dropin").join(file), scratch.join("commands").join(file)).expect("a copy");
    }
    // Another package and program, so that nothing of this one is replaced; the library keeps its name. Benches and
    // tests stay behind.
    let manifest = fs::read_to_string(source.join("Cargo.toml")).expect("it is there");
    let mut renamed = String::new();
    let mut section = String::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line.to_owned();
        }
        match section.as_str() {
            "[[test]]" | "[[bench]]" => continue,
            "[package]" if line.starts_with("name =") => renamed += "name = \"pchat-dropin\"",
            "[package]" if line.starts_with("default-run") => continue,
            "[[bin]]" if line.starts_with("name =") => renamed += "name = \"pchat-dropin\"",
            _ => renamed += line,
        }
        renamed.push('\n');
    }
    fs::write(scratch.join("Cargo.toml"), renamed).expect("a manifest");
    let lock = fs::read_to_string(scratch.join("Cargo.lock")).expect("it is there");
    fs::write(scratch.join("Cargo.lock"), lock.replace("name = \"pchat\"\n", "name = \"pchat-dropin\"\n"))
        .expect("a lock");
    // target/PROFILE/pchat: what is built there already need not be built again.
    let program = Path::new(env!("CARGO_BIN_EXE_pchat"));
    let profile = program.parent().expect("a folder");
    let target = profile.parent().expect("a folder");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(scratch).env("CARGO_TARGET_DIR", target).args([
        "build",
        "--offline",
        "--quiet",
        "--bin",
        "pchat-dropin",
    ]);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let built = cargo.output().expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    profile.join("pchat-dropin")
}

#[test]
fn a_file_dropped_in_is_a_command_in_help_in_completion_and_between_two_members() {
    let program = program();
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let mut command = alice.command(program);
    command.args(["host", "--port", "0", "--bind", "127.0.0.1", "--name", "alice", "--open"]);
    let mut host = Pchat::spawn("host", command);
    let port = host.port();
    host.say("help");
    host.out.expect_where("it in the list", |line| {
        line.starts_with("roll ") && line.ends_with("Roll a die, for everyone or against one member.")
    });

    let mut command = bob.command(program);
    command.args(["join", &format!("127.0.0.1:{port}"), "--name", "bob"]);
    let mut member = Pty::spawn(command);
    member.expect("* you are bob");
    // One without it.
    let mut other = Pchat::join(&carol, "carol", port, &[]);
    member.keys("ro\t");
    member.expect("bob> roll");
    member.keys("20\r");
    host.out.expect_where("a roll", |line| line.starts_with("* bob rolled ") && line.ends_with(" of 20"));
    member.expect("* bob rolled ");
    other.out.expect("* bob used `roll`, which this pchat does not have");
    host.say("roll 1 --with bob");
    host.out.expect("* alice rolled 1 of 1");
    host.out.expect("* bob rolled 1 of 1");
    member.expect("* alice rolled 1 of 1");
    host.say("roll");
    other.out.expect("* alice used `roll`, which this pchat does not have");
    member.line("roll 3");
    host.out.expect_where("a roll", |line| line.starts_with("* bob rolled ") && line.ends_with(" of 3"));
    other.say("roll 6");
    host.out.expect("carol: roll 6");
    let told = other.out.so_far().into_iter().filter(|line| line.contains("does not have")).count();
    assert_eq!(told, 2, "once for each sender");
    member.line("quit");
    assert_eq!(member.wait_clean(), Some(0));
}

/// Somebody who joins with the program that has `echo`.
fn join(home: &Home, name: &str, port: u16) -> Pchat {
    let mut command = home.command(program());
    command.args(["join", &format!("127.0.0.1:{port}"), "--name", name, "--stay"]);
    let member = Pchat::spawn(name, command);
    member.out.expect_start(&format!("* you are {name}"));
    member
}

#[test]
fn a_command_opens_streams_to_the_host_from_the_host_and_between_two_others_until_one_is_put_out() {
    let (alice, bob, carol, dave) = (Home::new(), Home::new(), Home::new(), Home::new());
    let mut command = alice.command(program());
    command.args(["host", "--port", "0", "--bind", "127.0.0.1", "--name", "alice", "--open"]);
    let mut host = Pchat::spawn("host", command);
    let port = host.port();
    let mut member = join(&bob, "bob", port);
    let mut other = join(&carol, "carol", port);

    host.say("echo bob 300000");
    member.out.expect("* 300000 bytes went back to alice");
    host.out.expect("* 300000 bytes came back from bob");
    member.say("echo alice 300000");
    host.out.expect("* 300000 bytes went back to bob");
    member.out.expect("* 300000 bytes came back from alice");
    other.say("echo bob 5000000");
    // Chat goes on beside it.
    other.say("meanwhile");
    host.out.expect("carol: meanwhile");
    member.out.expect("* 5000000 bytes went back to carol");
    other.out.expect("* 5000000 bytes came back from bob");

    // The way goes with the room.
    host.say("port 0");
    for moved in [&member, &other] {
        moved.out.expect_start("* the room moved to port ");
    }
    other.say("echo bob 7");
    member.out.expect("* 7 bytes went back to carol");
    other.out.expect("* 7 bytes came back from bob");

    // One whose program does not know the command closes.
    let _plain = Pchat::join(&dave, "dave", port, &[]);
    other.say("echo dave");
    other.err.expect_start("error: ");

    // Whoever is put out is cut off at once, by the host as well as by others.
    other.say("echo bob --hold");
    member.out.expect("* a stream of carol begins");
    member.say("echo alice --hold");
    host.out.expect("* a stream of bob begins");
    host.say("kick bob");
    other.out.expect("* the stream to bob was cut");
    host.out.expect("* the stream of bob was cut");
    assert_eq!(member.wait().code, Some(1));
    host.say("quit");
    assert_eq!(host.wait().code, Some(0));
}
