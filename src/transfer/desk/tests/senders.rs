//! What a person sees of what is being sent, paused and cancelled.

use super::*;
use crate::transfer::meter::Meter;

/// Somebody who is being sent an offer of ours.
fn receiver(of: u8, name: &str, done: u64) -> outgoing::Receiver {
    let (meter, control) = (Arc::<Meter>::default(), Arc::default());
    meter.begin(done, 100);
    let (who, state) = (member(of, name), outgoing::Fate::Sending);
    outgoing::Receiver { id: of.into(), who, state, meter, control, live: true, owed: false, counts: true }
}

/// A desk with offer 3 of ours, which they fetch.
fn sending(receivers: Vec<outgoing::Receiver>, view: Arc<dyn View>) -> (Desk, Context) {
    let (desk, cx) = desk_with(People::default(), view);
    let scratch = Scratch::new();
    std::fs::write(scratch.join("mine"), "x").expect("a file");
    let source = crate::transfer::source::Source::open(&scratch.join("mine"), &|| false).expect("it is there");
    desk.with(|state| state.mine.insert(9, Mine { number: Some(3), receivers, ..Mine::of(source, None) }));
    (desk, cx)
}

#[tokio::test]
async fn a_bar_of_several_goes_forward_when_one_of_them_is_out_of_it() {
    use outgoing::Fate::{Broken, Sent, Stopped, Told};
    let receivers = || vec![receiver(2, "bob", 90), receiver(3, "carol", 10)];
    for (fate, whole) in [
        (Sent, (110, 200)),
        (Told(Report::Saved), (110, 200)),
        (Broken, (100, 200)),
        (Stopped, (100, 190)),
        (Told(Report::Cancelled), (100, 190)),
    ] {
        let (desk, _cx) = sending(receivers(), Arc::new(Recording::default()));
        let bar = || desk.with(|state| state.rows(|_| true).into_values().next()).expect("a bar");
        let before = bar();
        assert_eq!((before.done, before.total, &*before.whom), (100, 200, "to 2 members"));
        desk.with(|state| state.mine.values_mut().for_each(|mine| mine.receivers[0].state = fate.clone()));
        let after = bar();
        assert_eq!((after.done, after.total, &*after.whom), (whole.0, whole.1, "to carol"), "{fate:?}");
        assert!(after.done * before.total >= before.done * after.total);
    }
}

#[tokio::test]
async fn what_is_paused_has_a_bar_that_says_so() {
    let (desk, cx) = sending(vec![receiver(2, "bob", 90)], Arc::new(Recording::default()));
    offered(&desk, &cx, &member(3, "carol"), 1, 1, file("photo", 5));
    let bars = |here| desk.with(|state| state.rows(|_| here).into_values().collect::<Vec<_>>());
    assert_eq!(bars(true).len(), 1, "what nobody has answered is none");
    desk.with(|state| {
        let mine = state.mine.get_mut(&9).expect("it is up");
        (mine.paused, mine.receivers[0].state) = (true, outgoing::Fate::Stopped);
        state.theirs(1).expect("it is up").1.state = incoming::Course::Paused(String::new());
    });
    let shown: Vec<_> = bars(true).into_iter().map(|bar| (bar.whom, bar.waits, bar.done, bar.paused)).collect();
    let theirs = ("from carol".to_owned(), Some("paused"), 0, true);
    assert_eq!(shown, [theirs.clone(), ("to bob".to_owned(), Some("paused"), 90, true)]);
    assert_eq!(bars(false).len(), 1, "who has left waits for nothing");
}

#[tokio::test]
async fn whom_a_transfer_is_cancelled_for_is_said() {
    let paper = Paper::default();
    let json: Arc<dyn View> = Arc::new(Json::with(paper.clone()).expect("a thread"));
    let receivers = vec![receiver(2, "bob", 90), receiver(3, "carol", 10), receiver(4, "dave", 10)];
    let (desk, cx) = sending(receivers, json.clone());
    desk.cancel(3, Some(&member(2, "bob")), &cx).expect("bob receives it");
    desk.cancel(3, None, &cx).expect("two more do");
    let nobody = desk.cancel(3, None, &cx).expect_err("nobody does any more").to_string();
    assert!(nobody.starts_with("nobody is receiving mine"), "{nobody}");
    json.drained().await;
    let schema = Schema::documented();
    let text = paper.text();
    let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(text.lines().all(|line| schema.check(line) == "cancelled"), "{text}");
    assert_eq!((&rows[0]["text"], &rows[0]["to"]), (&"mine is cancelled for bob".into(), &"bob".into()));
    assert_eq!((&rows[1]["text"], &rows[1]["own"]), (&"mine is cancelled for 2 members".into(), &true.into()));
    assert_eq!(rows.len(), 2);
}

#[tokio::test]
async fn who_comes_for_what_is_paused_is_to_hear_when_it_goes_on() {
    let (desk, cx) = sending(Vec::new(), Arc::new(Recording::default()));
    desk.pause(3, &cx).expect("it is up");
    let (opener, target) = pair(member(2, "bob"), member(1, "ann")).expect("a stream");
    let purpose = encode_body(&Purpose { tag: 9, then: Then::Take }).freeze();
    desk.serve(Opened { stream: target, purpose }, &cx);
    let answered = spawn_blocking(move || {
        let mut records = Reader::new(opener);
        matches!(records.take(), Ok(Record::Control(Control::Stopped { why: Stop::Paused, .. })))
    });
    assert!(answered.await.expect("it does not panic"));
    // There is no room to carry it, which shows that it would be told.
    assert!(desk.resume(3, &cx).await.is_err());
    cx.finish().await;
}
