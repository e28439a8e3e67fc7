//! A sender and a receiver that is not what it should be.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
};

use super::*;
use crate::transfer::{
    control::Wish,
    record::{CHUNK, Control, Reader, Record, RecordError, Stop},
};

const LEN: usize = 2 * CHUNK as usize + 5;

/// What a sender said, without its content but for the length of it.
#[derive(Debug, Default)]
struct Heard {
    controls: Vec<Control>,
    listed: usize,
    content: usize,
}

impl Heard {
    fn from(&self) -> Option<u64> {
        self.controls.iter().find_map(|control| match control {
            Control::From(from) => Some(*from),
            _ => None,
        })
    }

    fn stopped(&self) -> Option<(Stop, &str)> {
        match self.controls.last()? {
            Control::Stopped { why, reason } => Some((*why, reason)),
            _ => None,
        }
    }
}

/// Listens until a record that ends it is there, or nothing more comes.
fn hear(stream: &mut Stream, last: impl Fn(&Control) -> bool) -> Heard {
    let mut heard = Heard::default();
    let mut records = Reader::new(stream);
    while let Ok(record) = records.take() {
        match record {
            Record::Page(page) => heard.listed += page.len(),
            Record::Data(bytes) => heard.content += bytes.len(),
            Record::Control(control) => {
                heard.controls.push(control);
                if heard.controls.last().is_some_and(&last) {
                    break;
                }
            }
        }
    }
    heard
}

fn listed(control: &Control) -> bool {
    *control == Control::Listed
}

fn over(control: &Control) -> bool {
    matches!(control, Control::End(_) | Control::Stopped { .. })
}

fn want(selection: &[u8], have: u64, hash: [u8; 32]) -> Control {
    Control::Want { selection: selection.to_vec().into(), have, hash }
}

#[test]
fn case_99_a_claim_that_is_not_proved_begins_anew() {
    let place = Place::new();
    let bytes = content(LEN);
    let (source, _) = place.file("film", &bytes);
    let all = LEN as u64;
    let prefix = |len: u64| hash(&bytes[..len as usize]);
    let claims = [
        ("nothing", 0, prefix(0), 0),
        ("one chunk", CHUNK, prefix(CHUNK), CHUNK),
        ("between chunks", CHUNK + 7, prefix(CHUNK + 7), CHUNK + 7),
        ("everything", all, prefix(all), all),
        ("another content", CHUNK, [7; 32], 0),
        ("the content of another length", CHUNK, prefix(CHUNK - 1), 0),
        ("more than there is", all + 1, prefix(all), 0),
        ("as much as can be said", u64::MAX, prefix(all), 0),
    ];
    for (what, have, hash_of_it, from) in claims {
        let (served, heard) = served(&job(&source, Then::Ask), |stream| {
            hear(stream, listed);
            write_control(stream, &Control::Checking(5)).unwrap();
            write_control(stream, &want(b"", have, hash_of_it)).unwrap();
            hear(stream, over)
        });
        assert_eq!((heard.from(), heard.content as u64), (Some(from), all - from), "{what}");
        assert_eq!(heard.controls.last(), Some(&Control::End(hash(&bytes))), "{what}");
        // It went without a farewell.
        assert!(matches!(served, Served::Broken(_)), "{what}: {served:?}");
    }
}

#[test]
fn case_99_a_choice_of_what_is_not_there_is_refused() {
    let place = Place::new();
    fs::create_dir(place.own("src")).unwrap();
    for name in ["a", "b", "c"] {
        fs::write(place.own("src").join(name), name).unwrap();
    }
    let (source, _) = offered(&place.own("src"));
    let runs = |count: usize| [&[1][..], &[0xff, 0xff, 4][..], &vec![0; 2 * count]].concat();
    let choices = [
        ("the last one", vec![1, 1, 2, 0], Some(1)),
        ("two of them", vec![1, 2, 0, 0, 0, 0], Some(2)),
        ("all of them", vec![0], Some(3)),
        ("one beyond", vec![1, 1, 3, 0], None),
        ("a run over the end", vec![1, 1, 2, 1], None),
        ("numbers that overflow", vec![1, 1, 255, 255, 255, 255, 15, 255, 255, 255, 255, 15], None),
        ("nothing", vec![1, 0], None),
        ("too many runs", runs(81_919), None),
        ("more runs than bytes", vec![1, 9, 0, 0], None),
        ("another kind", vec![7], None),
        ("something behind it", vec![0, 0], None),
    ];
    for (what, choice, content) in choices {
        let (served, heard) = served(&job(&source, Then::Ask), |stream| {
            hear(stream, listed);
            write_control(stream, &want(&choice, 0, [0; 32])).unwrap();
            hear(stream, over)
        });
        match content {
            Some(content) => assert_eq!(heard.content, content, "{what}"),
            None => {
                assert!(matches!(served, Served::Broken(RecordError::Malformed)), "{what}: {served:?}");
                assert!(heard.controls.is_empty() && heard.content == 0, "{what}: {heard:?}");
            }
        }
    }
}

#[test]
fn case_93_and_98_a_receiver_that_says_anything_else_is_cut_off() {
    let place = Place::new();
    let (source, _) = place.file("film", &content(1000));
    let word = |control: &Control| {
        let mut bytes = Vec::new();
        write_control(&mut bytes, control).unwrap();
        bytes
    };
    for (what, said) in [
        ("content", raw(2, b"x")),
        ("a listing", raw(1, b"x")),
        ("a place", word(&Control::From(0))),
        ("an end", word(&Control::End([0; 32]))),
        ("the end of a listing", word(&Control::Listed)),
        ("a stop", word(&Control::Stopped { why: Stop::Busy, reason: String::new() })),
        ("an unknown kind", raw(9, b"x")),
        ("an unknown word", raw(0, &[99])),
        ("a word of nothing", raw(0, b"")),
        ("half a word", raw(0, &[1, 5])),
        ("a length without bound", vec![0, 255, 255, 255, 255]),
    ] {
        let (served, heard) = served(&job(&source, Then::Ask), |stream| {
            stream.write_all(&said).unwrap();
            hear(stream, over)
        });
        assert!(matches!(served, Served::Broken(RecordError::Malformed)), "{what}: {served:?}");
        assert_eq!((heard.controls, heard.content), (vec![Control::Listed], 0), "{what}");
    }
}

#[test]
fn what_a_receiver_says_out_of_its_turn_is_never_read() {
    let place = Place::new();
    let bytes = content(1000);
    let (source, _) = place.file("film", &bytes);
    for then in [Then::List, Then::Take, Then::Ask] {
        let (served, heard) = served(&job(&source, then), |stream| {
            for _ in 0..2 {
                write_control(stream, &want(b"", 0, [0; 32])).unwrap();
            }
            data(stream, &bytes).unwrap();
            if then == Then::List { hear(stream, listed) } else { hear(stream, over) }
        });
        assert_eq!(heard.content, if then == Then::List { 0 } else { 1000 });
        assert!(matches!(served, Served::Broken(RecordError::Io(_))), "{served:?}");
    }
}

#[test]
fn a_receiver_that_parts_in_good_order_has_everything() {
    let place = Place::new();
    let (source, _) = place.file("film", &content(LEN));
    let job = job(&source, Then::Take);
    let (mut theirs, ours) = two();
    let (served, heard) = thread::scope(|scope| {
        let receiving = scope.spawn(move || {
            let heard = hear(&mut theirs, over);
            theirs.finish().unwrap();
            heard
        });
        (serve(ours, &job), receiving.join().unwrap())
    });
    assert!(matches!(served, Served::All), "{served:?}");
    assert_eq!((heard.content, job.meter.moved()), (LEN, LEN as u64));
}

#[test]
fn case_101_what_changes_while_it_is_sent_is_told_to_both() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 4] = [
        ("grows", |path| File::options().append(true).open(path).unwrap().write_all(b"x").unwrap()),
        ("shrinks", |path| File::options().write(true).open(path).unwrap().set_len(9).unwrap()),
        ("is rewritten", |path| {
            let mut file = File::options().write(true).open(path).unwrap();
            file.seek(SeekFrom::Start(5)).unwrap();
            file.write_all(b"other").unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        }),
        ("is replaced", |path| {
            fs::remove_file(path).unwrap();
            fs::write(path, "another").unwrap();
        }),
    ];
    for (what, change) in changes {
        let place = Place::new();
        let (source, _) = place.file("film", &content(LEN));
        let path = place.own("film");
        let (served, heard) = served(&job(&source, Then::Ask), |stream| {
            hear(stream, listed);
            change(&path);
            write_control(stream, &want(b"", 0, [0; 32])).unwrap();
            hear(stream, over)
        });
        // Whether the receiver stayed to say farewell or not, this end knows why.
        let Served::Unreadable(reason) = &served else { panic!("{what}: {served:?}") };
        assert!(matches!(heard.stopped(), Some((Stop::Changed, said)) if said == reason), "{what}: {heard:?}");
    }
}

#[test]
fn case_101_a_folder_says_which_of_its_files_changed() {
    let place = Place::new();
    fs::create_dir(place.own("src")).unwrap();
    for name in ["a", "b", "c"] {
        fs::write(place.own("src").join(name), name).unwrap();
    }
    let (source, offer) = offered(&place.own("src"));
    fs::write(place.own("src/b"), "longer").unwrap();
    fs::remove_file(place.own("src/c")).unwrap();
    let (fetched, served) = both(&place.order(&offer), &source);
    let Fetched::Stopped(Stop::Changed, reason) = &fetched else { panic!("{fetched:?}") };
    assert!(reason.contains("b has another length") && reason.contains("c is gone"), "{reason}");
    assert!(matches!(served, Served::Unreadable(_)), "{served:?}");
    assert!(place.saved().is_empty());
}

#[test]
fn case_102_what_cannot_be_read_is_told() {
    let place = Place::new();
    fs::create_dir(place.own("src")).unwrap();
    fs::write(place.own("src/a"), "a").unwrap();
    let (source, offer) = offered(&place.own("src"));
    fs::remove_file(place.own("src/a")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", place.own("src/a")).unwrap();
    let (fetched, served) = both(&place.order(&offer), &source);
    assert!(matches!(&fetched, Fetched::Stopped(Stop::Changed | Stop::Unreadable, _)), "{fetched:?}");
    assert!(matches!(served, Served::Unreadable(_)), "{served:?}");
}

#[test]
fn case_105_a_receiver_that_takes_nothing_costs_little_and_not_for_long() {
    let place = Place::new();
    let path = place.own("holes");
    File::create(&path).unwrap().set_len(1 << 30).unwrap();
    let (source, _) = offered(&path);
    let mut job = job(&source, Then::Take);
    job.patience = SHORT;
    let (served, ()) = served(&job, |stream| {
        hear(stream, listed);
        // Until the sender has had enough, which closes the stream in the end.
        thread::sleep(2 * SHORT);
    });
    assert!(matches!(&served, Served::Broken(RecordError::Io(_))), "{served:?}");
    assert!(job.meter.moved() < 32 << 20, "{} bytes were read for nobody", job.meter.moved());
}

#[test]
fn case_104_a_receiver_that_chooses_nothing_is_left() {
    let place = Place::new();
    let (source, _) = place.file("film", b"x");
    let mut job = job(&source, Then::Ask);
    job.patience = SHORT;
    let (served, _) = served(&job, |stream| hear(stream, over));
    assert!(matches!(&served, Served::Broken(RecordError::Io(_))), "{served:?}");
}

#[test]
fn case_107_a_sender_that_stops_says_why_even_after_the_last_byte() {
    for (wish, why) in [(Wish::Pause, Stop::Paused), (Wish::Cancel, Stop::Cancelled), (Wish::Withdraw, Stop::Unknown)] {
        for then in [Then::Take, Then::Ask] {
            let place = Place::new();
            let (source, _) = place.file("film", b"");
            let job = job(&source, then);
            job.control.want(wish);
            let (served, heard) = served(&job, |stream| {
                hear(stream, listed);
                if then == Then::Ask {
                    write_control(stream, &want(b"", 0, [0; 32])).unwrap();
                }
                hear(stream, over)
            });
            assert!(matches!(heard.stopped(), Some((said, _)) if said == why), "{heard:?}");
            assert!(matches!(served, Served::Stopped), "{served:?}");
        }
    }
}

#[test]
fn a_receiver_that_is_gone_is_noticed() {
    let place = Place::new();
    let (source, _) = place.file("film", &content(LEN));
    for then in [Then::Take, Then::Ask] {
        let (served, _) = served(&job(&source, then), |stream| stream.read(&mut [0; 1]).unwrap());
        assert!(matches!(served, Served::Broken(RecordError::Io(_))), "{served:?}");
    }
}
