//! Programs and scripts: JSON both ways, and one thing done in a room by one command.

mod get;
mod hosting;
mod json;
mod last;
mod say;
#[path = "../../../src/view/json/schema.rs"]
mod schema;
mod send;

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::{Ended, Home, Pchat};

/// An open room whose host takes everything.
fn open_room(home: &Home) -> (Pchat, String) {
    let host = Pchat::host(home, "alice", &["--open", "--auto-accept", "all"]);
    let address = format!("127.0.0.1:{}", host.port());
    (host, address)
}

/// `pchat` with these arguments, its input ended.
fn once(home: &Home, args: &[&str]) -> Ended {
    Pchat::once(home, args)
}

/// It did what it should and said nothing.
fn assert_silent(ended: &Ended) {
    assert_eq!((ended.code, &*ended.out, &*ended.err), (Some(0), "", ""));
}

/// Writes a file in someone's home.
fn put(home: &Home, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = home.path().join(name);
    fs::create_dir_all(path.parent().expect("it is in the home")).expect("a folder");
    fs::write(&path, bytes).expect("a file");
    path
}

/// The folders and files that are left in a folder which begin as the private ones do.
fn spools(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.starts_with(".pchat-")).collect()
}
