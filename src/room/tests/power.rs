use std::{sync::Arc, time::Duration};

use tokio::time::advance;

use super::peer::*;
use crate::{
    room::{Guests, RoomConfig, Via},
    wire::*,
};

pub(super) fn named(name: &str) -> Whom {
    Whom::Named(name.to_owned())
}

fn ban(whom: Whom) -> Request {
    Request::Ban { whom, reason: "spam".into() }
}

/// A private room and its lists.
fn with_lists() -> (RoomConfig, Arc<Book>) {
    let book = Arc::new(Book::default());
    (RoomConfig { guests: book.clone(), ..config() }, book)
}

/// The same room opened anew.
async fn restarted(book: &Arc<Book>) -> (House, Member) {
    let bans = book.1.lock().unwrap().clone();
    House::private(RoomConfig { guests: book.clone(), bans, ..config() }).await
}

async fn bans(host: &mut Member) -> Vec<(u8, String, Option<u64>)> {
    let Answer::Bans { rows, more: false } = host.ask(Request::Bans { after: None }).await else { panic!("no list") };
    rows.into_iter().map(|row| (row.key.0[0], row.name, row.secs)).collect()
}

async fn denied(member: &mut Member, request: Request) -> String {
    match member.ask(request.clone()).await {
        Answer::Denied(reason) => reason,
        other => panic!("{request:?}: {other:?}"),
    }
}

/// All that the host alone may do, as somebody else would try it.
fn host_only(member: u32) -> Vec<Request> {
    let reason = || "x".to_owned();
    let mut all = vec![
        Request::Knocks,
        Request::Admit { name: "dave".into() },
        Request::Decline { name: "dave".into() },
        Request::Move { port: 0 },
        Request::Unban { key: key(9) },
        Request::Bans { after: None },
    ];
    all.extend([1, 2, member, 99].map(|member| Request::Kick { member, reason: reason() }));
    let whom = || [Whom::Member(1), Whom::Member(member), named("dave"), named("erin"), named("nobody")];
    all.extend(whom().map(|whom| Request::Ban { whom, reason: reason() }));
    for on in [true, false] {
        all.extend(whom().map(|whom| Request::Mute { whom, muted: on }));
        all.push(Request::Lock { locked: on });
    }
    all.extend([CodeChange::Keep, CodeChange::New, CodeChange::Off].map(Request::Code));
    all
}

#[tokio::test(start_paused = true)]
async fn cases_74_and_141_what_the_host_alone_may_do_is_denied_to_all_others_and_changes_nothing() {
    let (config, book) = with_lists();
    book.let_in(&key(2), "bob").unwrap();
    book.let_in(&key(5), "erin").unwrap();
    let bans = vec![(key(9), "mallory".to_owned())];
    let code = Some(super::codes::code(super::codes::RIGHT));
    let (house, mut host) = House::private(RoomConfig { bans, code, ..config }).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let (mut dave, waits) = house.call(who(4, "dave")).await;
    assert!(matches!(waits, FromRoom::Waiting { .. }));
    host.until(|event| matches!(event, Event::Knock { .. })).await;
    host.catch_up().await;
    let looked = async |host: &mut Member| {
        let mut seen = Vec::new();
        for request in [
            Request::Who { after: 0 },
            Request::Knocks,
            Request::Bans { after: None },
            Request::Code(CodeChange::Keep),
            Request::Place,
        ] {
            seen.push(host.ask(request).await);
        }
        seen
    };
    let before = (looked(&mut host).await, format!("{book:?}"));
    for request in host_only(bob.welcome.number) {
        assert_eq!(denied(&mut bob, request).await, "only the host of the room can do that");
        // More than anybody asks in one go.
        advance(Duration::from_secs(1)).await;
    }
    let secs = |mut seen: Vec<Answer>| {
        if let Answer::Who { rows, .. } = &mut seen[0] {
            rows.iter_mut().for_each(|row| (row.since_secs, row.rtt_micros) = (0, None));
        }
        seen
    };
    let after = (looked(&mut host).await, format!("{book:?}"));
    assert_eq!((secs(after.0), after.1), (secs(before.0), before.1));
    assert_eq!(host.events().await, [], "and nobody hears of it");
    bob.text("still here").await;
    assert_eq!(host.texts().await, ["still here"]);
    dave.say(ToRoom::Ping(1)).await;
    assert_eq!(dave.hear().await, Some(FromRoom::Pong(1)), "still waiting");
}

#[tokio::test(start_paused = true)]
async fn a_ban_ends_all_seats_of_the_key_and_keeps_it_out_whatever_it_is_called() {
    let (config, book) = with_lists();
    book.let_in(&key(2), "bob").unwrap();
    book.let_in(&key(3), "carol").unwrap();
    let (house, mut host) = House::private(config).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let mut other = house.enter(who(2, "bob").instance(7)).await;
    let away = house.enter(who(2, "bob").instance(8)).await;
    let stood = who(2, "bob").instance(8).back(&away);
    drop(away);
    let mut carol = house.enter(who(3, "carol")).await;
    host.catch_up().await;
    carol.catch_up().await;
    assert_eq!(host.ask(ban(Whom::Member(other.welcome.number))).await, Answer::Done);
    for seat in [&mut bob, &mut other] {
        let end = End::Kicked { by: "ann".into(), reason: "spam".into(), term: Term::Good };
        assert_eq!(seat.ended().await, Some(end));
    }
    for reader in [&mut host, &mut carol] {
        let gone = reader.events().await.into_iter().filter_map(|event| match event {
            Event::Left { member, how: Departure::Kicked { term: Term::Good, reason, .. } } => Some((member, reason)),
            _ => None,
        });
        assert_eq!(gone.collect::<Vec<_>>(), [2, 3, 4].map(|number| (number, "spam".to_owned())));
    }
    assert_eq!(book.name_of(&key(2)).unwrap(), None, "off the list");
    let elsewhere = who(2, "robert").instance(5).from("2001:db8::7");
    for caller in [who(2, "bob"), elsewhere, stood, who(2, "bob").instance(9).otherwise(Otherwise::Nothing)] {
        assert_eq!(house.refused(caller.clone()).await, Refusal::Banned { secs: None });
        // Nor at a port that the room has left, where others hear where it went.
        let old_port = Who { via: Via::OldPort, ..caller };
        let mut peer = house.connect(&old_port);
        peer.say(ToRoom::Hello(old_port.hello)).await;
        assert_eq!(peer.rest().await, []);
    }
    advance(Duration::from_secs(100_000)).await;
    assert_eq!(house.refused(who(2, "bob")).await, Refusal::Banned { secs: None });
    let (anew, mut host) = restarted(&book).await;
    assert_eq!(anew.refused(who(2, "bob")).await, Refusal::Banned { secs: None });
    assert_eq!(bans(&mut host).await, [(2, "bob-2".into(), None)]);
}

#[tokio::test(start_paused = true)]
async fn case_74_a_ban_acts_on_the_key_shown_and_not_on_who_took_its_name() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    // Whom the host means, by number.
    let meant = Whom::Member(bob.welcome.number);
    bob.ask(Request::Nick { name: "robert".into() }).await;
    let mut carol = house.enter(who(3, "carol")).await;
    // The name stays with the key that had it.
    assert!(matches!(carol.ask(Request::Nick { name: "bob".into() }).await, Answer::Denied(_)));
    assert_eq!(host.ask(ban(meant.clone())).await, Answer::Done);
    assert!(bob.ended().await.is_some());
    assert_eq!(denied(&mut host, ban(meant)).await, "they are not here");
    carol.text("still here").await;
    assert_eq!(host.texts().await, ["still here"]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_was_here_or_is_on_the_list_can_be_banned_by_name() {
    let (config, book) = with_lists();
    book.let_in(&key(2), "bob").unwrap();
    book.let_in(&key(5), "erin").unwrap();
    let (house, mut host) = House::private(config).await;
    let (mut dave, _) = house.call(who(4, "dave")).await;
    let mut bob = house.enter(who(2, "bob")).await;
    bob.say(ToRoom::Leave).await;
    bob.rest().await;
    for name in ["DAVE", "bob", "erin"] {
        assert_eq!(host.ask(ban(named(name))).await, Answer::Done, "{name}");
    }
    assert_eq!(dave.rest().await, [FromRoom::Refused(Refusal::Declined)]);
    for (of, name) in [(4, "dave"), (2, "bob"), (5, "erin")] {
        assert_eq!(house.refused(who(of, name)).await, Refusal::Banned { secs: None });
        assert_eq!(book.name_of(&key(of)).unwrap(), None);
    }
    let mut keys: Vec<_> = book.1.lock().unwrap().iter().map(|(key, _)| key.0[0]).collect();
    keys.sort_unstable();
    assert_eq!(keys, [2, 4, 5]);
    assert_eq!(denied(&mut host, ban(named("nobody"))).await, "nobody called nobody is or was here");
    let long = "x".repeat(MAX_NAME_LEN + 1);
    assert_eq!(denied(&mut host, ban(named(&long))).await, "nobody has such a name");
}

#[tokio::test(start_paused = true)]
async fn the_hosts_own_key_cannot_be_put_out_or_silenced_by_anybody() {
    let (config, book) = with_lists();
    let (house, mut host) = House::private(config).await;
    let mut laptop = house.enter(who(1, "ann").instance(9)).await;
    book.let_in(&key(1), "owner").unwrap();
    for asker in [&mut host, &mut laptop] {
        for whom in [Whom::Member(1), Whom::Member(2), named("ann"), named("ann-2")] {
            assert_eq!(denied(asker, ban(whom.clone())).await, "the host cannot be banned");
            assert_eq!(denied(asker, Request::Mute { whom, muted: true }).await, "the host cannot be muted");
        }
        for member in [1, 2] {
            let kick = Request::Kick { member, reason: String::new() };
            assert_eq!(denied(asker, kick).await, "the host cannot be put out of the room");
        }
    }
    // Nor by a name that only the list has.
    assert_eq!(denied(&mut host, ban(named("owner"))).await, "the host cannot be banned");
    assert_eq!(
        denied(&mut host, Request::Mute { whom: named("owner"), muted: true }).await,
        "the host cannot be muted"
    );
    assert_eq!(bans(&mut host).await, []);
    assert_eq!(*book.1.lock().unwrap(), []);
    laptop.text("still here").await;
    assert_eq!(host.texts().await, ["still here"]);
    house.enter(who(1, "ann").instance(8)).await;
    // Whatever a list of bans says.
    book.1.lock().unwrap().push((key(1), "ann".into()));
    let (_anew, mut host) = restarted(&book).await;
    assert_eq!(bans(&mut host).await, []);
}

#[tokio::test(start_paused = true)]
async fn an_unban_lets_a_key_knock_again_and_not_more() {
    let (config, book) = with_lists();
    book.let_in(&key(2), "bob").unwrap();
    let (house, mut host) = House::private(config).await;
    let bob = house.enter(who(2, "bob")).await;
    host.ask(ban(Whom::Member(bob.welcome.number))).await;
    assert_eq!(host.ask(Request::Unban { key: key(2) }).await, Answer::Done);
    assert_eq!(*book.1.lock().unwrap(), []);
    assert!(matches!(house.call(who(2, "bob")).await.1, FromRoom::Waiting { .. }));
    let silent = who(2, "bob").instance(5).otherwise(Otherwise::Nothing);
    assert_eq!(house.refused(silent).await, Refusal::Stranger);
    assert_eq!(denied(&mut host, Request::Unban { key: key(2) }).await, "that key is not put out");
    let (anew, _host) = restarted(&book).await;
    assert!(matches!(anew.call(who(2, "bob")).await.1, FromRoom::Waiting { .. }));
}

#[tokio::test(start_paused = true)]
async fn an_unban_lifts_the_ten_minutes_of_a_kick_too() {
    let (config, book) = with_lists();
    book.let_in(&key(2), "bob").unwrap();
    let (house, mut host) = House::private(config).await;
    let bob = house.enter(who(2, "bob")).await;
    host.ask(Request::Kick { member: bob.welcome.number, reason: String::new() }).await;
    assert!(matches!(bans(&mut host).await[..], [(2, _, Some(590..=601))]));
    assert_eq!(host.ask(Request::Unban { key: key(2) }).await, Answer::Done);
    assert_eq!(bans(&mut host).await, []);
    assert!(matches!(house.call(who(2, "bob")).await.1, FromRoom::Waiting { .. }), "a kick takes it off the list");
}

#[tokio::test(start_paused = true)]
async fn putting_out_for_minutes_pardons_nobody_who_is_out_for_good() {
    let (config, book) = with_lists();
    book.let_in(&key(2), "bob").unwrap();
    let (house, mut host) = House::public(config).await;
    let (bob, other) = (house.enter(who(2, "bob")).await, house.enter(who(3, "carol")).await);
    // For good after the minutes have begun.
    host.ask(Request::Kick { member: other.welcome.number, reason: String::new() }).await;
    host.ask(ban(named("carol"))).await;
    host.ask(ban(Whom::Member(bob.welcome.number))).await;
    assert_eq!(
        denied(&mut host, Request::Kick { member: bob.welcome.number, reason: String::new() }).await,
        "they are not here"
    );
    host.live(Duration::from_secs(700)).await;
    for (of, name) in [(2, "bob"), (3, "carol")] {
        assert_eq!(house.refused(who(of, name)).await, Refusal::Banned { secs: None });
    }
    assert_eq!(bans(&mut host).await, [(2, "bob".into(), None), (3, "carol".into(), None)]);
}

#[tokio::test(start_paused = true)]
async fn those_who_are_out_are_told_by_pages() {
    let all: Vec<_> = (10..210).map(|of| (key(of), format!("guest-{of}"))).collect();
    let (_house, mut host) = House::private(RoomConfig { bans: all, ..config() }).await;
    let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let Answer::Bans { rows, more } = host.ask(Request::Bans { after }).await else { panic!("no list") };
        assert!(rows.len() <= PAGE_ROWS);
        seen.extend(rows.iter().map(|row| row.key.0[0]));
        after = rows.last().map(|row| row.key);
        pages += 1;
        if !more {
            break;
        }
    }
    assert_eq!((seen, pages), ((10..210).collect(), 4));
    let last = Request::Bans { after: Some(key(255)) };
    assert_eq!(host.ask(last).await, Answer::Bans { rows: Vec::new(), more: false });
}

/// A list that nothing can be written to.
struct ReadOnly;

impl Guests for ReadOnly {
    fn name_of(&self, _: &PublicKey) -> anyhow::Result<Option<String>> {
        Ok(None)
    }

    fn key_of(&self, _: &str) -> anyhow::Result<Option<PublicKey>> {
        Ok(None)
    }

    fn let_in(&self, _: &PublicKey, _: &str) -> anyhow::Result<()> {
        anyhow::bail!("it is read-only")
    }

    fn put_out(&self, _: &PublicKey) -> anyhow::Result<()> {
        anyhow::bail!("it is read-only")
    }

    fn ban(&self, _: &PublicKey, _: &str) -> anyhow::Result<()> {
        anyhow::bail!("it is read-only")
    }

    fn unban(&self, _: &PublicKey) -> anyhow::Result<()> {
        anyhow::bail!("it is read-only")
    }
}

#[tokio::test(start_paused = true)]
async fn case_135_a_ban_that_cannot_be_saved_holds_in_this_room_and_says_that_it_was_not() {
    let (house, mut host) = House::public(RoomConfig { guests: Arc::new(ReadOnly), ..config() }).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let said = denied(&mut host, ban(Whom::Member(bob.welcome.number))).await;
    assert!(said.starts_with("they are out until this room closes, but not for good") && said.ends_with("read-only"));
    assert!(bob.ended().await.is_some());
    assert_eq!(house.refused(who(2, "bob")).await, Refusal::Banned { secs: None });
    assert_eq!(denied(&mut host, Request::Unban { key: key(2) }).await, "it is read-only");
    assert_eq!(house.refused(who(2, "bob")).await, Refusal::Banned { secs: None }, "what is not saved is not undone");
}

#[tokio::test(start_paused = true)]
async fn case_147_a_reason_of_a_megabyte_closes_and_one_that_fits_a_frame_is_cut_to_whole_letters() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let mut second = house.enter(who(1, "ann").instance(9)).await;
    // A frame that claims a megabyte, in whole.
    second.bytes(&(1_u32 << 20).to_be_bytes()).await;
    second.bytes(&vec![b'x'; 1 << 20]).await;
    assert!(!second.rest().await.iter().any(|frame| matches!(frame, FromRoom::Answer(_))));
    let reason = "ä€".repeat(3000);
    assert_eq!(host.ask(Request::Ban { whom: Whom::Member(2), reason: reason.clone() }).await, Answer::Done);
    let Some(End::Kicked { reason: told, .. }) = bob.ended().await else { panic!("not told") };
    assert!(reason.starts_with(&told) && (MAX_REASON_LEN - 3..=MAX_REASON_LEN).contains(&told.len()), "{}", told.len());
}
