//! Disks that fail while something is received.

use rustix::io::Errno;

use super::*;
use crate::transfer::{
    downloads::{Call, Fault},
    record::CHUNK,
};

const ERRNOS: [Errno; 4] = [Errno::NOSPC, Errno::DQUOT, Errno::IO, Errno::ROFS];

/// A file or a folder that takes more than a chunk.
fn laid_out(place: &Place, folder: bool) -> (Arc<Source>, Offer) {
    if !folder {
        return place.file("film", &content(CHUNK as usize + 300_000));
    }
    fs::create_dir_all(place.own("src/sub")).unwrap();
    for (name, len) in [("a", 5), ("b", CHUNK as usize + 9), ("sub/c", 0), ("sub/d", 300_000)] {
        fs::write(place.own("src").join(name), content(len)).unwrap();
    }
    offered(&place.own("src"))
}

/// Whether what is there under a final name is what was sent.
fn is_whole(place: &Place, name: &str, source: &Source) -> bool {
    let (there, _) = offered(&place.got(name));
    there.manifest().total() == source.manifest().total() && {
        let files = |root: PathBuf, source: &Source| -> Vec<Vec<u8>> {
            let paths = source.manifest().paths();
            if root.is_file() {
                vec![fs::read(&root).unwrap()]
            } else {
                paths.map(|(_, path, _)| fs::read(root.join(path)).unwrap()).collect()
            }
        };
        files(place.own(source.name()), source) == files(place.got(name), &there)
    }
}

/// Lets each call of a receive fail in each way, after an attempt that broke if `resumed`.
fn every_call_fails_once(folder: bool, resumed: bool) {
    let place = Place::new();
    let (source, offer) = laid_out(&place, folder);
    let faults = place.downloads.faults();
    let prepare = || {
        faults.none();
        for entry in fs::read_dir(place.scratch.join("got")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
        if resumed {
            let order = place.order(&offer);
            let broken = fetched(&order, Then::Take, |out| {
                write_manifest(out, source.manifest().bytes())?;
                write_control(out, &crate::transfer::record::Control::From(0))?;
                let bytes = if folder {
                    [content(5), content(CHUNK as usize + 9)].concat()
                } else {
                    content(CHUNK as usize + 100)
                };
                data(out, &bytes)
            });
            assert!(matches!(broken, Fetched::Broken(_)), "{broken:?}");
        }
        faults.none();
    };
    prepare();
    let (fetched, _) = both(&place.order(&offer), &source);
    assert!(matches!(fetched, Fetched::Saved(..)), "{fetched:?}");
    let calls = faults.none();
    assert!(calls.len() >= 8, "{calls:?}");
    for (number, call) in calls.iter().enumerate() {
        for fault in ERRNOS.into_iter().map(Fault::Fails).chain([Fault::Short]) {
            let what = format!("call {number} of {}, {call:?}, {fault:?}", calls.len());
            prepare();
            faults.at(number, fault);
            let (fetched, _) = both(&place.order(&offer), &source);
            faults.none();
            for name in place.saved() {
                assert!(is_whole(&place, &name, &source), "{what}: {name} is not whole");
            }
            match (&fetched, fault) {
                (Fetched::Saved(..), Fault::Short) => continue,
                // Throwing away may fail, and a partial that cannot be opened is left alone.
                (Fetched::Saved(..), _) => {
                    assert!(*call == Call::Remove || resumed, "{what}: not told");
                    continue;
                }
                (Fetched::Full(reason), Fault::Fails(Errno::NOSPC | Errno::DQUOT)) => {
                    assert!(reason.contains("disk is full"), "{what}: {reason}");
                }
                (Fetched::Refused(reason), Fault::Fails(errno)) => {
                    let said = format!("os error {}", errno.raw_os_error());
                    assert!(reason.contains(&said) && !reason.contains(".pchat"), "{what}: {reason}");
                }
                _ => panic!("{what}: {fetched:?}"),
            }
            // Once there is room, or whatever it was has passed, another attempt goes on with what is left.
            let (again, _) = both(&place.order(&offer), &source);
            assert!(matches!(again, Fetched::Saved(..) | Fetched::Present(_)), "{what}: then {again:?}");
            for name in place.saved() {
                assert!(is_whole(&place, &name, &source), "{what}: {name} is not whole");
            }
            assert!(matches!(again, Fetched::Present(_)) || place.partial() == 0, "{what}");
        }
    }
}

#[test]
fn case_131_any_call_may_fail_while_a_file_is_received() {
    every_call_fails_once(false, false);
    every_call_fails_once(false, true);
}

#[test]
fn case_131_any_call_may_fail_while_a_folder_is_received() {
    every_call_fails_once(true, false);
    every_call_fails_once(true, true);
}

#[test]
fn case_132_a_sync_that_fails_is_told_and_nothing_is_called_saved() {
    let place = Place::new();
    let (source, offer) = laid_out(&place, false);
    place.downloads.faults().always(&[(Call::Sync, Errno::IO)]);
    for _ in 0..2 {
        let (fetched, _) = both(&place.order(&offer), &source);
        assert!(matches!(&fetched, Fetched::Refused(reason) if reason.contains("film")), "{fetched:?}");
        assert!(place.saved().is_empty());
    }
}

#[test]
fn case_133_where_nothing_can_be_renamed_without_replacing_it_still_arrives() {
    for always in
        [&[(Call::RenameNew, Errno::INVAL)][..], &[(Call::RenameNew, Errno::INVAL), (Call::Link, Errno::PERM)]]
    {
        for folder in [false, true] {
            let place = Place::new();
            let (source, offer) = laid_out(&place, folder);
            place.downloads.faults().always(always);
            let (fetched, _) = both(&place.order(&offer), &source);
            assert!(matches!(fetched, Fetched::Saved(..)), "{fetched:?}");
            assert!(is_whole(&place, source.name(), &source));
        }
    }
}

#[test]
fn case_134_a_download_folder_that_goes_is_told_and_not_made_again() {
    let place = Place::new();
    let (source, offer) = laid_out(&place, false);
    let order = place.order(&offer);
    let bytes = content(CHUNK as usize + 300_000);
    let moved = place.scratch.join("elsewhere");
    let fetched = fetched(&order, Then::Take, |out| {
        write_manifest(out, source.manifest().bytes())?;
        write_control(out, &crate::transfer::record::Control::From(0))?;
        data(out, &bytes[..CHUNK as usize])?;
        while order.meter.moved() == 0 {
            thread::yield_now();
        }
        fs::rename(place.scratch.join("got"), &moved).unwrap();
        data(out, &bytes[CHUNK as usize..])?;
        write_control(out, &crate::transfer::record::Control::End(hash(&bytes)))
    });
    assert!(matches!(&fetched, Fetched::Refused(_)), "{fetched:?}");
    assert!(!place.scratch.join("got").exists());
    assert!(
        fs::read_dir(&moved).unwrap().all(|entry| entry.unwrap().file_name().to_str().unwrap().starts_with(".pchat-"))
    );
    // Not even begun where it is not.
    let (fetched, _) = both(&place.order(&offer), &source);
    assert!(matches!(&fetched, Fetched::Refused(_)), "{fetched:?}");
    assert!(!place.scratch.join("got").exists());
}
