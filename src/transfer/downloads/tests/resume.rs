use super::*;

fn content_path(downloads: &Downloads) -> PathBuf {
    let mut found = fs::read_dir(downloads.path()).unwrap().map(|entry| entry.unwrap().path().join("content"));
    found.find(|path| path.exists()).unwrap()
}

fn present(downloads: &Downloads, plan: &Plan) -> u64 {
    downloads.stage(&KEY, plan.clone()).unwrap().present().unwrap()
}

#[test]
fn case_100_a_partial_that_was_altered_is_read_as_it_is() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    let plan = one_file("a", 1000);
    let bytes = content(1000);
    for alter in [
        |path: &Path| fs::write(path, [9; 500]).unwrap(),
        |path: &Path| fs::write(path, [9; 2000]).unwrap(),
        |path: &Path| fs::write(path, []).unwrap(),
        |path: &Path| fs::remove_file(path).unwrap(),
        |path: &Path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
            fs::write(path.join("x"), "").unwrap();
        },
        |path: &Path| {
            fs::remove_file(path).unwrap();
            std::os::unix::fs::symlink("/etc/passwd", path).unwrap();
        },
    ] {
        fetch(&downloads, &plan, &bytes, 500).unwrap();
        alter(&content_path(&downloads));
        let saved = save(&downloads, &plan);
        assert_eq!(fs::read(&saved.path).unwrap(), bytes);
        fs::remove_file(&saved.path).unwrap();
    }
    fetch(&downloads, &plan, &bytes, 500).unwrap();
    let mut staging = downloads.stage(&KEY, plan.clone()).unwrap();
    assert!(staging.begin(501).is_err(), "more than there is");
    assert_eq!(fs::metadata(content_path(&downloads)).unwrap().len(), 500);
    assert!(staging.hash(501, &mut |_| ControlFlow::Continue(())).is_err());
}

#[test]
fn what_is_present_ends_at_the_first_file_that_is_not_right() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    let plan = tree();
    let bytes = content(713);
    for (upto, alter, expected) in [
        (500, "sub/.hidden", 13 - 3),
        (500, "a.txt", 0),
        (500, "empty-at-first", 10),
        (500, "sub", 10),
        (500, "none", 512),
        (712, "sub/run.sh", 13),
    ] {
        // Pieces have 64 bytes, and come from where the last attempt ended.
        fetch(&downloads, &plan, &bytes, upto).unwrap();
        let upto = downloads.stage(&KEY, plan.clone()).unwrap().present().unwrap();
        let path = content_path(&downloads).join(alter);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap()
        } else {
            drop(fs::remove_file(path))
        }
        let expected = if alter == "none" { upto } else { expected };
        assert_eq!(present(&downloads, &plan), expected, "{alter}");
        downloads.stage(&KEY, plan.clone()).unwrap().discard().unwrap();
    }
    let saved = save(&downloads, &plan);
    assert_eq!(seen(&saved.path).len(), 9);
}

#[test]
fn every_offset_resumes_to_the_same_folder() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    let plan = tree();
    let bytes = content(713);
    let whole = seen(&save(&downloads, &plan).path);
    for offset in [0, 1, 9, 10, 11, 12, 13, 14, 400, 712, 713] {
        // More is staged than is kept, and things that nobody planned.
        let mut staging = downloads.stage(&KEY, plan.clone()).unwrap();
        staging.begin(0).unwrap();
        staging.write(&bytes).unwrap();
        let path = content_path(&downloads);
        for junk in ["junk", "sub/junk", "vain/junk", "sub/deeper/junk"] {
            fs::create_dir_all(path.join(junk)).unwrap_or_default();
            fs::write(path.join(junk).join("x"), "junk").unwrap_or_default();
        }
        staging.begin(offset).unwrap();
        assert_eq!(staging.present().unwrap(), offset, "nothing after {offset} is left");
        let mut there = Vec::new();
        let _ = staging.hash(offset, &mut |piece| {
            there.extend_from_slice(piece);
            ControlFlow::Continue(())
        });
        assert_eq!(there, bytes[..offset as usize]);
        staging.write(&bytes[offset as usize..]).unwrap();
        assert_eq!(seen(&staging.save().unwrap().path), whole, "from {offset}");
    }
}

#[test]
fn what_another_list_of_names_left_does_not_come_along() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    // The same key, as of an offer of the same name and size.
    let old = plan_of(Kind::Folder, "t", listed(&[("a", 10), ("b.sh", 10), ("c/d", 10)]));
    fetch(&downloads, &old, &content(30), 30 - 1).unwrap();
    let new = plan_of(Kind::Folder, "t", listed(&[("a", 10), ("b", 10), ("c", 10)]));
    assert_eq!(present(&downloads, &new), 10);
    let saved = save(&downloads, &new);
    let names: Vec<_> = seen(&saved.path).into_keys().collect();
    assert_eq!(names, ["/", "/a", "/b", "/c"]);
}

#[test]
fn case_115_a_folder_cut_at_entry_5000_of_10000_goes_on_there() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    let paths: Vec<_> = (0..10_000).map(|at| format!("d{:02}/f{:04}", at / 100, at % 100)).collect();
    let paths: Vec<_> = paths.iter().map(|path| (&**path, 7)).collect();
    let plan = plan_of(Kind::Folder, "many", listed(&paths));
    let bytes = content(70_000);
    let cut = 35_003;
    fetch(&downloads, &plan, &bytes, cut).unwrap();
    assert!(visible(&downloads).is_empty(), "nothing has its name before it is whole");
    let mut staging = downloads.stage(&KEY, plan.clone()).unwrap();
    assert_eq!(staging.present().unwrap(), cut as u64);
    let first = content_path(&downloads).join("d00/f0000");
    let made = fs::metadata(&first).unwrap();
    staging.begin(cut as u64).unwrap();
    staging.write(&bytes[cut..]).unwrap();
    assert!(visible(&downloads).is_empty());
    let saved = staging.save().unwrap();
    assert_eq!(visible(&downloads), ["many"]);
    let seen = seen(&saved.path);
    assert_eq!(seen.len(), 10_101);
    assert!(seen.values().flatten().eq(&bytes));
    use std::os::unix::fs::MetadataExt;
    let kept = fs::metadata(saved.path.join("d00/f0000")).unwrap();
    assert_eq!((kept.ino(), kept.ctime_nsec()), (made.ino(), made.ctime_nsec()), "it was not touched again");
}
