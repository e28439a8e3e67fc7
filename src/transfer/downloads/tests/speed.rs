//! Not run by itself: `cargo test --lib speed -- --ignored --nocapture`, with TMPDIR for the file system that is meant.

use std::time::Instant;

use super::*;

#[test]
#[ignore = "measures"]
fn small_files_and_a_big_one() {
    for scratch in [Scratch::in_memory(), Scratch::new()] {
        let downloads = downloads(&scratch);
        let paths: Vec<_> = (0..2_000).map(|at| format!("d{:02}/file-{at:04}.txt", at / 50)).collect();
        let paths: Vec<_> = paths.iter().map(|path| (&**path, 4096)).collect();
        let begun = Instant::now();
        let plan = plan_of(Kind::Folder, "many", listed(&paths));
        let planned = begun.elapsed();
        let piece = content(256 * 1024);
        let write = |plan: Plan| {
            let begun = Instant::now();
            let mut staging = downloads.stage(&KEY, plan.clone()).unwrap();
            staging.begin(0).unwrap();
            let mut rest = plan.content_len();
            while rest > 0 {
                let len = rest.min(piece.len() as u64);
                staging.write(&piece[..len as usize]).unwrap();
                rest -= len;
            }
            let written = begun.elapsed();
            let saved = staging.save().unwrap();
            (written, begun.elapsed() - written, saved)
        };
        let (written, synced, saved) = write(plan.clone());
        let begun = Instant::now();
        let existing = downloads.existing(&plan).unwrap();
        let looked = begun.elapsed();
        let begun = Instant::now();
        assert!(existing.hash(plan.content_len(), &mut |_| ControlFlow::Continue(())).unwrap().is_continue());
        println!("{}: {}", scratch.path().display(), saved.name);
        println!(
            "  2,000 x 4 KiB: plan {planned:?} write {written:?} save {synced:?} shape {looked:?} read {:?}",
            begun.elapsed()
        );
        let gib = 1 << 30;
        let (written, synced, saved) = write(one_file("big", gib));
        let begun = Instant::now();
        let mut raw = fs::File::create(downloads.path().join("raw")).unwrap();
        for _ in 0..gib / piece.len() as u64 {
            io::Write::write_all(&mut raw, &piece).unwrap();
        }
        println!("  1 GiB: write {written:?} save {synced:?}; raw {:?}", begun.elapsed());
        fs::remove_file(&saved.path).unwrap();
    }
    let mut builder = Builder::new();
    for at in 0..240_000 {
        builder.file(file(&format!("file-{at:06}.txt"), 10)).unwrap();
    }
    let manifest = builder.finish().unwrap();
    let begun = Instant::now();
    plan_of(Kind::Folder, "most", manifest);
    println!("240,000 names checked in {:?}", begun.elapsed());
}
