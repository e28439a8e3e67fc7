use std::{
    fs,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use pchat::{
    trust::{FileError, HostAddr, Hosts, HostsError, Mark, Members, People, Pin},
    wire::PublicKey,
};

use super::take;

const NEW: PublicKey = PublicKey([0xab; 32]);

/// Any bytes as the file of known rooms, of keys let in before, or of people about whom something was said: the first byte
/// says which.
pub fn files(data: &[u8]) {
    let mut data = data;
    let list = [hosts, members, people][usize::from(take(&mut data)) % 3];
    let scratch = Scratch::new();
    let path = scratch.0.join("list");
    fs::write(&path, data).expect("the folder for temporary files takes a file");
    list(&path, data);
}

fn hosts(path: &Path, data: &[u8]) {
    let hosts = Hosts::at(path);
    let new: HostAddr = "new.example:1".parse().expect("an address");
    match hosts.check(&new, &NEW) {
        Ok(Pin::Known) | Err(HostsError::Changed { .. }) => {}
        Err(HostsError::File(error)) => {
            refused(path, data, &error);
            assert!(hosts.remember(&new, &NEW).is_err(), "a file that makes no sense was written over");
            assert_eq!(fs::read(path).expect("still there"), data);
            return;
        }
        Ok(Pin::New) => {
            hosts.remember(&new, &NEW).expect("a file that can be read can be added to");
            assert_eq!(hosts.check(&new, &NEW).expect("what was written can be read"), Pin::Known);
        }
    }
    let text = str::from_utf8(data).expect("it was read as text");
    let mut pins = text.lines().filter_map(|line| line.split_once(' ')).filter(|(addr, _)| *addr != "pchat");
    pins.clone().take(8).for_each(|(addr, key)| {
        let addr: HostAddr = addr.parse().expect("it was read as an address");
        assert_eq!(hosts.check(&addr, &key_of(key)).expect("the file can be read"), Pin::Known);
    });
    if let Some((addr, key)) = pins.next() {
        let addr = addr.parse().expect("it was read as an address");
        assert!(hosts.forget(&addr).expect("the file can be written"));
        assert_eq!(hosts.check(&addr, &key_of(key)).expect("the file can be read"), Pin::New);
    }
}

fn key_of(text: &str) -> PublicKey {
    let byte = |at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("it was read as a key");
    PublicKey(std::array::from_fn(byte))
}

fn members(path: &Path, data: &[u8]) {
    let members = Members::at(path);
    let mut listed = match members.list() {
        Ok(listed) => listed,
        Err(error) => {
            refused(path, data, &error);
            assert!(members.insert(&NEW, "new").is_err(), "a file that makes no sense was written over");
            assert_eq!(fs::read(path).expect("still there"), data);
            return;
        }
    };
    for (at, one) in listed.iter().enumerate() {
        assert!(!one.name.is_empty() && !one.name.contains(char::is_control));
        assert!(listed[..at].iter().all(|other| other.key != one.key), "one key twice");
    }
    members.remove_key(&NEW).expect("the file can be written");
    members.insert(&NEW, "new").expect("the file can be written");
    listed.retain(|one| one.key != NEW);
    let mut after = members.list().expect("what was written can be read");
    assert_eq!(after.pop().map(|last| (last.key, last.name)), Some((NEW, "new".to_owned())));
    assert_eq!(after, listed, "writing the file changed what it says");
}

fn people(path: &Path, data: &[u8]) {
    const MARKS: [Mark; 3] = [Mark::Verified, Mark::Trusted, Mark::Ignored];
    let people = match People::open(path) {
        Ok(people) => people,
        Err(error) => {
            refused(path, data, &error);
            // Whoever has read it before it was damaged does not write over it either.
            fs::remove_file(path).expect("it is there");
            let people = People::open(path).expect("no file is nobody");
            fs::write(path, data).expect("it can be written");
            assert!(people.mark(&NEW, "new", Mark::Verified).is_err() && !people.is(&NEW, Mark::Verified));
            assert_eq!(fs::read(path).expect("still there"), data);
            return;
        }
    };
    let all = |people: &People| MARKS.map(|mark| people.all(mark));
    let before = all(&people);
    for person in before.iter().flatten() {
        assert!(!person.name.is_empty() && !person.name.contains(char::is_control));
        assert!(people.get(&person.key).is_some_and(|found| found == *person), "one key twice");
        let known = person.marks.has(Mark::Verified) || person.marks.has(Mark::Trusted);
        assert!(!known || people.namesake(&person.key, &person.name).is_none(), "its own name is no other's");
    }
    for mark in MARKS {
        people.unmark(&NEW, mark).expect("the file can be written");
    }
    let rest = all(&people);
    people.mark(&NEW, "new", Mark::Trusted).expect("the file can be written");
    let again = People::open(path).expect("what was written can be read");
    assert_eq!(all(&again), all(&people), "what counts is what is in the file");
    assert!(again.unmark(&NEW, Mark::Trusted).expect("the file can be written"));
    assert_eq!(all(&again), rest, "writing the file changed what it says");
    let others = before.map(|people| people.into_iter().filter(|one| one.key != NEW).collect::<Vec<_>>());
    assert_eq!(rest, others, "something else was taken back");
}

/// A file that is refused names a line that it has, or its end.
fn refused(path: &Path, data: &[u8], error: &FileError) {
    let FileError::Malformed { path: named, line, reason } = error else { panic!("{error}") };
    let lines = data.iter().filter(|byte| **byte == b'\n').count() + 1;
    assert!(named == path && (1..=lines).contains(line) && !reason.is_empty(), "{error}");
}

/// A folder of its own, removed on drop.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("pchat-fuzz-{}-{}", process::id(), COUNT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("the folder for temporary files takes a folder");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
