use std::{net::Ipv4Addr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::yield_now,
    time::advance,
};

use super::peer::*;
use crate::wire::*;

/// A caller to whom streams can be opened.
pub(super) fn able(of: u8, name: &str) -> Who {
    let mut who = who(of, name);
    who.hello.features = FEATURE_STREAMS;
    who
}

async fn opens(opener: &mut Member, target: u8) -> Answer {
    opener.ask(Request::Stream { key: key(target), instance: Instance([target; 16]) }).await
}

/// Opens a stream, and returns the tokens of both ends.
pub(super) async fn open(opener: &mut Member, target: &mut Member, of: u8) -> [Token; 2] {
    let Answer::Stream { token } = opens(opener, of).await else { panic!("denied") };
    let theirs = loop {
        if let Event::Stream { from, token } = target.event().await {
            assert_eq!(from, opener.welcome.number);
            break token;
        }
    };
    assert_ne!(token, theirs);
    [token, theirs]
}

/// Whether it is denied for now, or for good.
async fn denied(opener: &mut Member, target: u8) -> Option<bool> {
    match opens(opener, target).await {
        Answer::NoStream { temporary, .. } => Some(temporary),
        _ => None,
    }
}

/// A connection to the room that has presented a token: the member's end.
pub(super) async fn arrives(house: &House, token: Token) -> TcpStream {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    house.room.stream(far.unwrap().0, token);
    near.unwrap()
}

/// Whether the other side closes it.
pub(super) async fn closes(mut socket: TcpStream) -> bool {
    matches!(socket.read(&mut [0]).await, Ok(0) | Err(_))
}

async fn hears(socket: &mut TcpStream, text: &[u8]) {
    let mut heard = vec![0; text.len()];
    socket.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, text);
}

/// Waits until nothing is left of any stream.
async fn idle(house: &House) {
    while !house.room.streams.table().is_idle() {
        yield_now().await;
    }
}

/// A room with its host, bob (2) and carol (3).
async fn three() -> (House, Member, Member, Member) {
    let (house, host) = House::public(config()).await;
    let bob = house.enter(able(2, "bob")).await;
    let carol = house.enter(able(3, "carol")).await;
    (house, host, bob, carol)
}

#[tokio::test]
async fn two_members_exchange_bytes_and_nothing_is_left_of_it() {
    let (house, mut host, mut bob, mut carol) = three().await;
    let [own, theirs] = open(&mut bob, &mut carol, 3).await;
    let mut near = arrives(&house, own).await;
    // At once, before the other end is there.
    near.write_all(b"hello").await.unwrap();
    let mut far = arrives(&house, theirs).await;
    hears(&mut far, b"hello").await;
    far.write_all(b"hello yourself").await.unwrap();
    hears(&mut near, b"hello yourself").await;
    assert_eq!(host.ask(Request::Carried).await, Answer::Carried(1));
    assert_eq!(bob.ask(Request::Carried).await, Answer::Carried(0));
    near.shutdown().await.unwrap();
    assert_eq!(far.read(&mut [0]).await.unwrap(), 0);
    far.write_all(b"one more thing").await.unwrap();
    hears(&mut near, b"one more thing").await;
    drop(far);
    assert!(closes(near).await);
    idle(&house).await;
    assert_eq!(host.ask(Request::Carried).await, Answer::Carried(0));
}

#[tokio::test]
async fn only_the_target_is_told_and_it_knows_who_opens() {
    let (house, mut host, mut bob, mut carol) = three().await;
    // Carol has been told of bob by his entering, dave has not.
    let mut dave = house.enter(able(4, "dave")).await;
    assert!(matches!(opens(&mut bob, 4).await, Answer::Stream { .. }));
    let frames = dave.catch_up().await;
    let told = |frame: &FromRoom| matches!(frame, FromRoom::Event { event: Event::Stream { from: 2, .. }, .. });
    let at = frames.iter().position(told).expect("dave is told");
    assert!(frames[..at].iter().any(|frame| matches!(frame, FromRoom::Member(who) if who.name == "bob")));
    for other in [&mut host, &mut bob, &mut carol] {
        assert!(!other.catch_up().await.iter().any(told));
    }
}

#[tokio::test]
async fn a_wrong_or_repeated_token_is_closed() {
    let (house, _host, mut bob, mut carol) = three().await;
    let [own, theirs] = open(&mut bob, &mut carol, 3).await;
    assert!(closes(arrives(&house, Token([0; 32])).await).await);
    let mut near = arrives(&house, own).await;
    assert!(closes(arrives(&house, own).await).await, "one side is not both");
    let mut far = arrives(&house, theirs).await;
    for token in [own, theirs] {
        assert!(closes(arrives(&house, token).await).await);
    }
    near.write_all(b"still").await.unwrap();
    hears(&mut far, b"still").await;
}

#[tokio::test(start_paused = true)]
async fn an_end_that_waits_too_long_is_closed_and_a_late_one_is_not_taken() {
    let (house, _host, mut bob, mut carol) = three().await;
    let [own, theirs] = open(&mut bob, &mut carol, 3).await;
    let near = arrives(&house, own).await;
    advance(TOKEN_LIFE).await;
    assert!(closes(arrives(&house, theirs).await).await);
    assert!(closes(near).await);
    idle(&house).await;
}

#[tokio::test]
async fn the_rooms_own_member_gets_the_socket_itself() {
    let (house, mut host, mut bob, _) = three().await;
    for opens_itself in [true, false] {
        let tokens = match opens_itself {
            true => open(&mut host, &mut bob, 2).await,
            false => open(&mut bob, &mut host, 1).await,
        };
        let [inside, outside] = if opens_itself { tokens } else { [tokens[1], tokens[0]] };
        let mut near = arrives(&house, outside).await;
        near.write_all(b"hello").await.unwrap();
        let reached = house.room.claim(inside).await.unwrap();
        assert!(house.room.claim(inside).await.is_err(), "once");
        assert_eq!(host.ask(Request::Carried).await, Answer::Carried(0), "it is the host's own");
        let heard = tokio::task::spawn_blocking(move || {
            let mut heard = [0; 5];
            std::io::Read::read_exact(&mut &*reached.socket, &mut heard).map(|()| (heard, reached))
        });
        let (heard, reached) = heard.await.unwrap().unwrap();
        assert_eq!(&heard, b"hello");
        drop(reached);
        assert!(closes(near).await);
        idle(&house).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_ends_when_the_other_end_does_not_come() {
    let (house, mut host, mut bob, _) = three().await;
    let [own, theirs] = open(&mut host, &mut bob, 2).await;
    assert!(house.room.claim(theirs).await.is_err(), "that is not the host's");
    assert_eq!(house.room.claim(own).await.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    // A claim that is given up leaves nothing either.
    let [own, theirs] = open(&mut host, &mut bob, 2).await;
    assert!(tokio::time::timeout(Duration::from_secs(1), house.room.claim(own)).await.is_err());
    assert!(closes(arrives(&house, theirs).await).await);
    idle(&house).await;
}

#[tokio::test]
async fn a_kick_ends_the_streams_of_a_key_in_either_role() {
    let (house, mut host, mut bob, mut carol) = three().await;
    let mut dave = house.enter(able(4, "dave")).await;
    let mut near = Vec::new();
    // Running, as opener and as target.
    let between = [open(&mut bob, &mut carol, 3).await, open(&mut carol, &mut bob, 2).await];
    for token in between.as_flattened() {
        near.push(arrives(&house, *token).await);
    }
    // With the room's own member.
    let [inside, outside] = open(&mut host, &mut bob, 2).await;
    near.push(arrives(&house, outside).await);
    let reached = house.room.claim(inside).await.unwrap();
    // Not yet joined.
    let [waiting, missing] = open(&mut dave, &mut bob, 2).await;
    near.push(arrives(&house, waiting).await);
    // Somebody else's.
    let [own, theirs] = open(&mut dave, &mut carol, 3).await;
    let (mut one, mut other) = (arrives(&house, own).await, arrives(&house, theirs).await);
    assert_eq!(host.ask(Request::Kick { member: 2, reason: String::new() }).await, Answer::Done);
    for socket in near {
        assert!(closes(socket).await);
    }
    let read = tokio::task::spawn_blocking(move || std::io::Read::read(&mut &*reached.socket, &mut [0]));
    assert!(matches!(read.await.unwrap(), Ok(0) | Err(_)), "the host's own end, too");
    assert!(closes(arrives(&house, missing).await).await);
    assert_eq!(host.ask(Request::Carried).await, Answer::Carried(1));
    one.write_all(b"still").await.unwrap();
    hears(&mut other, b"still").await;
    // Whoever leaves ends their own.
    carol.say(ToRoom::Leave).await;
    assert!(closes(one).await);
    idle(&house).await;
}

#[tokio::test]
async fn the_rooms_end_ends_all_streams() {
    let (house, mut host, mut bob, mut carol) = three().await;
    let [own, theirs] = open(&mut bob, &mut carol, 3).await;
    let (near, far) = (arrives(&house, own).await, arrives(&house, theirs).await);
    let [_, waiting] = open(&mut host, &mut bob, 2).await;
    let pending = arrives(&house, waiting).await;
    let [late, _] = open(&mut bob, &mut carol, 3).await;
    house.room.close().await;
    for socket in [near, far, pending] {
        assert!(closes(socket).await);
    }
    assert!(closes(arrives(&house, late).await).await);
    drop((host, bob, carol));
    house.tasks.close();
    house.tasks.wait().await;
}

#[tokio::test]
async fn a_stream_is_denied_in_one_line_and_for_as_long_as_it_is_pointless() {
    let (house, _host, mut bob, mut carol) = three().await;
    let _plain = house.enter(who(4, "dave")).await;
    assert_eq!(denied(&mut bob, 2).await, Some(false), "to oneself");
    assert_eq!(denied(&mut bob, 4).await, Some(false), "to one who takes none");
    assert_eq!(denied(&mut bob, 9).await, Some(true), "to somebody who is not here");
    for _ in 0..16 {
        open(&mut bob, &mut carol, 3).await;
    }
    assert_eq!(denied(&mut bob, 3).await, Some(true), "too many");
    assert!(matches!(opens(&mut carol, 2).await, Answer::Stream { .. }), "others have their own");
    let stood = able(3, "carol").back(&carol);
    drop(carol);
    while !matches!(opens(&mut bob, 3).await, Answer::NoStream { reason, .. } if reason == "carol is away at the moment")
    {
    }
    let mut back = house.enter(stood).await;
    assert!(matches!(opens(&mut back, 2).await, Answer::Stream { .. }));
}

#[tokio::test]
async fn a_stream_that_nobody_takes_from_is_in_nobodys_way() {
    let (house, mut host, mut bob, mut carol) = three().await;
    let [own, theirs] = open(&mut bob, &mut carol, 3).await;
    let (near, _far) = (arrives(&house, own).await, arrives(&house, theirs).await);
    let chunk = vec![0; 1024 * 1024];
    let mut sent = 0;
    // Until every buffer on the way is full and stays so.
    while let Ok(writable) = tokio::time::timeout(Duration::from_millis(200), near.writable()).await {
        writable.unwrap();
        sent += near.try_write(&chunk).unwrap_or(0);
        assert!(sent < 256 * chunk.len(), "it goes nowhere and yet on and on");
    }
    bob.text("beside it").await;
    for member in [&mut host, &mut carol] {
        assert_eq!(member.texts().await, ["beside it"]);
    }
    assert_eq!(host.ask(Request::Carried).await, Answer::Carried(1));
}
