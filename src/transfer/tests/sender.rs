//! A receiver and a sender that is not what it should be.

use super::*;
use crate::transfer::{
    control::Wish,
    manifest::Manifest,
    record::{Control, Reader, Record, Stop},
};

const LEN: usize = 300_000;

/// What a sender does.
type Script = Box<dyn FnOnce(&mut Stream) -> io::Result<()> + Send>;

/// An offer of one file, its content and its manifest.
fn offer(place: &Place) -> (Offer, Vec<u8>, Vec<u8>) {
    let bytes = content(LEN);
    let (source, offer) = place.file("photo.jpg", &bytes);
    (offer, bytes, source.manifest().bytes().to_vec())
}

/// Each of them fails at the receiver, who says so, and leaves nothing under the final name.
fn all_fail(then: Then, scripts: impl FnOnce(Vec<u8>, Vec<u8>) -> Vec<(&'static str, Script)>) {
    let place = Place::new();
    let (offer, bytes, manifest) = offer(&place);
    for (what, script) in scripts(bytes, manifest) {
        let fetched = fetched(&place.order(&offer), then, script);
        assert!(matches!(&fetched, Fetched::Failed(reason) if !reason.contains('\n')), "{what}: {fetched:?}");
        assert!(place.saved().is_empty(), "{what}");
    }
}

macro_rules! scripts {
    ($bytes:ident, $manifest:ident, $($what:literal: |$out:ident| $do:expr),* $(,)?) => {
        vec![$({
            let ($bytes, $manifest) = ($bytes.clone(), $manifest.clone());
            let script: Script = Box::new(move |$out: &mut Stream| {
                let _ = (&$bytes, &$manifest);
                $do
            });
            ($what, script)
        }),*]
    };
}

fn begin(out: &mut Stream, manifest: &[u8]) -> io::Result<()> {
    write_manifest(out, manifest)?;
    write_control(out, &Control::From(0))
}

#[test]
fn case_93_and_98_what_was_not_asked_for_or_comes_out_of_order_is_refused() {
    all_fail(Then::Take, |bytes, manifest| {
        scripts![bytes, manifest,
            "content first": |out| data(out, &bytes),
            "content without a place": |out| {
                write_manifest(out, &manifest)?;
                data(out, &bytes)
            },
            "a place before the listing": |out| write_control(out, &Control::From(0)),
            "the end before the listing": |out| write_control(out, &Control::End(hash(&bytes))),
            "a place twice": |out| {
                begin(out, &manifest)?;
                write_control(out, &Control::From(0))
            },
            "a place beyond": |out| {
                write_manifest(out, &manifest)?;
                write_control(out, &Control::From(u64::MAX))
            },
            "a place that was not asked for": |out| {
                write_manifest(out, &manifest)?;
                write_control(out, &Control::From(1))
            },
            "a listing after the listing": |out| {
                write_manifest(out, &manifest)?;
                write_manifest(out, &manifest)
            },
            "a listing within the content": |out| {
                begin(out, &manifest)?;
                data(out, &bytes[..1000])?;
                out.write_all(&raw(1, &manifest))
            },
            "a wish of its own": |out| {
                write_manifest(out, &manifest)?;
                write_control(out, &Control::Want { selection: Default::default(), have: 0, hash: [0; 32] })
            },
            "reading of the disk within the content": |out| {
                begin(out, &manifest)?;
                data(out, &bytes[..1000])?;
                write_control(out, &Control::Checking(5))
            },
            "content of nothing": |out| {
                begin(out, &manifest)?;
                out.write_all(&raw(2, b""))
            },
            "a length without bound": |out| {
                begin(out, &manifest)?;
                out.write_all(&[2, 255, 255, 255, 255])
            },
            "an unknown kind": |out| {
                begin(out, &manifest)?;
                out.write_all(&raw(3, b"x"))
            },
            "an unknown word": |out| out.write_all(&raw(0, &[77])),
            "a word and more": |out| out.write_all(&raw(0, &[0, 0])),
            "a reason without end": |out| {
                write_control(out, &Control::Stopped { why: Stop::Paused, reason: "x".repeat(1025) })
            },
        ]
    });
}

#[test]
fn case_96_other_lengths_than_offered_are_refused() {
    all_fail(Then::Take, |bytes, manifest| {
        scripts![bytes, manifest,
            "one byte more": |out| {
                begin(out, &manifest)?;
                data(out, &bytes)?;
                data(out, b"x")?;
                write_control(out, &Control::End(hash(&bytes)))
            },
            "fewer, and the end": |out| {
                begin(out, &manifest)?;
                data(out, &bytes[..LEN - 1])?;
                write_control(out, &Control::End(hash(&bytes[..LEN - 1])))
            },
            "nothing, and the end": |out| {
                begin(out, &manifest)?;
                write_control(out, &Control::End(hash(b"")))
            },
        ]
    });
}

#[test]
fn case_97_one_bit_wrong_anywhere_is_found_and_nothing_of_it_stays() {
    for at in [0, LEN / 2, LEN - 1] {
        let place = Place::new();
        let (offer, bytes, manifest) = offer(&place);
        let fetched = fetched(&place.order(&offer), Then::Take, |out| {
            begin(out, &manifest)?;
            let mut wrong = bytes.clone();
            wrong[at] ^= 1;
            data(out, &wrong)?;
            write_control(out, &Control::End(hash(&bytes)))
        });
        assert!(matches!(&fetched, Fetched::Failed(reason) if reason.contains("hashes")), "{fetched:?}");
        assert_eq!((place.saved().len(), place.downloads.partials().unwrap()), (0, (0, 0)));
    }
}

#[test]
fn case_98_the_end_twice_and_what_follows_it_change_nothing() {
    let place = Place::new();
    let (offer, bytes, manifest) = offer(&place);
    let fetched = fetched(&place.order(&offer), Then::Take, |out| {
        begin(out, &manifest)?;
        data(out, &bytes)?;
        for _ in 0..2 {
            write_control(out, &Control::End(hash(&bytes)))?;
        }
        data(out, &bytes)
    });
    assert!(matches!(fetched, Fetched::Saved(..)), "{fetched:?}");
    assert_eq!(fs::read(place.got("photo.jpg")).unwrap(), bytes);
}

/// One entry of a listing as bytes; of a folder if it has no length.
fn entry(name: &str, len: Option<u8>) -> Vec<u8> {
    let head = [u8::from(len.is_some()) + 1, name.len() as u8];
    let tail = len.map_or(vec![], |len| vec![len, 0, 0]);
    [&head[..], name.as_bytes(), &tail].concat()
}

#[test]
fn case_94_and_113_a_listing_that_is_not_that_of_the_offer_is_refused() {
    let place = Place::new();
    fs::create_dir_all(place.own("src/sub")).unwrap();
    fs::write(place.own("src/a.txt"), "one").unwrap();
    fs::write(place.own("src/sub/b.txt"), "four").unwrap();
    let (source, folder) = offered(&place.own("src"));
    let file = Offer { name: "a.txt".into(), bytes: 3, folder: None };
    let up = vec![0];
    let list = |entries: &[&[u8]]| entries.concat();
    let (a, b, sub) = (entry("a.txt", Some(3)), entry("b.txt", Some(4)), entry("sub", None));
    assert_eq!(Offer::of(&source).folder, folder.folder);
    let name = |name: &str| list(&[&entry(name, Some(3)), &sub, &b, &up]);
    let of_folder = [
        ("nothing", vec![]),
        ("more files", list(&[&a, &entry("b", Some(0)), &sub, &b, &up])),
        ("fewer files", list(&[&entry("a.txt", Some(7)), &sub, &up])),
        ("another total", list(&[&entry("a.txt", Some(4)), &sub, &b, &up])),
        ("more folders", list(&[&a, &sub, &entry("a", None), &up, &b, &up])),
        ("another name than was shown", name("run.sh")),
        ("a name shown at the top that is further down", list(&[&entry("c", None), &a, &up, &entry("z", Some(4))])),
        ("up", name("..")),
        ("here", name(".")),
        ("a way out", name("../a.txt")),
        ("a path", name("/etc/x")),
        ("no name", name("")),
        ("an end within", name("a\0b")),
        ("out of order", list(&[&sub, &b, &up, &a])),
        ("twice", list(&[&a, &a, &sub, &up])),
        ("a file that is a folder too", list(&[&entry("sub", Some(3)), &sub, &b, &up])),
        ("a folder again for its child", list(&[&a, &sub, &up, &sub, &b, &up])),
        ("an end too many", list(&[&a, &sub, &b, &up, &up])),
        ("an end too few", list(&[&a, &sub, &b])),
        ("half an entry", list(&[&a, &sub, &b[..3]])),
    ];
    let of_file = [
        ("another name", entry("b.txt", Some(3))),
        ("another length", entry("a.txt", Some(4))),
        ("a folder", list(&[&entry("a.txt", None), &up])),
        ("two files", list(&[&entry("a.txt", Some(3)), &entry("b", Some(0))])),
        ("a folder around it", list(&[&sub, &entry("a.txt", Some(3)), &up])),
    ];
    let all = of_folder.iter().map(|row| (&folder, row)).chain(of_file.iter().map(|row| (&file, row)));
    for (offer, (what, listing)) in all {
        let fetched = fetched(&place.order(offer), Then::Take, |out| write_manifest(out, listing));
        assert!(matches!(&fetched, Fetched::Failed(_)), "{what}: {fetched:?}");
        assert_eq!((place.saved().len(), place.partial()), (0, 0), "{what}");
    }
    let (fetched, _) = both(&place.order(&folder), &source);
    assert!(matches!(fetched, Fetched::Saved(..)), "{fetched:?}");
}

#[test]
fn a_listing_takes_no_more_memory_than_a_listing_may() {
    let place = Place::new();
    let (offer, ..) = offer(&place);
    let fetched = fetched(&place.order(&offer), Then::Take, |out| {
        let page = raw(1, &[7; 200_000]);
        loop {
            out.write_all(&page)?;
        }
    });
    assert!(matches!(fetched, Fetched::Failed(_)), "{fetched:?}");
}

#[test]
fn case_104_a_sender_that_stalls_is_left_and_what_came_is_kept() {
    let place = Place::new();
    let bytes = content(3 << 20);
    let (source, offer) = place.file("film", &bytes);
    let mut order = place.order(&offer);
    order.patience = SHORT;
    let stalled = fetched(&order, Then::Take, |out| {
        begin(out, source.manifest().bytes())?;
        data(out, &bytes[..bytes.len() - 1])?;
        // Until the receiver has gone.
        io::Read::read(out, &mut [0]).map(|_| ())
    });
    assert!(matches!(stalled, Fetched::Broken(_)), "{stalled:?}");
    assert_eq!((place.saved().len(), place.partial()), (0, bytes.len() as u64 - 1));
    let order = place.order(&offer);
    let (fetched, _) = both(&order, &source);
    assert!(matches!(fetched, Fetched::Saved(_, len) if len == bytes.len() as u64), "{fetched:?}");
    assert_eq!(fs::read(place.got("film")).unwrap(), bytes);
}

#[test]
fn case_107_whoever_cancels_first_both_know_and_nothing_is_saved() {
    let place = Place::new();
    let (offer, bytes, manifest) = offer(&place);
    // Here, while the sender says the same.
    let order = place.order(&offer);
    let (control, theirs) = (order.control.clone(), manifest.clone());
    let crossed = fetched(&order, Then::Take, |out| {
        begin(out, &theirs)?;
        data(out, &bytes)?;
        control.want(Wish::Cancel);
        write_control(out, &Control::Stopped { why: Stop::Cancelled, reason: String::new() })
    });
    assert!(matches!(crossed, Fetched::Wished(Wish::Cancel) | Fetched::Stopped(Stop::Cancelled, _)), "{crossed:?}");
    assert!(place.saved().is_empty());
    order.forget();
    assert_eq!(place.downloads.partials().unwrap(), (0, 0));
    // An interrupted wait is no broken stream.
    let order = place.order(&offer);
    let (control, (ours, mut theirs)) = (order.control.clone(), two());
    control.uses(Some(ours.closer()));
    let interrupted = thread::scope(|scope| {
        scope.spawn(move || {
            begin(&mut theirs, &manifest).unwrap();
            control.want(Wish::Pause);
            control.interrupt();
            let _ = theirs.finish();
        });
        fetch(ours, &order, Then::Take)
    });
    assert!(matches!(interrupted, Fetched::Wished(Wish::Pause)), "{interrupted:?}");
}

#[test]
fn why_a_sender_stops_is_heard_wherever_it_does() {
    let place = Place::new();
    let (offer, bytes, manifest) = offer(&place);
    for at in 0..4 {
        let fetched = fetched(&place.order(&offer), Then::Take, |out| {
            if at > 0 {
                write_manifest(out, &manifest)?;
            }
            if at > 1 {
                write_control(out, &Control::From(0))?;
            }
            if at > 2 {
                data(out, &bytes)?;
            }
            write_control(out, &Control::Stopped { why: Stop::Changed, reason: "gone".into() })
        });
        assert!(matches!(&fetched, Fetched::Stopped(Stop::Changed, reason) if reason == "gone"), "{fetched:?}");
    }
}

#[test]
fn case_99_and_100_a_sender_that_lies_about_what_is_there_is_found_out() {
    let place = Place::new();
    let bytes = content(3 << 20);
    let (source, offer) = place.file("film", &bytes);
    let manifest: &Manifest = source.manifest();
    // Two thirds come, and of another content.
    let other: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
    let broken = fetched(&place.order(&offer), Then::Take, |out| {
        begin(out, manifest.bytes())?;
        data(out, &other[..2 << 20])
    });
    assert!(matches!(broken, Fetched::Broken(_)), "{broken:?}");
    assert_eq!(place.order(&offer).then(), Ok(Then::Ask));
    let lied = fetched(&place.order(&offer), Then::Ask, |out| {
        write_manifest(out, manifest.bytes())?;
        let Ok(Record::Control(Control::Want { have, .. })) = Reader::new(&mut *out).take() else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        write_control(out, &Control::From(have))?;
        data(out, &bytes[have as usize..])?;
        write_control(out, &Control::End(hash(&bytes)))
    });
    assert!(matches!(&lied, Fetched::Failed(reason) if reason.contains("hashes")), "{lied:?}");
    assert_eq!((place.saved().len(), place.partial()), (0, 0));
    let (fetched, _) = both(&place.order(&offer), &source);
    assert!(matches!(fetched, Fetched::Saved(..)), "{fetched:?}");
}
