//! The desk against members who offer and ask what they like.

mod senders;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{giver::Giver, *};
use crate::{
    command::Opened,
    session::{self, Nowhere, SessionConfig, WhenFull},
    stream::pair,
    transfer::{
        fetch::Fetched,
        message::{Contents, Offer, Report},
        record::{Control, Purpose, Reader, Record, Stop, Then},
        settings::{AutoAccept, SESSION_BYTES},
    },
    trust::{Mark, People, scratch::Scratch},
    view::{Json, Line, Recording, View, paper::Paper, schema::Schema},
    wire::{Instance, PublicKey, encode_body},
};

fn member(of: u8, name: &str) -> Member {
    Member { number: of.into(), key: PublicKey([of; 32]), instance: Instance([of; 16]), name: name.into() }
}

/// A desk that asks about everything, and what its person sees.
fn desk() -> (Desk, Context, Arc<Recording>) {
    desk_among(People::default())
}

fn desk_among(people: People) -> (Desk, Context, Arc<Recording>) {
    let view = Arc::new(Recording::default());
    let (desk, cx) = desk_with(people, view.clone());
    (desk, cx, view)
}

fn desk_with(people: People, view: Arc<dyn View>) -> (Desk, Context) {
    let me = member(1, "ann");
    let config = SessionConfig {
        key: me.key,
        instance: me.instance,
        name: me.name,
        features: 0,
        timing: session::Timing::default(),
    };
    let (handle, _) = session::start(config, Nowhere, &TaskTracker::new());
    let cx = Context::new(handle, view, &[], WhenFull::Fail, CancellationToken::new());
    let cx = cx.with_people(people);
    let desk = Desk::of(&cx);
    desk.set(Settings { auto_accept: AutoAccept::None, downloads: "/nonexistent".into() });
    (desk, cx)
}

fn file(name: &str, bytes: u64) -> Offer {
    Offer { name: name.into(), bytes, folder: None }
}

fn offered(desk: &Desk, cx: &Context, from: &Member, number: u32, tag: u32, offer: Offer) {
    let payload = Message::Offer { tag, offer }.encode();
    let message = command::Message {
        from: from.clone(),
        private: None,
        own: false,
        seq: 1,
        kept: Some(number),
        at: jiff::Timestamp::UNIX_EPOCH,
        past: false,
        payload,
    };
    desk.received(&message, cx);
}

fn notices(view: &Recording) -> Vec<String> {
    let lines = view.lines().into_iter();
    let sentence = |line| match line {
        Line::Notice(text) => Some(text),
        Line::Event(event) => Some(event.text),
        _ => None,
    };
    lines.filter_map(sentence).collect()
}

#[tokio::test]
async fn case_95_an_offer_is_of_whom_the_room_names_and_one_that_is_not_kept_is_none() {
    let (desk, cx, view) = desk();
    let bob = member(2, "bob");
    offered(&desk, &cx, &bob, 3, 7, file("alice: photo.jpg", 5));
    assert_eq!(notices(&view), ["bob offers alice: photo.jpg (5 B): offer 3"]);
    let payload = Message::Offer { tag: 8, offer: file("x", 5) }.encode();
    let message = command::Message {
        from: bob,
        private: None,
        own: false,
        seq: 2,
        kept: None,
        at: jiff::Timestamp::UNIX_EPOCH,
        past: false,
        payload,
    };
    desk.received(&message, &cx);
    assert_eq!(notices(&view).len(), 1);
}

#[tokio::test]
async fn case_92_offers_without_end_are_remembered_to_a_limit_and_a_number_means_one() {
    let (desk, cx, view) = desk();
    let bob = member(2, "bob");
    for number in 1..=10_000 {
        offered(&desk, &cx, &bob, number, number, file("x", 1));
    }
    assert!(desk.with_quietly(|state| state.theirs.len()) <= 2_048);
    assert!(notices(&view).last().expect("told").contains("one offer too many"));
    // The same number again is somebody else's attempt to stand in its place.
    offered(&desk, &cx, &member(3, "eve"), 1, 1, file("x", 1));
    assert!(notices(&view).last().expect("told").contains("under a number that is taken"));
    assert_eq!(desk.questions().first().map(|(number, text)| (*number, text.contains("bob"))), Some((1, true)));
}

#[tokio::test]
async fn case_91_sizes_beyond_all_disks_are_shown_and_refused_when_accepted() {
    let (desk, cx, view) = desk();
    offered(&desk, &cx, &member(2, "bob"), 1, 1, file("huge", (1 << 63) - 1));
    assert_eq!(notices(&view), ["bob offers huge (8.0 EiB): offer 1"]);
    assert!(desk.accept(1, Vec::new()).await.is_err());
    assert!(desk.accept(2, Vec::new()).await.is_err_and(|error| error.to_string().contains("no offer")));
}

#[tokio::test]
async fn reports_about_what_was_never_offered_say_nothing() {
    let (desk, cx, view) = desk();
    let payload = Message::report(9, Report::Saved).encode();
    let me = Some(member(1, "ann"));
    let message = command::Message {
        from: member(2, "bob"),
        private: me,
        own: false,
        seq: 1,
        kept: None,
        at: jiff::Timestamp::UNIX_EPOCH,
        past: false,
        payload,
    };
    desk.received(&message, &cx);
    desk.received(&command::Message { payload: Message::Resumed { tag: 9 }.encode(), ..message }, &cx);
    assert_eq!(view.lines(), []);
}

#[tokio::test]
async fn case_144_what_was_never_offered_is_not_given() {
    let (desk, cx, _view) = desk();
    let (opener, target) = pair(member(2, "bob"), member(1, "ann")).expect("a stream");
    let purpose = encode_body(&Purpose { tag: 5, then: Then::Take }).freeze();
    desk.serve(Opened { stream: target, purpose }, &cx);
    let answered = spawn_blocking(move || {
        let mut records = Reader::new(opener);
        matches!(records.take(), Ok(Record::Control(Control::Stopped { why: Stop::Unknown, .. })))
    });
    assert!(answered.await.expect("it does not panic"));
    cx.finish().await;
}

#[tokio::test]
async fn what_comes_by_itself_is_counted_by_bytes_entries_and_number() {
    let takes = |auto, offers: &[(Offer, Giver)], open| {
        let (desk, ..) = desk();
        desk.with(|state| {
            state.settings = Some(Settings { auto_accept: auto, downloads: "/nonexistent".into() });
            offers.iter().map(|(offer, giver)| state.takes(offer, *giver, open)).collect::<Vec<_>>()
        })
    };
    let of = |bytes| (file("x", bytes), Giver::Other);
    let contents = Contents { files: 200_000, folders: 0, names: Vec::new() };
    let many = (Offer { folder: Some(contents), ..file("x", 0) }, Giver::Other);
    let limit = AutoAccept::DEFAULT;
    assert_eq!(takes(limit, &[of(64 << 20), of((64 << 20) + 1), many.clone()], false), [true, false, false]);
    assert_eq!(takes(limit, &[of(1), (file("x", u64::MAX >> 1), Giver::Own)], true), [false, true]);
    assert_eq!(takes(AutoAccept::All, &[of(u64::MAX >> 1), many], true), [true, true]);
    assert_eq!(takes(AutoAccept::None, &[of(0)], false), [false]);
    let small: Vec<_> = (0..1_025).map(|_| of(0)).collect();
    let taken = takes(limit, &small, false).into_iter().filter(|taken| *taken).count();
    assert_eq!(taken as u64, SESSION_BYTES >> 20, "even empty files count");
}

#[tokio::test]
async fn trust_lifts_the_limit_but_not_the_wish_to_be_asked_and_counts_for_nobody_else() {
    let huge = file("x", 1 << 40);
    for (auto, giver, open, takes) in [
        (AutoAccept::DEFAULT, Giver::Trusted, false, true),
        (AutoAccept::DEFAULT, Giver::Trusted, true, true),
        (AutoAccept::DEFAULT, Giver::Other, true, false),
        (AutoAccept::None, Giver::Trusted, false, false),
        (AutoAccept::All, Giver::Ignored, false, false),
        (AutoAccept::None, Giver::Own, true, true),
    ] {
        let (desk, ..) = desk();
        desk.with(|state| {
            state.settings = Some(Settings { auto_accept: auto, downloads: "/nonexistent".into() });
            assert_eq!(state.takes(&huge, giver, open), takes, "{auto:?} {giver:?} {open}");
            assert_eq!(state.accepted, 0);
        });
    }
    assert_eq!((Giver::Own.reserve(), Giver::Trusted.reserve()), (0, Giver::Other.reserve()));
}

#[tokio::test]
async fn what_somebody_ignored_offers_is_listed_but_not_told_not_taken_and_no_question() {
    let scratch = Scratch::new();
    let people = People::open(scratch.join("people")).expect("no file yet");
    let (bob, eve) = (member(2, "bob"), member(3, "eve"));
    for mark in [Mark::Ignored, Mark::Trusted] {
        people.mark(&eve.key, "eve", mark).expect("saved");
    }
    let (desk, cx, view) = desk_among(people.clone());
    desk.set(Settings { auto_accept: AutoAccept::All, downloads: "/nonexistent".into() });
    offered(&desk, &cx, &eve, 1, 1, file("bait", 5));
    offered(&desk, &cx, &eve, 2, 2, file("..", 5));
    let nonsense = command::Message {
        from: eve.clone(),
        private: None,
        own: false,
        seq: 1,
        kept: None,
        at: jiff::Timestamp::UNIX_EPOCH,
        past: false,
        payload: bytes::Bytes::from_static(b"\xff"),
    };
    desk.received(&nonsense, &cx);
    assert_eq!(view.lines(), []);
    assert!(desk.questions().is_empty(), "a bare answer cannot mean it");
    assert!(desk.overview().contains("bait") && desk.overview().contains("ignored"), "{}", desk.overview());
    // One who was announced before is no question for as long as nothing of them is to be seen.
    desk.set(Settings { auto_accept: AutoAccept::None, downloads: "/nonexistent".into() });
    offered(&desk, &cx, &bob, 3, 3, file("photo", 5));
    assert_eq!(desk.questions().len(), 1);
    people.mark(&bob.key, "bob", Mark::Ignored).expect("saved");
    assert!(desk.questions().is_empty());
    let withdrawal = Withdrawal { number: 3, from: bob.clone(), restart: false };
    desk.withdrawn(&withdrawal, &cx);
    assert_eq!(notices(&view), ["bob offers photo (5 B): offer 3"]);
    people.unmark(&eve.key, Mark::Ignored).expect("saved");
    assert!(desk.questions().is_empty(), "nobody has read its number yet");
    desk.reveal(&eve.key, &cx);
    assert_eq!(notices(&view).last().map(String::as_str), Some("eve offers bait (5 B): offer 1"));
    assert_eq!(desk.questions().len(), 1);
    desk.reveal(&eve.key, &cx);
    assert_eq!(notices(&view).len(), 2, "once");
}

#[tokio::test]
async fn an_owner_who_starts_anew_and_offers_the_same_goes_on_where_it_was() {
    let (desk, cx, view) = desk();
    let bob = member(2, "bob");
    offered(&desk, &cx, &bob, 3, 7, file("film", 5));
    offered(&desk, &cx, &bob, 4, 8, file("photo", 5));
    // The room restarts, and with it the program of whoever hosts it.
    for number in [3, 4] {
        desk.withdrawn(&Withdrawal { number, from: bob.clone(), restart: true }, &cx);
    }
    let anew = Member { instance: Instance([9; 16]), number: 1, ..bob.clone() };
    let eve = Member { name: "bob".into(), ..member(3, "eve") };
    offered(&desk, &cx, &eve, 1, 1, file("film", 5));
    offered(&desk, &cx, &anew, 2, 1, file("film", 5));
    offered(&desk, &cx, &anew, 5, 2, file("photo", 6));
    assert_eq!(
        notices(&view)[2..],
        ["bob offers film (5 B): offer 1", "film (5 B) of bob is offer 2 now", "bob offers photo (6 B): offer 5"]
    );
    let numbers: Vec<u32> = desk.questions().iter().map(|(number, _)| *number).collect();
    assert!(numbers.contains(&2) && !numbers.contains(&3), "{numbers:?}");
}

#[tokio::test]
async fn a_receiver_who_is_ignored_is_kept_account_of_in_silence() {
    let scratch = Scratch::new();
    let people = People::open(scratch.join("people")).expect("no file yet");
    people.mark(&member(3, "eve").key, "eve", Mark::Ignored).expect("saved");
    let (desk, cx, view) = desk_among(people);
    std::fs::write(scratch.join("mine"), "x").expect("a file");
    // Nothing can be sent to a room that is not there, so it is put up by hand.
    let source = crate::transfer::source::Source::open(&scratch.join("mine"), &|| false).expect("it is there");
    desk.with(|state| state.mine.insert(9, Mine::of(source, None)));
    let report = |from: &Member, n| command::Message {
        from: from.clone(),
        private: Some(member(1, "ann")),
        own: false,
        seq: n,
        kept: None,
        at: jiff::Timestamp::UNIX_EPOCH,
        past: false,
        payload: Message::report(9, Report::Saved).encode(),
    };
    desk.received(&report(&member(3, "eve"), 1), &cx);
    assert_eq!(view.lines(), []);
    assert!(desk.overview().contains("to eve") && desk.overview().contains("saved"), "{}", desk.overview());
    desk.received(&report(&member(2, "bob"), 2), &cx);
    assert_eq!(notices(&view), ["bob saved mine"]);
}

#[tokio::test]
async fn what_becomes_of_offers_fits_the_schema_of_events_too() {
    let (bob, paper) = (member(2, "bob"), Paper::default());
    let json: Arc<dyn View> = Arc::new(Json::with(paper.clone()).expect("a thread"));
    let (desk, cx) = desk_with(People::default(), json.clone());
    let scratch = Scratch::new();
    std::fs::write(scratch.join("mine"), "x").expect("a file");
    let source = crate::transfer::source::Source::open(&scratch.join("mine"), &|| false).expect("it is there");
    desk.with(|state| state.mine.insert(9, Mine::of(source, None)));
    offered(&desk, &cx, &bob, 1, 1, file("photo", 5));
    offered(&desk, &cx, &bob, 4, 1, file("photo", 5));
    for report in [
        Report::Failed("the \u{1b}[2J disk".into()),
        Report::Paused(String::new()),
        Report::Paused("full".into()),
        Report::Cancelled,
        Report::Declined,
        Report::Present,
        Report::Saved,
    ] {
        desk.reported(&bob, 9, report, &cx);
    }
    let fetched = Fetched::Failed("the hashes differ".into());
    let id = desk.with(|state| state.theirs(4).map(|(id, _)| id)).expect("it is up");
    desk.over(id, fetched, &cx).await;
    json.drained().await;
    let schema = Schema::documented();
    let text = paper.text();
    let kinds: Vec<_> = text.lines().map(|line| schema.check(line)).collect();
    let of_mine = ["failed", "paused", "paused", "cancelled", "declined", "delivered", "delivered"];
    assert_eq!(kinds, [&["offer", "renumbered"][..], &of_mine, &["error", "failed"]].concat());
    let failed: Vec<_> = text.lines().filter(|line| line.contains("\"failed\"")).collect();
    assert!(
        failed[0].contains("\"to\":\"bob\"") && failed[0].contains("\"reason\":\"the \\u001b[2J disk\""),
        "{failed:?}"
    );
    assert!(failed[1].contains("\"from\":\"bob\"") && !failed[1].contains("\"text\""), "{failed:?}");
}

#[tokio::test]
async fn an_account_tells_who_has_it_who_declined_and_who_neither() {
    let (desk, cx, _view) = desk();
    let scratch = Scratch::new();
    std::fs::write(scratch.join("mine"), "x").expect("a file");
    let source = crate::transfer::source::Source::open(&scratch.join("mine"), &|| false).expect("it is there");
    desk.with(|state| state.mine.insert(9, Mine::of(source, None)));
    let account = || desk.accounts(&cx).remove(0);
    assert_eq!((account().reached, account().missing.len()), (0, 0), "nobody is there");
    // One who has it and is gone counts.
    desk.reported(&member(2, "bob"), 9, Report::Saved, &cx);
    assert_eq!(account().reached, 1);
    assert!(desk.reached(1, 1).await.is_ok());
    assert!(desk.reached(2, 1).await.is_err(), "one of two could not be offered");
    assert!(timeout_at(Instant::now(), desk.reached(1, 2)).await.is_err());
}

#[tokio::test]
async fn who_declines_all_is_asked_about_nothing() {
    let (desk, cx, view) = desk();
    let takes = |auto| {
        desk.set(Settings { auto_accept: auto, downloads: "/nonexistent".into() });
        desk.with(|state| state.takes(&file("x", 1), Giver::Own, false))
    };
    assert!(!takes(AutoAccept::Never) && !takes(AutoAccept::Decline) && takes(AutoAccept::None));
    desk.set(Settings { auto_accept: AutoAccept::Decline, downloads: "/nonexistent".into() });
    offered(&desk, &cx, &member(2, "bob"), 1, 1, file("x", 5));
    cx.finish().await;
    assert_eq!(view.lines(), []);
    assert!(desk.questions().is_empty() && desk.overview().contains("declined"), "{}", desk.overview());
}
