//! Files and folders between people: what they see, and what is on their disks.

mod accepting;
mod asking;
mod disk;
mod folders;
mod leaving;
mod names;
mod offers;
mod resuming;
mod sending;
mod sources;
mod steering;
mod text;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{Dice, Home, Lines, PATIENCE, Pchat, Proxy, Pty, until};

pub(crate) const MIB: u64 = 1 << 20;

/// Takes everything that others offer, in an open room too.
const ALL: &[&str] = &["--auto-accept", "all"];

/// An open room whose host takes everything.
fn open_room(home: &Home) -> (Pchat, u16) {
    let host = Pchat::host(home, "alice", &["--open", "--auto-accept", "all"]);
    let port = host.port();
    host.out.expect_start("* you are alice");
    (host, port)
}

/// Bytes that do not repeat, always the same for one seed.
pub(crate) fn noise(seed: u64, len: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    let mut bytes: Vec<u8> = (0..len.div_ceil(4)).flat_map(|_| (dice.roll(1 << 32) as u32).to_le_bytes()).collect();
    bytes.truncate(len as usize);
    bytes
}

/// Writes a file at a path under someone's home, with the folders above it.
pub(crate) fn put(home: &Home, path: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = home.path().join(path);
    fs::create_dir_all(path.parent().expect("it is in the home")).expect("a folder");
    fs::write(&path, bytes).expect("a file");
    path
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("rights can be set");
}

/// Where someone's files go unless they say otherwise.
fn downloads(home: &Home) -> PathBuf {
    home.path().join("Downloads/pchat")
}

/// The names in someone's download folder, partials among them.
pub(crate) fn names(home: &Home) -> Vec<String> {
    let Ok(entries) = fs::read_dir(downloads(home)) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    names.into_iter().map(|name| name.into_string().expect("UTF-8")).collect()
}

/// The content that is staged in someone's download folder, once there are so many bytes of it.
pub(crate) fn partial(home: &Home, least: u64) -> PathBuf {
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        let staged = names(home).into_iter().find(|name| name.starts_with(".pchat-"));
        let content = staged.map(|name| downloads(home).join(name).join("content"));
        if let Some(content) = content.filter(|content| fs::metadata(content).is_ok_and(|found| found.len() >= least)) {
            return content;
        }
        assert!(std::time::Instant::now() < end, "{least} bytes of a partial: {:?}", names(home));
        std::thread::yield_now();
    }
}

/// Waits until nothing else is in someone's download folder.
pub(crate) fn expect_names(home: &Home, expected: &[&str]) {
    until(|| names(home) == expected, || format!("{expected:?}, but with {:?}", names(home)));
}

/// Waits until someone says that they have saved something, and checks name and content.
pub(crate) fn expect_saved(lines: &Lines, home: &Home, name: &str, bytes: &[u8]) {
    let path = downloads(home).join(name);
    lines.expect_start(&format!("* saved {} (", path.display()));
    expect_content(&path, bytes);
}

fn expect_content(path: &Path, bytes: &[u8]) {
    let found = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    // Not `assert_eq`, which would print them.
    assert!(found == bytes, "{}: {} bytes, and not the {} that were sent", path.display(), found.len(), bytes.len());
}

/// Runs `pchat join` in another folder than the home.
fn join_from(home: &Home, folder: &Path, name: &str, port: u16, more: &[&str]) -> Pchat {
    let mut command = home.pchat();
    command.current_dir(folder).args(["join", &format!("127.0.0.1:{port}"), "--name", name]).args(more);
    let member = Pchat::spawn(name, command);
    member.out.expect_start("* you are ");
    member
}

/// Lets one person be known to the rooms of another.
fn befriend(host: &Home, guest: &Home, name: &str) {
    let (mut room, port) = Pty::host(host, "alice", &[]);
    let stranger = Pchat::knock(guest, name, port, &[]);
    room.expect("wants to join: accept ");
    room.line(&format!("accept {name}"));
    stranger.out.expect_start("* you are ");
    room.line("quit");
    assert_eq!(room.wait_clean(), Some(0));
    // The next room is at another port, but a test of it may be at this one.
    let _ = Pchat::once(guest, &["forget", &format!("127.0.0.1:{port}")]);
}

/// A member whose way to the room is a proxy.
fn join_through(home: &Home, name: &str, port: u16, more: &[&str]) -> (Pchat, Proxy) {
    let proxy = Proxy::to(port);
    let member = Pchat::join(home, name, proxy.port, more);
    (member, proxy)
}

/// Makes a FIFO, which nobody writes to.
fn fifo(path: &Path) {
    let status = Command::new("mkfifo").arg(path).status().expect("mkfifo runs");
    assert!(status.success());
}
