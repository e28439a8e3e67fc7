use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::*;
use crate::{
    session::{self, Nowhere, SessionConfig, WhenFull},
    view::{Json, paper::Paper, schema::Schema},
    wire::{Instance, PublicKey},
};

#[tokio::test]
async fn what_takes_long_to_happen_fits_the_schema_of_events_too() {
    let (key, instance) = (PublicKey([1; 32]), Instance([1; 16]));
    let timing = session::Timing::default();
    let config = SessionConfig { key, instance, name: "ann".into(), features: 0, timing };
    let (handle, _events) = session::start(config, Nowhere, &TaskTracker::new());
    let paper = Paper::default();
    let view: Arc<dyn View> = Arc::new(Json::with(paper.clone()).expect("a thread"));
    let cx = Context::new(handle, view.clone(), &[], WhenFull::Fail, CancellationToken::new());
    let mut listener = Listener::new(Registry::new(crate::commands::ALL), cx, view.clone(), None);
    let bob = Member { number: 2, key: PublicKey([2; 32]), instance: Instance([2; 16]), name: "bob".into() };
    let member = |event| SessionEvent::Member(Arc::new(event));
    for event in [
        SessionEvent::Missed { count: 3 },
        SessionEvent::Lost { from: bob.clone() },
        SessionEvent::Slowed { rate: Some(50) },
        SessionEvent::Slowed { rate: None },
        member(MemberEvent::Away(bob.clone())),
        member(MemberEvent::Back(bob)),
        member(MemberEvent::Crowd { joined: 7, left: 5, members: 100 }),
    ] {
        assert!(listener.event(event).await.is_none());
    }
    view.drained().await;
    let schema = Schema::documented();
    let kinds: Vec<_> = paper.text().lines().map(|line| schema.check(line)).collect();
    assert_eq!(kinds, ["missed", "lost", "slowed", "slowed", "cut", "back", "crowd"]);
    assert!(kinds.iter().all(|kind| crate::view::schema::BY_FIXTURE.contains(&&**kind)));
}

#[test]
fn every_ending_but_leaving_says_something() {
    let key = Fingerprint::of(&PublicKey([0; 32]));
    assert_eq!(ending(&Ending::Left, &key), None);
    let closed = ending(&Ending::Closed { by: "alice".into() }, &key);
    assert_eq!(closed, Some(("alice closed the room".into(), false)));
    let kicked = ending(&Ending::Kicked { by: "alice".into(), reason: "spam".into(), term: Term::Minutes }, &key);
    assert_eq!(kicked, Some(("alice put you out of the room: spam".into(), true)));
    let (text, failed) = ending(&Ending::Refused(Refusal::NobodyToAsk), &key).unwrap();
    assert!(failed && text.contains(&key.to_string()), "{text}");
}
