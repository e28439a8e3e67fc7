//! Streams that break anywhere, and what is then sent again.

use super::*;
use crate::transfer::record::{CHUNK, Control, Reader, Record};

/// What passed between two ends before the stream broke.
#[derive(Debug, Default)]
struct Passed {
    /// Where the content began, if it came so far.
    from: Option<u64>,
    /// Bytes of content that arrived in whole records.
    content: u64,
}

/// Fetches over a stream that breaks after so many bytes of what the sender says.
fn cut_after(order: &Order, source: &Arc<Source>, bytes: u64) -> (Fetched, Passed) {
    let then = order.then().unwrap();
    let job = job(source, then);
    let ((ours, near), (far, theirs)) = (two(), two());
    thread::scope(|scope| {
        scope.spawn(|| serve(theirs, &job));
        let between = scope.spawn(move || {
            let mut passed = Passed::default();
            pass(near, far, then, bytes, &mut passed).unwrap_or_default();
            passed
        });
        let fetched = fetch(ours, order, then);
        (fetched, between.join().unwrap())
    })
}

fn pass(mut near: Stream, mut far: Stream, then: Then, mut left: u64, passed: &mut Passed) -> Option<()> {
    loop {
        let mut records = Reader::new(&mut far);
        let record = records.take().ok()?;
        let (mut listed, mut over, mut content) = (false, false, 0);
        let bytes = match record {
            Record::Page(page) => raw(1, page),
            Record::Data(bytes) => {
                content = bytes.len() as u64;
                raw(2, bytes)
            }
            Record::Control(control) => {
                listed = control == Control::Listed;
                over = matches!(control, Control::End(_));
                if let Control::From(from) = control {
                    passed.from = Some(from);
                }
                let mut bytes = Vec::new();
                write_control(&mut bytes, &control).unwrap();
                bytes
            }
        };
        let most = left.min(bytes.len() as u64);
        near.write_all(&bytes[..most as usize]).ok()?;
        left -= most;
        if most < bytes.len() as u64 {
            // Both ends see it break.
            return None;
        }
        passed.content += content;
        if over {
            thread::scope(|scope| {
                scope.spawn(|| far.finish());
                near.finish().ok()
            });
            return Some(());
        }
        if listed && then == Then::Ask {
            let mut words = Reader::new(&mut near);
            let Ok(Record::Control(want)) = words.take() else { return None };
            write_control(&mut far, &want).ok()?;
        }
    }
}

/// Breaks a transfer of that source again and again until it is there, and says how often.
fn through_cuts(place: &Place, (source, offer): (&Arc<Source>, &Offer), dice: &mut Dice, cuts: &mut u32) {
    // Something is there from the first attempt on, so that the receiver always says what it has.
    let first = place.order(offer);
    let begun = fetched(&first, first.then().unwrap(), |out| {
        write_manifest(out, source.manifest().bytes())?;
        write_control(out, &Control::From(0))
    });
    assert!(matches!(begun, Fetched::Broken(_)), "{begun:?}");
    let mut arrived = 0;
    let list = source.manifest().bytes().len() as u64;
    // So much that it can get on: what is short of a whole chunk may be sent again each time.
    let most = ((offer.bytes + list) / 2).max(CHUNK + list) + 300_000;
    loop {
        let order = place.order(offer);
        assert_eq!(order.then(), Ok(Then::Ask));
        let (fetched, passed) = cut_after(&order, source, dice.below(most));
        // Where it breaks within the list nothing is sent at all.
        if let Some(from) = passed.from {
            assert!(from + CHUNK > arrived, "{} of {arrived} bytes are sent again", arrived - from);
            arrived = arrived.max(from + passed.content);
        }
        match fetched {
            Fetched::Broken(_) => *cuts += 1,
            Fetched::Saved(_, len) => return assert_eq!(len, offer.bytes),
            other => panic!("{other:?}"),
        }
        assert!(place.saved().is_empty());
    }
}

#[test]
fn case_99_a_file_arrives_through_hundreds_of_cuts_and_little_of_it_twice() {
    let bytes = content((2 << 20) + 77_777);
    let mut cuts = 0;
    let mut dice = Dice(20_261_123);
    while cuts < 200 {
        let place = Place::new();
        let (source, offer) = place.file("film", &bytes);
        through_cuts(&place, (&source, &offer), &mut dice, &mut cuts);
        assert!(fs::read(place.got("film")).unwrap() == bytes);
        assert_eq!(place.downloads.partials().unwrap(), (0, 0));
    }
}

#[test]
fn case_115_a_folder_arrives_through_cuts_whole() {
    let mut dice = Dice(4_711);
    let mut cuts = 0;
    while cuts < 40 {
        let place = Place::new();
        for folder in 0..10 {
            let path = place.own("src").join(format!("f{folder}"));
            fs::create_dir_all(&path).unwrap();
            fs::create_dir(path.join("vain")).unwrap();
            for file in 0..10 {
                let len = dice.below(5) * dice.below(20_000);
                fs::write(path.join(format!("{file}")), content(len as usize)).unwrap();
            }
        }
        let (source, offer) = offered(&place.own("src"));
        through_cuts(&place, (&source, &offer), &mut dice, &mut cuts);
        let (again, offer) = offered(&place.got("src"));
        assert_eq!(offer, Offer::of(&source));
        assert_eq!(again.manifest().files(), 100);
        for (_, path, _) in again.manifest().paths() {
            let read = |root: PathBuf| fs::read(root.join(&path)).unwrap();
            assert!(read(place.own("src")) == read(place.got("src")), "{path}");
        }
    }
}

#[test]
fn case_115_a_folder_that_is_cut_in_its_middle_goes_on_there() {
    let place = Place::new();
    fs::create_dir(place.own("src")).unwrap();
    for file in 0..10_000 {
        fs::write(place.own("src").join(format!("{file:05}")), content(500)).unwrap();
    }
    let (source, offer) = offered(&place.own("src"));
    let (fetched, _) = cut_after(&place.order(&offer), &source, source.manifest().bytes().len() as u64 + 2_500_000);
    assert!(matches!(fetched, Fetched::Broken(_)), "{fetched:?}");
    assert!(place.saved().is_empty() && place.partial() > 2 << 20, "{}", place.partial());
    let (fetched, passed) = cut_after(&place.order(&offer), &source, u64::MAX);
    assert!(matches!(fetched, Fetched::Saved(_, 5_000_000)), "{fetched:?}");
    assert_eq!(passed.from, Some(2 << 20));
    assert_eq!(fs::read_dir(place.got("src")).unwrap().count(), 10_000);
}

#[test]
fn case_100_a_partial_that_was_tampered_with_is_thrown_away() {
    type Tamper = fn(&Path);
    let tampers: [(&str, Tamper, u64); 5] = [
        ("nothing", |_| (), 2 << 20),
        (
            "a byte",
            |path| {
                let mut bytes = fs::read(path).unwrap();
                bytes[5] ^= 1;
                fs::write(path, bytes).unwrap();
            },
            0,
        ),
        (
            "shorter",
            |path| fs::File::options().write(true).open(path).unwrap().set_len((1 << 20) + 9).unwrap(),
            1 << 20,
        ),
        ("longer", |path| fs::File::options().write(true).open(path).unwrap().set_len(99 << 20).unwrap(), 0),
        ("gone", |path| fs::remove_file(path).unwrap(), 0),
    ];
    let bytes = content((3 << 20) + 5);
    for (what, tamper, from) in tampers {
        let place = Place::new();
        let (source, offer) = place.file("film", &bytes);
        let (fetched, _) = cut_after(&place.order(&offer), &source, (5 << 20) / 2);
        assert!(matches!(fetched, Fetched::Broken(_)), "{fetched:?}");
        let partial = fs::read_dir(place.scratch.join("got")).unwrap().next().unwrap().unwrap().path();
        tamper(&partial.join("content"));
        let (fetched, passed) = cut_after(&place.order(&offer), &source, u64::MAX);
        assert!(matches!(fetched, Fetched::Saved(..)), "{what}: {fetched:?}");
        assert_eq!(passed.from, Some(from), "{what}");
        assert!(fs::read(place.got("film")).unwrap() == bytes, "{what}");
    }
}
