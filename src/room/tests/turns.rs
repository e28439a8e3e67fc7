//! What the room tells of a peer that has no seat yet.

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::peer::*;
use crate::{room::Turn, wire::*};

/// A turn that notes what becomes of it.
struct Noted {
    notes: mpsc::UnboundedSender<&'static str>,
    revoked: CancellationToken,
}

#[async_trait]
impl Turn for Noted {
    async fn revoked(&self) {
        self.revoked.cancelled().await;
    }

    fn free(&mut self) {
        let _ = self.notes.send("free");
    }

    fn let_in(&mut self) {
        let _ = self.notes.send("let in");
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        let _ = self.notes.send("gone");
    }
}

/// A connection with such a turn, its notes, and what revokes it.
fn connect(house: &House, who: &Who) -> (Member, mpsc::UnboundedReceiver<&'static str>, CancellationToken) {
    let (notes, noted) = mpsc::unbounded_channel();
    let revoked = CancellationToken::new();
    let member = house.connect_in(who, Some(Box::new(Noted { notes, revoked: revoked.clone() })));
    (member, noted, revoked)
}

#[tokio::test(start_paused = true)]
async fn a_member_is_let_in_and_gone_when_its_link_ends() {
    let (house, _host) = House::public(config()).await;
    let bob = who(2, "bob");
    let (mut member, mut notes, _) = connect(&house, &bob);
    member.say(ToRoom::Hello(bob.hello)).await;
    assert!(matches!(member.hear().await, Some(FromRoom::Welcome(_))));
    assert_eq!(notes.try_recv(), Ok("let in"), "before it is welcomed");
    assert!(notes.try_recv().is_err());
    member.say(ToRoom::Leave).await;
    assert_eq!(notes.recv().await, Some("gone"));
}

#[tokio::test(start_paused = true)]
async fn who_is_refused_is_never_let_in_and_has_its_turn_until_the_last_word_is_said() {
    let (house, _host) = House::public(config()).await;
    let bob = who(2, "stop");
    let (mut member, mut notes, _) = connect(&house, &bob);
    member.say(ToRoom::Hello(bob.hello)).await;
    assert!(matches!(member.hear().await, Some(FromRoom::Refused(Refusal::Name(_)))));
    assert!(notes.try_recv().is_err(), "a connection of it is still open");
    drop(member);
    assert_eq!(notes.recv().await, Some("gone"));
    assert_eq!(notes.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn who_waits_at_the_door_takes_nothing_from_others() {
    let (house, mut host) = House::private(config()).await;
    for accepted in [true, false] {
        let (of, name) = if accepted { (2, "bob") } else { (3, "carol") };
        let guest = who(of, name);
        let (mut member, mut notes, revoked) = connect(&house, &guest);
        member.say(ToRoom::Hello(guest.hello)).await;
        assert!(matches!(member.hear().await, Some(FromRoom::Waiting { .. })));
        assert_eq!(notes.try_recv(), Ok("free"));
        // Nothing is left that could be revoked.
        revoked.cancel();
        let name = name.to_owned();
        let answer = if accepted { Request::Admit { name } } else { Request::Decline { name } };
        assert_eq!(host.ask(answer).await, Answer::Done);
        match member.hear().await {
            Some(FromRoom::Welcome(_)) => assert_eq!(notes.try_recv(), Ok("let in")),
            answer => assert_eq!(answer, Some(FromRoom::Refused(Refusal::Declined))),
        }
        drop(member);
        assert_eq!(notes.recv().await, Some("gone"));
    }
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_gives_way_when_its_turn_is_revoked() {
    let (house, _host) = House::public(config()).await;
    let (mut member, mut notes, revoked) = connect(&house, &who(2, "bob"));
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert!(notes.try_recv().is_err(), "it has time");
    revoked.cancel();
    assert_eq!(member.hear().await, None);
    assert_eq!(notes.recv().await, Some("gone"));
}
