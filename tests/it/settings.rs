//! What a person sets for good: the file, and changing it in a room.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use crate::support::{Home, Pchat, Pty, Signal};

/// Where the file is.
fn file(home: &Home) -> PathBuf {
    home.path().join(".config/pchat/config.toml")
}

fn write(home: &Home, text: &str) {
    let path = file(home);
    fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
    fs::write(&path, text).expect("it can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
}

#[test]
fn the_file_says_how_a_room_is_opened_and_a_flag_says_otherwise() {
    let home = Home::new();
    write(&home, "name = \"zoe\"\nopen = true\nbind = [\"127.0.0.1\"]\n[host]\nport = 0\n");
    let host = Pchat::run(&home, &["host"]);
    host.out.expect("* the room is open: whoever can reach it gets in");
    host.out.expect("* you are zoe; nobody else is here");
    let port = host.port();
    assert_ne!(port, 5000);
    host.signal(Signal::TERM);
    assert_eq!(host.wait().code, Some(0));
    let host = Pchat::run(&home, &["host", "--name", "ann", "--open=false"]);
    host.out.expect_start("* the code is ");
    host.out.expect("* you are ann; nobody else is here");
    let help = Pchat::once(&home, &["help", "host"]);
    assert!(help.code == Some(0) && help.out.contains(": zoe]"), "{}", help.out);
}

#[test]
fn a_file_that_is_wrong_stops_whoever_would_use_it_with_exit_code_2() {
    let home = Home::new();
    for (text, says) in [
        ("\ncolour = \"never\"\n", "config.toml, line 2: no setting is called colour; did you mean color?"),
        ("port = 70000\n", "config.toml, line 1: port cannot be \"70000\": 70000 is not in 0..=65535"),
        ("name = \"quit\"\n", "config.toml, line 1: name cannot be \"quit\": that is a command"),
        ("bell = \n", "config.toml, line 1: "),
        ("name = \"\\u001b[2J\"\n", "config.toml, line 1: name cannot be "),
    ] {
        write(&home, text);
        for args in [&["host", "--port", "0"][..], &["join", "127.0.0.1:1"]] {
            let ended = Pchat::once(&home, args);
            assert_eq!(ended.code, Some(2), "{text}: {ended:?}");
            assert!(ended.out.is_empty() && ended.err.contains(says) && !ended.err.contains('\x1b'), "{ended:?}");
        }
    }
    // Others need no settings, and help must be had.
    for args in [&["id"][..], &["--help"], &["host", "--help"], &["completions", "bash"]] {
        assert_eq!(Pchat::once(&home, args).code, Some(0), "{args:?}");
    }
    write(&home, "");
    fs::set_permissions(file(&home), fs::Permissions::from_mode(0o666)).expect("it is ours");
    let ended = Pchat::once(&home, &["host", "--port", "0"]);
    assert!(ended.code == Some(2) && ended.err.contains("chmod go-w"), "{ended:?}");
}

#[test]
fn xdg_config_home_says_where_the_file_is() {
    let home = Home::new();
    let folder = home.path().join("elsewhere");
    fs::create_dir_all(folder.join("pchat")).expect("it can be made");
    fs::write(folder.join("pchat/config.toml"), "name = \"quit\"\n").expect("it can be written");
    fs::set_permissions(folder.join("pchat/config.toml"), fs::Permissions::from_mode(0o600)).expect("it is ours");
    let mut command = home.pchat();
    command.args(["host", "--port", "0"]).env("XDG_CONFIG_HOME", &folder);
    assert_eq!(Pchat::spawn("host", command).end().code, Some(2));
}

#[test]
fn what_is_set_in_a_room_shows_counts_and_is_there_the_next_time() {
    let (alice, bob) = (Home::new(), Home::new());
    write(&alice, "# mine\nbell = \"all\"\n");
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    host.say("/set");
    host.out.expect_where("bell", |line| line.split_whitespace().eq(["bell", "all", "file"]));
    host.out.expect_where("name", |line| line.split_whitespace().eq(["name", "alice", "flag"]));
    host.out.expect_where("rate", |line| line.split_whitespace().eq(["rate", "50", "default"]));
    host.say("/set bell");
    host.out.expect("bell: all (file)");
    host.out.expect("fits: off, mention, all");
    host.say("/set colr never");
    host.err.expect("error: no setting is called colr; did you mean color?");
    host.say("/set rate 0");
    host.err.expect("error: rate cannot be \"0\": a number from 1, or off");
    host.say("/set max-members 20");
    host.out.expect("* max-members is 20 from the next start");
    host.say("/set name zoe");
    host.out.expect_start("* name is zoe from the next start; `nick`");
    host.say("/set bell default");
    host.out.expect("* bell is mention now");
    // A folder for files, and whether they come by themselves, count at once.
    host.say("/set downloads here");
    host.out.expect_start(&format!("{} (", alice.path().join("here").display()));
    host.say("/set auto-accept all");
    host.out.expect("* auto-accept is all now");
    let mut member = Pchat::join(&bob, "bob", host.port(), &[]);
    fs::write(bob.path().join("a.txt"), "from bob").expect("a file");
    member.say("sendfile a.txt");
    host.out.expect_start(&format!("* saved {}", alice.path().join("here/a.txt").display()));
    member.say("quit");
    host.say("quit");
    assert_eq!(host.wait().code, Some(1), "a pipe of which two lines failed");
    let text = fs::read_to_string(file(&alice)).expect("the file");
    let here = alice.path().join("here");
    assert_eq!(
        text,
        format!("max-members = 20\nname = \"zoe\"\ndownloads = \"{}\"\nauto-accept = \"all\"\n", here.display())
    );
    let host = Pchat::run(&alice, &["host", "--port", "0", "--bind", "127.0.0.1"]);
    host.out.expect("* you are zoe; nobody else is here");
}

#[test]
fn a_sentence_about_a_table_is_said() {
    let alice = Home::new();
    let mut host = Pchat::host(&alice, "alice", &[]);
    let member = Pchat::join(&alice, "bob", host.port(), &[]);
    host.say("set the table");
    member.out.expect("alice: set the table");
    assert!(!file(&alice).exists(), "and nothing was set");
}

#[test]
fn tab_completes_settings_and_what_fits_them() {
    let alice = Home::new();
    let (mut host, _) = Pty::host(&alice, "alice", &[]);
    host.keys("/set be\t");
    host.expect("alice> /set bell");
    host.keys("me\t");
    host.expect("alice> /set bell mention");
    host.keys("\r");
    host.expect("* bell is mention now, as before");
    host.keys("/set op\ttr\t");
    host.expect("alice> /set open true");
    host.keys("\r");
    host.expect("* open is true from the next start");
}
