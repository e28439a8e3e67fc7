use super::*;

#[test]
fn case_083_a_name_that_leads_elsewhere_refuses_all_of_it() {
    // What a manifest itself refuses does not come so far.
    for name in ["C:x", "a\\b", "c:"] {
        let mut builder = Builder::new();
        if builder.file(file(name, 1)).is_err() {
            continue;
        }
        let manifest = Arc::new(builder.finish().unwrap());
        let error = Plan::new(Kind::Folder, safe("t"), manifest, Selection::All).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn case_094_one_dangerous_name_among_those_not_meant_refuses_all_of_it_too() {
    let manifest = Arc::new(listed(&[("C:\u{1b}x", 1), ("fine", 1)]));
    let choice = Selection::Runs(vec![(1, 1)]);
    let error = Plan::new(Kind::Folder, safe("t"), manifest, choice).unwrap_err().to_string();
    assert!(error.contains("C:<U+001B>x"), "{error}");
}

#[test]
fn a_file_is_one_file() {
    let two = Arc::new(listed(&[("a", 1), ("b", 1)]));
    assert!(matches!(Plan::new(Kind::File, safe("t"), two, Selection::All), Err(PlanError::NotOneFile)));
}

#[test]
fn case_090_names_that_some_systems_take_for_one_get_numbers_and_keep_them() {
    let paths =
        [("README", 1), ("Readme", 2), ("a?", 3), ("a_", 4), ("cafe\u{301}", 5), ("caf\u{e9}", 6), ("readme", 7)];
    let plan = plan_of(Kind::Folder, "t", listed(&paths));
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    // Cut in the middle, the names are the same at the next attempt.
    fetch(&downloads, &plan, &content(28), 12).unwrap();
    let saved = save(&downloads, &plan);
    let lens: BTreeMap<_, _> = seen(&saved.path).into_iter().map(|(name, bytes)| (name, bytes.len())).collect();
    let expected = [
        ("/", 0),
        ("/README", 1),
        ("/Readme (1)", 2),
        ("/a_", 3),
        ("/a_ (1)", 4),
        ("/caf\u{e9}", 5),
        ("/caf\u{e9} (1)", 6),
        ("/readme (2)", 7),
    ];
    assert_eq!(lens, expected.map(|(name, len)| (name.to_owned(), len)).into());
}

#[test]
fn names_that_are_all_the_same_are_refused_in_time() {
    let mut builder = Builder::new();
    // Each is cleaned to the same name.
    for at in 0..200_000_u32 {
        let [high, middle, low] = [at >> 12, at >> 6 & 63, at & 63].map(|part| char::from_u32(0xe000 + part).unwrap());
        builder.file(file(&format!("{high}{middle}{low}"), 0)).unwrap();
    }
    let manifest = Arc::new(builder.finish().unwrap());
    let error = Plan::new(Kind::Folder, safe("t"), manifest, Selection::All).unwrap_err();
    assert!(error.to_string().contains("the same"), "{error}");
}

#[test]
fn names_without_end_overwrite_nothing_and_stay_in_the_folder() {
    let scratch = Scratch::in_memory();
    let downloads = downloads(&scratch);
    fs::write(scratch.join("beside"), "mine").unwrap();
    let pieces = ["a", "A", ".", " ", "-", "~", "con", "\u{202e}", "e\u{301}", "\u{e9}", "*", "..", "x.tar.gz", "\n"];
    let mut written = Vec::new();
    for one in pieces {
        for other in pieces {
            for third in ["", ".txt", "."] {
                let name = format!("{one}{other}{third}");
                let Ok(top) = received(&name, Place::Top) else { continue };
                let bytes = format!("{name:?} is number {}", written.len()).into_bytes();
                let manifest = Arc::new(Manifest::single(file("said", bytes.len() as u64)).unwrap());
                let plan = Plan::new(Kind::File, top, manifest, Selection::All).unwrap();
                let saved = fetch(&downloads, &plan, &bytes, bytes.len()).unwrap().unwrap();
                written.push((saved.path, bytes));
            }
        }
    }
    assert!(written.len() > 500);
    assert_eq!(visible(&downloads).len(), written.len());
    for (path, bytes) in written {
        assert_eq!(path.parent().unwrap(), downloads.path());
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 2);
}
