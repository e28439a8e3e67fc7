use std::{
    os::unix::fs::symlink,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use super::*;

#[test]
fn case_111_a_link_in_a_partial_is_not_followed() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    let outside = scratch.join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("d"), "mine").unwrap();
    let before = seen(&outside);
    let plan = plan_of(Kind::Folder, "t", listed(&[("a", 10), ("sub/d", 4), ("sub/e", 6)]));
    for swap in ["", "sub", "a", "sub/d"] {
        fetch(&downloads, &plan, &content(20), 17).unwrap();
        let partial = fs::read_dir(downloads.path()).unwrap().next().unwrap().unwrap().path();
        let path = partial.join("content").join(swap);
        let path = path.components().as_path();
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap()
        } else {
            fs::remove_file(path).unwrap()
        }
        symlink(if swap.ends_with('d') { outside.join("d") } else { outside.clone() }, path).unwrap();
        let saved = save(&downloads, &plan);
        assert_eq!(seen(&saved.path).len(), 5);
        assert!(seen(&saved.path).keys().all(|name| !name.ends_with('@')));
        assert_eq!(seen(&outside), before);
        fs::remove_dir_all(&saved.path).unwrap();
    }
    // In the download folder itself, a link of that name is not taken for the folder.
    symlink(&outside, downloads.path().join("t")).unwrap();
    assert!(downloads.existing(&plan).is_none());
    assert_eq!(save(&downloads, &plan).name, "t (1)");
    assert_eq!(seen(&outside), before);
}

/// Puts a link to `outside` in the place of a folder, if nobody is quicker. The racer itself must not follow its links.
fn swap(parent: &Path, name: &str, outside: &Path, aside: &Path) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    let Ok(parent) = rustix::fs::open(parent.components().as_path(), flags, Mode::empty()) else { return };
    if rustix::fs::renameat(&parent, name, rustix::fs::CWD, aside).is_ok() {
        let _ = rustix::fs::symlinkat(outside, &parent, name);
        let _ = fs::remove_dir_all(aside);
        let _ = fs::remove_file(aside);
    }
}

#[test]
fn case_112_swapping_folders_for_links_meanwhile_wins_nothing() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    let outside = scratch.join("outside");
    fs::create_dir_all(outside.join("sub")).unwrap();
    fs::write(outside.join("f0"), "mine").unwrap();
    let before = seen(&outside);
    let paths = ["sub/f0", "sub/f1", "sub/sub/f0", "sub/sub/f1", "two/f0", "two/f1"].map(|path| (path, 3));
    let plan = plan_of(Kind::Folder, "t", listed(&paths));
    let bytes = content(18);
    let mut staging = downloads.stage(&KEY, plan.clone()).unwrap();
    let root = downloads.path().join(&staging.name).join("content");
    let over = AtomicBool::new(false);
    let (mut whole, mut stopped) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0_u64;
            while !over.load(Relaxed) {
                for (parent, name) in [("", "sub"), ("", "two"), ("sub", "sub")] {
                    round += 1;
                    swap(&root.join(parent), name, &outside, &scratch.join(&format!("aside-{round}")));
                }
            }
        });
        for round in 0..4_000_u64 {
            let upto = (round % 18) as usize;
            // Sometimes from what is there, as far as it is there.
            let offset = if round % 3 == 0 { staging.present().unwrap_or(0).min(upto as u64) } else { 0 };
            let begun = staging.begin(offset);
            let done = begun.and_then(|()| staging.write(&bytes[offset as usize..]));
            match done {
                Ok(()) => whole += 1,
                Err(_) => stopped += 1,
            }
        }
        over.store(true, Relaxed);
    });
    assert_eq!(seen(&outside), before, "{whole} whole, {stopped} stopped");
    assert!(whole > 0 && stopped > 0, "{whole} whole, {stopped} stopped: nobody raced");
    staging.discard().unwrap();
    assert_eq!(seen(&outside), before);
    assert!(visible(&downloads).is_empty());
}
