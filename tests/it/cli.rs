//! The command line: help, usage errors, files, and addresses at which there is no room.

use std::{
    fs,
    io::{self, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    thread,
    time::{Duration, Instant},
};

use crate::support::{Ended, Home, Pchat, Signal};

/// The one line that a failure is told in.
fn one_error(ended: &Ended) -> &str {
    let line = ended.err.strip_prefix("error: ").unwrap_or_else(|| panic!("an error: {ended:?}"));
    assert!(!line.contains('\n'), "one line: {ended:?}");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    line
}

#[test]
fn help_and_version_are_told_and_every_subcommand_has_examples() {
    let home = Home::new();
    let help = Pchat::once(&home, &["--help"]);
    assert_eq!(help.code, Some(0));
    assert!(help.out.contains("Examples:\n  pchat host"), "{}", help.out);
    let version = Pchat::once(&home, &["--version"]);
    assert_eq!((version.code, version.out.as_str()), (Some(0), concat!("pchat ", env!("CARGO_PKG_VERSION"))));
    for subcommand in ["host", "join", "say", "send", "get", "doctor", "id", "members", "forget"] {
        assert!(help.out.contains(&format!("\n  {subcommand}")), "{}", help.out);
        let help = Pchat::once(&home, &[subcommand, "--help"]);
        assert_eq!(help.code, Some(0));
        assert!(help.out.contains(&format!("Examples:\n  pchat {subcommand}")), "{}", help.out);
    }
    assert!(!home.identity().exists(), "asking for help makes no identity");
}

#[test]
fn case_9_wrong_usage_exits_with_2_and_says_what_is_wrong() {
    let home = Home::new();
    for (args, says) in [
        (&["dance"][..], "dance"),
        (&[], "Usage"),
        (&["say"], "ADDR"),
        (&["say", "127.0.0.1:1", " "], "nothing to say"),
        (&["send", "127.0.0.1:1"], "PATH"),
        (&["send", "127.0.0.1:1", "-"], "--as NAME"),
        (&["send", "127.0.0.1:1", "-", "--as", "../x"], "cannot be the name of a file"),
        (&["send", "127.0.0.1:1", "x", "--as", "y"], "send -"),
        (&["get"], "ADDR"),
        (&["get", "127.0.0.1:1", "two"], "two"),
        (&["host", "--times", "2"], "--send"),
        (&["join", "a", "b"], "'b'"),
        (&["join", "127.0.0.1:65536"], "65536"),
        (&["join", "127.0.0.1:0"], "127.0.0.1:0"),
        (&["join", ""], "error: "),
        (&["join", "[::1"], "[::1"),
        (&["host", "--port", "65536"], "65536"),
        (&["host", "--port", "-1"], "-1"),
        (&["host", "--rate", "0"], "a number from 1, or off"),
        (&["host", "--bind", "example.org"], "example.org"),
        (&["members", "forget"], "NAME"),
        (&["forget"], "ADDR"),
        (&["forget", "a:b:c"], "a:b:c"),
        (&["doctor", "a:b:c"], "a:b:c"),
        (&["doctor", "--port", "0"], "--port"),
        (&["doctor", "a", "--port", "5001"], "cannot be used with"),
    ] {
        let ended = Pchat::once(&home, args);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert!(ended.out.is_empty() && ended.err.contains(says), "{args:?}: {ended:?}");
    }
}

#[test]
fn case_64_a_name_that_cannot_be_is_wrong_usage() {
    let home = Home::new();
    let long = "x".repeat(25);
    for bad in ["", "   ", "-x", "/x", "@x", "#x", "123", "a b", &long, &"x".repeat(10_000), "a\x1b[2J", "аdmin"] {
        let ended = Pchat::once(&home, &["join", "127.0.0.1:1", &format!("--name={bad}")]);
        assert_eq!(ended.code, Some(2), "{bad:?}: {ended:?}");
        assert!(ended.err.starts_with("error: --name ") && !ended.err.contains('\x1b'), "{ended:?}");
    }
}

#[test]
fn case_9_a_taken_port_says_what_to_do() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it has one").port().to_string();
    let ended = Pchat::once(&home, &["host", "--port", &port, "--bind", "127.0.0.1"]);
    let line = one_error(&ended);
    assert!(line.starts_with(&format!("port {port} is taken")) && line.contains("--port 0"), "{line}");
    assert!(ended.out.is_empty(), "{ended:?}");
}

#[test]
fn case_9_a_privileged_port_says_what_to_do() {
    let home = Home::new();
    if rustix::process::geteuid().is_root() || cfg!(target_os = "macos") {
        // They may.
        return;
    }
    let ended = Pchat::once(&home, &["host", "--port", "80", "--bind", "127.0.0.1"]);
    assert!(one_error(&ended).contains("above 1023"), "{ended:?}");
}

#[test]
fn case_9_port_0_takes_a_free_one_and_prints_how_to_join() {
    let home = Home::new();
    let host = Pchat::host(&home, "alice", &[]);
    let port = host.port();
    assert_ne!(port, 0);
    host.out.expect(&format!("* pchat join 127.0.0.1:{port}"));
    let id = Pchat::once(&home, &["id"]).out;
    let fingerprint = id.strip_prefix("guest ").expect("name and fingerprint");
    host.out.expect(&format!("* your fingerprint is {fingerprint}"));
    host.signal(Signal::TERM);
    assert_eq!(host.wait().code, Some(0));
}

#[test]
fn an_identity_stays_the_same_and_nobody_else_may_read_it() {
    let home = Home::new();
    let first = Pchat::once(&home, &["id"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert_eq!(Pchat::once(&home, &["id"]).out, first.out);
    let mode = fs::metadata(home.identity()).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_ne!(Pchat::once(&Home::new(), &["id"]).out, first.out);
}

#[test]
fn case_34_an_identity_that_is_not_usable_is_refused_with_advice_and_left_alone() {
    let home = Home::new();
    let path = home.identity();
    Pchat::once(&home, &["id"]);
    let good = fs::read(&path).expect("an identity");
    for (bad, says) in [(&b""[..], "is empty"), (b"garbage", "holds no key"), (&good[..good.len() / 2], "holds no key")]
    {
        fs::write(&path, bad).expect("a file");
        for args in [&["id"][..], &["host", "--port", "0"], &["join", "127.0.0.1:1"]] {
            let ended = Pchat::once(&home, args);
            let line = one_error(&ended);
            assert!(line.contains(says) && line.contains("restore it from a copy"), "{line}");
        }
        assert_eq!(fs::read(&path).expect("it is there"), bad, "never replaced");
    }
    fs::write(&path, &good).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
    let ended = Pchat::once(&home, &["id"]);
    assert!(one_error(&ended).contains("chmod 600"), "{ended:?}");
    let elsewhere = home.path().join("elsewhere");
    fs::rename(&path, &elsewhere).expect("it moves");
    std::os::unix::fs::symlink(&elsewhere, &path).expect("a link");
    let ended = Pchat::once(&home, &["id"]);
    assert!(one_error(&ended).contains("symbolic link"), "{ended:?}");
}

#[test]
fn case_33_a_pin_file_that_cannot_be_understood_is_not_ignored() {
    let (home, other) = (Home::new(), Home::new());
    let host = Pchat::host(&home, "alice", &["--open"]);
    let port = host.port();
    drop(Pchat::join(&other, "bob", port, &[]));
    let pins = other.path().join(".local/share/pchat/hosts");
    let good = fs::read(&pins).expect("a pin");
    fs::write(&pins, &good[..good.len() / 2]).expect("a file");
    let ended = Pchat::once(&other, &["join", &format!("127.0.0.1:{port}"), "--name", "bob"]);
    assert!(one_error(&ended).contains("hosts"), "{ended:?}");
    assert_eq!(fs::read(&pins).expect("it is there"), &good[..good.len() / 2]);
}

#[test]
fn case_135_a_home_that_cannot_be_written_is_told_with_its_cause_once() {
    let home = Home::new();
    let file = home.path().join("file");
    fs::write(&file, "").expect("a file");
    for args in [&["id"][..], &["host", "--port", "0"], &["join", "127.0.0.1:1"]] {
        let mut command = home.pchat();
        command.args(args).env("HOME", &file);
        let ended = Pchat::spawn("pchat", command).end();
        let line = one_error(&ended);
        assert!(line.contains(&*file.to_string_lossy()), "{line}");
        assert_eq!(line.matches("os error").count(), 1, "{line}");
    }
}

#[test]
fn the_list_of_members_is_shown_and_one_can_be_forgotten() {
    let home = Home::new();
    let empty = Pchat::once(&home, &["members"]);
    assert_eq!((empty.code, empty.out.as_str()), (Some(0), "nobody was let in yet"));
    let nobody = Pchat::once(&home, &["members", "forget", "bob"]);
    assert!(one_error(&nobody).contains("bob"), "{nobody:?}");
}

#[test]
fn forgetting_a_host_that_is_not_known_is_told() {
    let home = Home::new();
    let ended = Pchat::once(&home, &["forget", "example.org"]);
    assert_eq!(one_error(&ended), "no key is remembered for example.org:5000");
}

/// What joining the server at the other end comes to, which has to be known within the deadline.
fn join_fails(serve: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it has one").to_string();
    thread::spawn(move || serve(listener.accept().expect("a caller").0));
    let began = Instant::now();
    let ended = Pchat::once(&Home::new(), &["join", &address, "--name", "bob"]);
    // The deadline is 10 s; the rest is what a busy machine takes to start a program.
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    let line = one_error(&ended);
    assert!(line.contains(&address), "{line}");
    line.to_owned()
}

#[test]
fn joining_where_nothing_listens_is_told() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it has one");
    let ended = Pchat::once(&Home::new(), &["join", &free.to_string()]);
    assert!(one_error(&ended).starts_with(&format!("nothing listens at {free}")), "{ended:?}");
}

#[test]
fn joining_a_name_that_does_not_exist_is_told() {
    let ended = Pchat::once(&Home::new(), &["join", "nobody.invalid"]);
    assert!(one_error(&ended).starts_with("no host is called nobody.invalid"), "{ended:?}");
}

#[test]
fn case_10_a_silent_server_is_no_room() {
    let line = join_fails(|mut stream| drop(io::copy(&mut stream, &mut io::sink())));
    assert!(line.contains("says nothing"), "{line}");
}

#[test]
fn case_10_an_ssh_server_is_no_room() {
    let line = join_fails(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n");
        let _ = io::copy(&mut stream, &mut io::sink());
    });
    assert!(line.contains("is no pchat room"), "{line}");
}

#[test]
fn case_10_a_server_of_endless_output_is_no_room() {
    let line = join_fails(|mut stream| while stream.write_all(&[b'x'; 65_536]).is_ok() {});
    assert!(line.contains("is no pchat room"), "{line}");
}

#[test]
fn case_10_a_server_that_closes_at_once_is_no_room() {
    let line = join_fails(drop);
    assert!(line.contains("closed the connection"), "{line}");
}

#[test]
fn a_log_goes_to_its_file_and_nowhere_else() {
    let home = Home::new();
    let log = home.path().join("log");
    let mut command = home.pchat();
    command.args(["host", "--port", "0", "--bind", "127.0.0.1", "--name", "alice", "--log"]).arg(&log);
    command.env("RUST_LOG", "debug");
    let host = Pchat::spawn("host", command);
    host.out.expect_start("* you are alice");
    host.signal(Signal::TERM);
    let ended = host.wait();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(!ended.out.contains("DEBUG") && !ended.out.contains("INFO"), "{}", ended.out);
    assert_eq!(fs::metadata(log).expect("a log").permissions().mode() & 0o777, 0o600);
}
