//! Files over connections that break all the time.

use std::{fs, thread};

use super::*;

const MIB: u64 = 1 << 20;

/// What a cut may cost beside the chunk that is begun anew: handshakes and what is said about the file.
const TALK: u64 = 64 * 1024;

/// Bytes that do not repeat.
fn noise(dice: &mut Dice, len: u64) -> Vec<u8> {
    (0..len.div_ceil(8)).flat_map(|_| dice.roll(u64::MAX).to_le_bytes()).take(len as usize).collect()
}

/// How many files a room has on offer at once: fewer than one member may have up.
const FILES: usize = 5;

/// A room in which so many files go to one member, each over so many cuts or more.
fn transfers(cuts: usize, seed: u64) {
    eprintln!("seed {seed}");
    let mut dice = Dice::new(seed);
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let proxy = Proxy::from(9, host.port());
    let member = Pchat::join(&bob, "bob", proxy.port, &["--auto-accept", "all"]);
    let folder = bob.path().join("Downloads/pchat");
    // More than one chunk and less than two, so that each connection brings its file on by one.
    proxy.cut_after((0..10 * FILES * cuts).map(|_| MIB + TALK + dice.roll(MIB - 2 * TALK)));
    let (passed, accepted) = (proxy.passed(), proxy.accepted());
    let mut files = Vec::new();
    for file in 0..FILES {
        let (name, len) = (format!("file{file}.bin"), (cuts as u64 + 1) * MIB + dice.roll(MIB));
        let bytes = noise(&mut dice, len);
        fs::write(alice.path().join(&name), &bytes).expect("a file");
        host.say(&format!("sendfile {name}"));
        files.push((name, bytes));
    }
    member.out.collect(FILES, |line| line.starts_with("* saved "));
    host.out.collect(FILES, |line| line.starts_with("* bob saved "));
    for (name, bytes) in &files {
        assert!(fs::read(folder.join(name)).expect("it is there") == *bytes, "seed {seed}: {name}");
    }
    let broken = (proxy.accepted() - accepted - FILES) as u64;
    let len: u64 = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    let again = proxy.passed() - passed - len;
    eprintln!("seed {seed}: {broken} cuts, {} KiB again for each", again / 1024 / broken.max(1));
    assert!(broken >= (FILES * cuts) as u64, "seed {seed}: {broken} cuts");
    assert!(again <= broken * (MIB + TALK), "seed {seed}: {again} bytes again for {broken} cuts");
    let left: Vec<_> =
        fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(left.len(), FILES, "seed {seed}: {left:?}");
    assert!(member.err.so_far().is_empty() && host.err.so_far().is_empty());
}

/// So many rooms, two at a time.
fn rooms(seeds: std::ops::RangeInclusive<u64>) {
    let seeds: Vec<_> = seeds.collect();
    for pair in seeds.chunks(2) {
        let running: Vec<_> = pair
            .iter()
            .map(|seed| {
                (
                    *seed,
                    thread::spawn({
                        let seed = *seed;
                        move || transfers(10, seed)
                    }),
                )
            })
            .collect();
        for (seed, room) in running {
            room.join().unwrap_or_else(|_| panic!("seed {seed} fails"));
        }
    }
}

#[test]
fn ten_files_over_a_hundred_cuts_are_whole_and_no_cut_costs_more_than_a_chunk() {
    rooms(1..=2);
}

#[test]
#[ignore = "takes minutes"]
fn a_hundred_files_over_a_thousand_cuts_are_whole_and_no_cut_costs_more_than_a_chunk() {
    rooms(3..=22);
}
