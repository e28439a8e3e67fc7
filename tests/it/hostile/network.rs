//! What clocks and networks do to many members at once.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use pchat::wire::Event;

use super::{Scene, peer::Peer};

/// All sources in a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn case_126_no_timer_asks_for_the_time_of_day() {
    // A date is kept beside a key; the ages of partials, of temporary files and of the names of a room are judged by the file
    // system's clock, and by hours; those of a journal's lines are shown; and a clock that differs from others tells of sleep.
    const MAY: [&str; 7] = [
        "src/trust/date.rs",
        "src/transfer/downloads/staging.rs",
        "src/trust/file.rs",
        "src/trust/identity.rs",
        "src/trust/names.rs",
        "src/room/journal.rs",
        "src/session/wake.rs",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = [sources(&root.join("src")), sources(&root.join("commands"))].concat();
    let ask: Vec<_> = all
        .iter()
        .filter(|path| !path.components().any(|part| part.as_os_str() == "tests") && !path.ends_with("tests.rs"))
        .filter(|path| {
            let source = fs::read_to_string(path).expect("a source");
            source.split("#[cfg(test)]\nmod tests {").next().is_some_and(|program| program.contains("SystemTime::now"))
        })
        .map(|path| path.strip_prefix(root).expect("it is in there").to_string_lossy().into_owned())
        .collect();
    assert_eq!(ask.len(), MAY.len(), "{ask:?}");
    assert!(MAY.iter().all(|may| ask.iter().any(|path| path == may)), "{ask:?}");
}

#[test]
fn case_129_members_who_all_come_back_in_one_instant_get_their_seats_and_what_was_said() {
    const MEMBERS: usize = 40;
    let mut scene = Scene::new();
    let port = scene.port;
    let mut members: Vec<_> = (0..MEMBERS).map(|_| Peer::enter(port, "crowd")).collect();
    members.iter_mut().for_each(|member| drop(member.events()));
    // One way of being cut off: the other side is not told.
    members.iter_mut().for_each(|member| member.link.wire.finish(false));
    scene.witness.text("said meanwhile");
    let began = Instant::now();
    let back: Vec<_> = members.into_iter().map(|member| thread::spawn(move || come_back(&member, port))).collect();
    let numbers: Vec<_> = back.into_iter().map(|back| back.join().expect("it comes back")).collect();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(numbers.len(), MEMBERS);
    let events = scene.witness.events();
    let gone = events.iter().filter(|event| matches!(event, Event::Left { .. } | Event::Away { .. })).count();
    assert_eq!(gone, 0);
    scene.still_works();
}

/// Dials until the room has let it in again, and reads what it missed.
fn come_back(member: &Peer, port: u16) -> u32 {
    let mut again = member.again(port);
    again.knock();
    assert_eq!((again.welcome.number, again.welcome.resumed), (member.welcome.number, true));
    again.expect_line("said meanwhile");
    again.welcome.number
}
