//! How long it takes, and how much memory: `cargo test --release -- --ignored --nocapture measured`.

use std::time::Instant;

use super::*;
use crate::transfer::manifest::{Builder, MAX_ENTRIES};

fn many(count: u32, len: usize) -> Scratch {
    let scratch = Scratch::new();
    let content = vec![7; len];
    for n in 0..count {
        if n % 100 == 0 {
            fs::create_dir(scratch.join(&format!("folder-{:05}", n / 100))).unwrap();
        }
        fs::write(scratch.join(&format!("folder-{:05}/picture-{n:06}.jpg", n / 100)), &content).unwrap();
    }
    scratch
}

#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4
}

#[test]
#[ignore = "making so many files takes seconds"]
fn case_110_more_files_than_the_limit_are_refused_in_one_folder_and_in_many() {
    let scratch = many(MAX_ENTRIES, 0);
    let error = refused(scratch.path()).to_string();
    assert!(error.ends_with(": 250001 files and folders, where 250000 are allowed"), "{error}");
    drop(scratch);
    let scratch = Scratch::new();
    (0..=MAX_ENTRIES).for_each(|n| fs::write(scratch.join(&n.to_string()), b"").unwrap());
    let error = refused(scratch.path()).to_string();
    assert_eq!(error, ".: 250001 files and folders, where 250000 are allowed");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "it measures, and judges nothing"]
fn measured() {
    let scratch = many(2_000, 4096);
    for _ in 0..3 {
        let start = Instant::now();
        let source = open(scratch.path());
        let walked = start.elapsed();
        let start = Instant::now();
        let mut reader = source.reader(&ALL, 0).unwrap();
        let mut buffer = vec![0; 1 << 20];
        let mut total = 0;
        while let some @ 1.. = reader.read(&mut buffer).unwrap() {
            total += some;
        }
        println!("2,000 x 4 KiB: walk {walked:?}, read {:?} ({total} bytes)", start.elapsed());
    }
    drop(scratch);
    let scratch = many(100_000, 0);
    let before = resident();
    let start = Instant::now();
    let source = open(scratch.path());
    println!(
        "100,000 files: walk {:?}, {} KiB more, {} bytes",
        start.elapsed(),
        resident().saturating_sub(before),
        source.manifest().bytes().len()
    );
    let start = Instant::now();
    let found = Selection::matching(source.manifest(), &["*7.jpg"]).unwrap();
    println!("matching {:?}, {} bytes", start.elapsed(), found.encode().len());
    let start = Instant::now();
    println!("{} differences {:?}", source.differences().len(), start.elapsed());
    let start = Instant::now();
    println!("{} entries {:?}", source.manifest().entries().count(), start.elapsed());
    let start = Instant::now();
    println!("digest {:x?} {:?}", source.manifest().digest()[0], start.elapsed());
    let before = resident();
    let mut builder = Builder::new();
    let tail = "n".repeat(54);
    let modified = source.manifest().paths().next().unwrap().2.modified;
    for n in 0..MAX_ENTRIES {
        let name = format!("{n:06}{tail}");
        if builder.file(FileEntry { name: &name, len: 1, modified, executable: false }).is_err() {
            println!("full at {n} files: limit");
            break;
        }
        if n % 20_000 == 0 {
            println!("{n} files: {} KiB more", resident().saturating_sub(before));
        }
    }
    let big = scratch.join("big");
    fs::write(&big, vec![1; 512 << 20]).unwrap();
    let source = open(&big);
    let mut reader = source.reader(&ALL, 0).unwrap();
    let mut buffer = vec![0; 1 << 18];
    let start = Instant::now();
    while reader.read(&mut buffer).unwrap() > 0 {}
    println!("512 MiB {:?}", start.elapsed());
}
