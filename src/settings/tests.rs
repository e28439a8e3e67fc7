use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use clap::{CommandFactory, Parser};

use super::*;
use crate::{
    cli::{Action, Cli, Common},
    disk::trial::walk::Walk,
    trust::scratch::Scratch,
    view::look::{Bell, Time},
};

fn open(scratch: &Scratch, text: &str) -> Result<Settings, SettingsError> {
    let path = scratch.join("config.toml");
    fs::write(&path, text).unwrap();
    // Whatever the umask of those who run the tests.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    Settings::open(path, Cli::command())
}

fn wrong(text: &str) -> (usize, String) {
    match open(&Scratch::new(), text) {
        Err(SettingsError::Wrong { line, reason, .. }) => (line, reason),
        other => panic!("{text}: {other:?}"),
    }
}

/// The settings of somebody who has typed this, with what the program then reads.
fn started(settings: &Settings, line: &str) -> (Action, Common) {
    let matches = settings.apply(Cli::command()).try_get_matches_from(line.split(' ')).unwrap();
    let cli = Cli::from_arg_matches(&matches).unwrap();
    let way = matches.subcommand_name().unwrap();
    let way = WAYS.into_iter().find(|known| *known == way).unwrap();
    settings.start(way, matches.subcommand_matches(way).unwrap());
    (cli.action, settings.read().unwrap())
}

fn values(settings: &Settings, key: &str) -> (String, Origin) {
    let setting = settings.get(key).unwrap();
    (setting.values.join(" "), setting.origin)
}

#[test]
fn every_flag_of_the_ways_in_is_a_setting_or_stands_under_the_heading_for_once() {
    // Whoever adds a flag decides here which of the two it is.
    let once = ["journal", "json", "send", "stay", "text", "times"];
    let known: Vec<_> = Settings::declared(Cli::command()).into_iter().map(|setting| setting.key).collect();
    let grammar = Cli::command();
    for way in WAYS {
        for arg in grammar.find_subcommand(way).unwrap().get_arguments() {
            let Some(long) = arg.get_long() else { continue };
            assert_eq!(!once.contains(&long), known.iter().any(|key| key == long), "{long}");
        }
    }
    for setting in Settings::declared(Cli::command()) {
        assert!(!setting.help.is_empty() && !setting.fits.is_empty() && !setting.ways.is_empty(), "{setting:?}");
    }
}

#[test]
fn what_the_file_says_is_the_default_and_a_flag_wins() {
    let text = "bell = \"all\"\nopen = true\nbind = [\"127.0.0.1\", \"::1\"]\n[host]\nport = 5001\nbell = \"off\"\n";
    let settings = open(&Scratch::new(), text).unwrap();
    let (Action::Host(host), common) = started(&settings, "pchat host") else { panic!("a host") };
    assert_eq!((host.port, host.bind.len(), host.open), (5001, 2, true));
    assert_eq!((host.common.bell, common.bell), (Bell::Off, Bell::Off), "the table is for one of them");
    let line = "pchat host --port 7 --open=false --bind ::1 --bell mention";
    let (Action::Host(host), _) = started(&settings, line) else { panic!("a host") };
    assert_eq!((host.port, host.bind.len(), host.open), (7, 1, false));
    assert_eq!(values(&settings, "open"), ("false".to_owned(), Origin::Flag));
    assert_eq!(values(&settings, "bind"), ("::1".to_owned(), Origin::Flag));
    assert_eq!(values(&settings, "rate"), ("50".to_owned(), Origin::Default));
    let (Action::Join(join), _) = started(&settings, "pchat join 192.0.2.1") else { panic!("a join") };
    assert_eq!(join.common.bell, Bell::All, "and for the other what is above the tables");
    assert_eq!(values(&settings, "bell"), ("all".to_owned(), Origin::File));
}

#[test]
fn the_help_shows_what_is_set_and_where() {
    let scratch = Scratch::new();
    let settings = open(&scratch, "port = 5001\n").unwrap();
    let mut grammar = settings.apply(Cli::command());
    grammar.build();
    let help = grammar.find_subcommand_mut("host").unwrap().render_help().to_string();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let place = settings.place().unwrap();
    assert!(help.contains(&format!("[set in {place}: 5001]")) && !help.contains("[default: 5000]"), "{help}");
    grammar.debug_assert();
}

#[test]
fn no_file_sets_nothing_and_changes_nothing() {
    let settings = Settings::open(Scratch::new().join("none"), Cli::command()).unwrap();
    let (_, common) = started(&settings, "pchat host");
    let Action::Host(host) = Cli::parse_from(["pchat", "host"]).action else { panic!("a host") };
    assert_eq!((common.look(), common.auto_accept), (host.common.look(), host.common.auto_accept));
    assert!(settings.all().iter().all(|setting| setting.origin == Origin::Default));
}

#[test]
fn what_cannot_be_is_told_with_its_line() {
    for (text, line, says) in [
        ("colour = \"never\"", 1, "did you mean color?"),
        ("\n\nmax_members = 3", 3, "did you mean max-members?"),
        ("zzz = 1", 1, "there are auto-accept, "),
        ("port = 70000", 1, "port cannot be \"70000\": 70000 is not in 0..=65535"),
        ("# x\nrate = 0", 2, "a number from 1, or off"),
        ("bell = \"loud\"", 1, "what fits: off, mention, all"),
        ("bell = [\"all\"]", 1, "what fits: off, mention, all"),
        ("open = \"maybe\"", 1, "what fits: true, false"),
        ("time = false", 1, "time: what fits: FORMAT|off"),
        ("bind = [\"::1\", \"here\"]", 1, "invalid IP address syntax"),
        ("bind = { a = 1 }", 1, "one or more"),
        ("downloads = \"here\"", 1, "a path here begins with / or ~"),
        ("[join]\nport = 1", 2, "port is no setting of join"),
        ("bell = \"all\"\n[hots]\nport = 1", 2, "no table is called [hots]"),
        ("[host.inner]\nport = 1", 1, "no setting is called inner"),
        ("stay = true", 1, "stay is said at each start, as --stay"),
        ("port = ", 1, "quoted"),
        ("port = 1\nport = 2", 2, "duplicate"),
    ] {
        let (at, reason) = wrong(text);
        assert!(at == line && reason.contains(says) && !reason.contains('\n'), "{text}: {at} {reason}");
    }
}

#[test]
fn a_file_that_others_may_write_or_that_cannot_be_read_is_refused() {
    let scratch = Scratch::new();
    drop(open(&scratch, "").unwrap());
    let path = scratch.join("config.toml");
    for mode in [0o620, 0o602, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(Settings::open(path.clone(), Cli::command()), Err(SettingsError::Exposed { .. })), "{mode:o}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(Settings::open(path.clone(), Cli::command()).is_ok());
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(matches!(Settings::open(path.clone(), Cli::command()), Err(SettingsError::File(_))));
    fs::write(&path, vec![b'#'; 1 << 20]).unwrap();
    assert!(matches!(Settings::open(path, Cli::command()), Err(SettingsError::File(_))));
    assert!(matches!(Settings::open(scratch.join(""), Cli::command()), Err(SettingsError::File(_))), "a folder");
}

/// What stands in the file after these changes, each a key and its words.
fn changed(text: &str, way: &str, changes: &[(&str, &[&str])]) -> String {
    let scratch = Scratch::new();
    let settings = open(&scratch, text).unwrap();
    started(&settings, way);
    for (key, words) in changes {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        settings.change(key, (!words.is_empty()).then_some(words)).unwrap();
    }
    let names: Vec<_> = fs::read_dir(scratch.join("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["config.toml"], "nothing else is left there");
    fs::read_to_string(scratch.join("config.toml")).unwrap()
}

#[test]
fn a_change_leaves_all_else_in_the_file_as_it_is() {
    let text = "# mine\nbell = \"all\" # loud\n\n# at home\n[host]\nport = 5001 # free\n";
    let after = changed(text, "pchat host", &[("bell", &["off"]), ("port", &["5002"]), ("open", &["true"])]);
    let wanted = "# mine\nbell = \"off\" # loud\nopen = true\n\n# at home\n[host]\nport = 5002 # free\n";
    assert_eq!(after, wanted);
    let after = changed(text, "pchat join a", &[("port", &["7"]), ("bell", &[]), ("name", &["77"])]);
    let wanted = "name = \"77\"\n\n# at home\n[host]\nport = 7 # free\n";
    assert_eq!(after, wanted, "a setting of a host counts for the next host");
    assert_eq!(changed("", "pchat host", &[("bind", &["::1", "127.0.0.1"])]), "bind = [\"::1\", \"127.0.0.1\"]\n");
}

#[test]
fn a_change_counts_at_once_over_flags_too_and_is_there_again_at_the_next_start() {
    let scratch = Scratch::new();
    let settings = open(&scratch, "").unwrap();
    started(&settings, "pchat host --bell off --time off");
    settings.change("bell", Some(vec!["all".to_owned()])).unwrap();
    let now: Common = settings.read().unwrap();
    assert_eq!((now.bell, now.time), (Bell::All, Some(Time(None))));
    assert_eq!(values(&settings, "bell"), ("all".to_owned(), Origin::File));
    for (key, value) in [("bell", "loud"), ("bel", "all"), ("text", "true"), ("port", "-1"), ("downloads", "x")] {
        assert!(settings.change(key, Some(vec![value.to_owned()])).is_err(), "{key}");
    }
    let again = Settings::open(scratch.join("config.toml"), Cli::command()).unwrap();
    assert_eq!(started(&again, "pchat host").1.bell, Bell::All);
    settings.change("bell", None).unwrap();
    assert_eq!(values(&settings, "bell"), ("mention".to_owned(), Origin::Default));
    assert!(Settings::default().change("bell", None).is_err(), "nothing is kept nowhere");
}

#[test]
fn a_link_to_the_file_stays_one() {
    let scratch = Scratch::new();
    let kept = scratch.join("kept.toml");
    fs::write(&kept, "").unwrap();
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o600)).unwrap();
    let link = scratch.join("config.toml");
    std::os::unix::fs::symlink(&kept, &link).unwrap();
    let settings = Settings::open(link.clone(), Cli::command()).unwrap();
    started(&settings, "pchat host");
    settings.change("bell", Some(vec!["all".to_owned()])).unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read_to_string(&kept).unwrap(), "bell = \"all\"\n");
    assert!(Path::new(&kept).exists());
}

#[test]
fn whatever_befalls_the_disk_the_file_is_the_old_one_or_the_new_one() {
    let grammar = Cli::command();
    let arg = grammar.find_subcommand("host").and_then(|way| grammar::flag(way, "bell")).unwrap();
    let write = |folder: &Path, word: &str| {
        let change = file::Change { way: "host", arg, values: Some(&[word.to_owned()]) };
        file::write(&folder.join("pchat/config.toml"), &change).map_err(|error| error.to_string())
    };
    let read = |folder: &Path| fs::read_to_string(folder.join("pchat/config.toml")).unwrap_or_default();
    let tidy = |folder: &Path| write(folder, "mention").unwrap();
    let old = |folder: &Path| {
        write(folder, "off").unwrap();
        assert_eq!(read(folder), "bell = \"off\"\n");
    };
    for before in [&old as &dyn Fn(&Path), &|_: &Path| {}] {
        Walk { before, change: &|folder| write(folder, "all"), read: &read, tidy: &tidy }.all("what is set");
    }
}
