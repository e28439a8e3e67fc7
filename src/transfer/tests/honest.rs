//! Two ends that are what they should be.

use std::{fs::File, os::unix::fs::PermissionsExt, time::Instant};

use super::*;
use crate::{
    size::Rate,
    transfer::{
        control::Wish,
        record::{CHUNK, Stop},
    },
};

#[test]
fn case_103_files_of_any_length_arrive_as_they_were() {
    let chunk = CHUNK as usize;
    for len in [0, 1, chunk / 4, chunk - 1, chunk, chunk + 1, 3 * chunk] {
        let place = Place::new();
        let bytes = content(len);
        let (source, offer) = place.file("film", &bytes);
        let (fetched, served) = both(&place.order(&offer), &source);
        assert!(matches!(&fetched, Fetched::Saved(saved, got) if saved.name == "film" && *got == len as u64));
        assert!(matches!(served, Served::All), "{served:?}");
        assert!(fs::read(place.got("film")).unwrap() == bytes);
        // Once more: it is there.
        let order = place.order(&offer);
        let (fetched, served) = both(&order, &source);
        assert!(matches!(&fetched, Fetched::Present(path) if *path == place.got("film")), "{fetched:?}");
        assert!(matches!(served, Served::All), "{served:?}");
        assert_eq!((place.saved().len(), place.downloads.partials().unwrap()), (1, (0, 0)));
        // The same name with another content comes beside it.
        let mut other = bytes.clone();
        let Some(last) = other.last_mut() else { continue };
        *last ^= 1;
        let (source, offer) = place.file("film", &other);
        let (fetched, _) = both(&place.order(&offer), &source);
        assert!(matches!(&fetched, Fetched::Saved(saved, _) if saved.name == "film (1)"), "{fetched:?}");
        assert!(fs::read(place.got("film (1)")).unwrap() == other && fs::read(place.got("film")).unwrap() == bytes);
    }
}

#[test]
fn case_103_a_file_of_holes_arrives_with_its_length() {
    let place = Place::new();
    let path = place.own("holes");
    File::create(&path).unwrap().set_len(40 << 20).unwrap();
    let (source, offer) = offered(&path);
    let (fetched, _) = both(&place.order(&offer), &source);
    assert!(matches!(fetched, Fetched::Saved(_, len) if len == 40 << 20), "{fetched:?}");
    assert_eq!(fs::metadata(place.got("holes")).unwrap().len(), 40 << 20);
}

#[test]
fn case_106_of_the_rights_only_that_to_execute_arrives() {
    let place = Place::new();
    for (name, mode) in [("run", 0o4777), ("read", 0o2646)] {
        fs::write(place.own(name), name).unwrap();
        fs::set_permissions(place.own(name), PermissionsExt::from_mode(mode)).unwrap();
        let (source, offer) = offered(&place.own(name));
        let (fetched, _) = both(&place.order(&offer), &source);
        assert!(matches!(fetched, Fetched::Saved(..)), "{fetched:?}");
        let got = fs::metadata(place.got(name)).unwrap().permissions().mode();
        assert_eq!((got & 0o7022, got & 0o100), (0, mode & 0o100), "{name} {got:o}");
    }
}

#[test]
fn a_choice_of_a_folder_arrives_and_the_rest_does_not() {
    let place = Place::new();
    fs::create_dir_all(place.own("src/docs")).unwrap();
    for name in ["a.txt", "b.jpg", "docs/c.txt", "docs/d.jpg"] {
        fs::write(place.own("src").join(name), name).unwrap();
    }
    let (source, offer) = offered(&place.own("src"));
    let mut order = place.order(&offer);
    order.patterns = vec!["*.txt".into()];
    let (fetched, _) = both(&order, &source);
    assert!(matches!(fetched, Fetched::Saved(_, 15)), "{fetched:?}");
    assert_eq!(fs::read_to_string(place.got("src/docs/c.txt")).unwrap(), "docs/c.txt");
    assert!(
        place.got("src/a.txt").exists() && !place.got("src/b.jpg").exists() && !place.got("src/docs/d.jpg").exists()
    );
    let mut order = place.order(&offer);
    order.patterns = vec!["*.png".into()];
    assert_eq!(order.then(), Ok(Then::Ask));
    let (fetched, _) = both(&order, &source);
    assert!(matches!(fetched, Fetched::Failed(_)), "{fetched:?}");
}

#[test]
fn case_107_a_wish_of_either_end_ends_both_alike() {
    for (wish, why) in [(Wish::Cancel, Stop::Cancelled), (Wish::Pause, Stop::Paused)] {
        let place = Place::new();
        let (source, offer) = place.file("film", &content(3 << 20));
        let order = place.order(&offer);
        let job = job(&source, Then::Take);
        job.control.want(wish);
        let (ours, theirs) = two();
        let (fetched, served) = thread::scope(|scope| {
            let serving = scope.spawn(|| serve(theirs, &job));
            (fetch(ours, &order, Then::Take), serving.join().unwrap())
        });
        assert!(matches!(&fetched, Fetched::Stopped(said, _) if *said == why), "{fetched:?}");
        assert!(matches!(served, Served::Stopped), "{served:?}");
        assert!(place.saved().is_empty());
    }
}

#[test]
fn a_limit_is_kept_and_one_that_is_raised_counts_at_once() {
    let place = Place::new();
    let (source, offer) = place.file("film", &content(600_000));
    let order = place.order(&offer);
    // At this speed it would take a day.
    order.paces[0].set(Some(7));
    let job = job(&source, Then::Take);
    let (ours, theirs) = two();
    let begin = Instant::now();
    let fetched = thread::scope(|scope| {
        scope.spawn(|| serve(theirs, &job));
        scope.spawn(|| {
            while order.meter.moved() == 0 && begin.elapsed() < LONG {
                thread::yield_now();
            }
            let Rate(fast) = "100M".parse().unwrap();
            order.paces[0].set(fast);
        });
        fetch(ours, &order, Then::Take)
    });
    assert!(matches!(fetched, Fetched::Saved(..)), "{fetched:?}");
    assert!(begin.elapsed() < LONG);
}
