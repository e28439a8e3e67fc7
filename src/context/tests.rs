use std::{io::Read, sync::mpsc, time::Duration};

use tokio::time::timeout;

use super::*;
use crate::{
    session::{Nowhere, SessionConfig},
    stream::pair,
    view::Recording,
    wire::{Instance, PublicKey},
};

fn member(of: u8) -> Member {
    Member { number: of.into(), key: PublicKey([of; 32]), instance: Instance([of; 16]), name: "bob".into() }
}

fn context() -> (Context, Arc<Recording>, CancellationToken) {
    let config = SessionConfig {
        key: PublicKey([1; 32]),
        instance: Instance([1; 16]),
        name: "ann".into(),
        features: 0,
        timing: session::Timing::default(),
    };
    let (handle, _) = session::start(config, Nowhere, &TaskTracker::new());
    let (view, cancel) = (Arc::new(Recording::default()), CancellationToken::new());
    (Context::new(handle, view.clone(), &[], WhenFull::Fail, cancel.clone()), view, cancel)
}

async fn finishes(cx: &Context) -> bool {
    timeout(Duration::from_millis(1), cx.finish()).await.is_ok()
}

#[tokio::test]
async fn the_end_waits_for_threads_and_their_errors_are_shown() {
    let (cx, view, _cancel) = context();
    let (go, gone) = mpsc::channel::<()>();
    cx.thread(move |cx| {
        gone.recv()?;
        // From a thread, too, something can run beside the prompt.
        cx.spawn(|cx| async move {
            cx.notice("spawned");
            Ok(())
        });
        bail!("the disk is full")
    });
    assert!(!finishes(&cx).await);
    go.send(()).unwrap();
    cx.finish().await;
    let lines = view.lines();
    assert!(lines.contains(&Line::Error("the disk is full".into())) && lines.contains(&Line::Notice("spawned".into())));
}

#[tokio::test]
async fn what_the_end_of_the_session_breaks_off_says_nothing() {
    let (cx, view, cancel) = context();
    let (mut stream, _other) = pair(member(2), member(3)).unwrap();
    let closer = stream.closer();
    cx.thread(move |_| Ok(stream.read(&mut [0]).map(drop)?));
    cancel.cancel();
    closer.close();
    cx.finish().await;
    assert_eq!(view.lines(), []);
}

#[tokio::test]
async fn a_stream_that_cannot_be_is_refused_at_once_and_for_good() {
    let (cx, _view, _cancel) = context();
    let last = |result: Result<Stream, StreamError>| matches!(result, Err(StreamError::Final(_)));
    assert!(last(cx.open_stream(&member(2), vec![0; MAX_PURPOSE_LEN + 1]).await));
    assert!(last(cx.open_stream(&member(2), "no streams here").await));
    let receiving = Context { role: Role::Event, ..cx.clone() };
    assert!(last(receiving.open_stream(&member(2), "it would wait for itself").await));
    assert!(!cx.room_is_open());
    cx.accept_stream(member(2), Token([0; 32]));
    cx.finish().await;
}

#[tokio::test]
async fn what_is_said_about_people_counts_once_it_is_saved_and_oneself_is_never_ignored() {
    let (cx, _view, _cancel) = context();
    assert!(cx.mark(&member(2), Mark::Verified).await.is_err(), "there is no file");
    assert!(!cx.people().is(&member(2).key, Mark::Verified));

    let scratch = crate::trust::scratch::Scratch::new();
    let people = People::open(scratch.join("people")).unwrap();
    let (cx, _view, _cancel) = context();
    let cx = cx.with_people(people.clone());
    assert!(cx.mark(&member(2), Mark::Ignored).await.unwrap());
    assert!(cx.ignores(&member(2).key) && people.is(&member(2).key, Mark::Ignored));
    assert!(cx.unmark(&member(2).key, Mark::Ignored).await.unwrap());
    assert!(!cx.ignores(&member(2).key));
    // By hand, in the file.
    people.mark(&cx.me().key, "ann", Mark::Ignored).unwrap();
    assert!(!cx.ignores(&cx.me().key));
}

#[tokio::test]
async fn an_answer_is_told_from_a_line() {
    let (cx, _view, _cancel) = context();
    let entry = &crate::commands::ALL[0];
    assert!(cx.for_answer(entry).answering());
    assert!(!cx.for_line(entry).answering() && !cx.for_event(entry).answering());
}
