//! Many at the door at once, from several addresses of loopback, which only Linux has without ado.

use futures_util::future::join_all;

use super::*;

/// Far longer than any test.
const LONG: Duration = Duration::from_secs(3600);

/// Long enough that nothing happens before it by itself, short enough to wait for.
const SOON: Duration = Duration::from_millis(100);

/// Where members and honest callers come from; what is hostile comes from 127.0.0.3 and above.
const HOME: u8 = 1;
const ELSEWHERE: u8 = 2;

/// A door at which nothing is ever late, and nobody gives way.
fn patient() -> DoorConfig {
    DoorConfig { deadline: LONG, tls: LONG, give_way: LONG, ..DoorConfig::default() }
}

impl Open {
    async fn dial_from(&self, last: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into()).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// A connection in the middle of the handshake, which holds a turn.
    async fn half_open(&self, last: u8) -> TcpStream {
        let mut stream = self.dial_from(last).await;
        stream.write_all(&client_hello()).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), TLS_HANDSHAKE, "it is answered");
        stream
    }

    /// Takes all turns that strangers can have.
    async fn fill(&self) -> Vec<TcpStream> {
        let sources = (self.door.config.handshakes / self.door.config.handshakes_a_source) as u8;
        let each = self.door.config.handshakes_a_source;
        let callers = (3..3 + sources).flat_map(|last| std::iter::repeat_n(last, each));
        join_all(callers.map(|last| self.half_open(last))).await
    }

    /// Somebody from there who knows TLS.
    fn honest(&self, last: u8) -> JoinHandle<io::Result<Member>> {
        let (address, tls) = (self.address, client_config(&Identity::generate().unwrap()));
        tokio::spawn(async move {
            let socket = TcpSocket::new_v4()?;
            socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into())?;
            let stream = socket.connect(address).await?;
            TlsConnector::from(tls).connect(tls::server_name(), stream).await
        })
    }

    /// A member is let in from there, and gone again.
    async fn knows(&mut self, last: u8) {
        let member = self.honest(last);
        let mut incoming = self.incoming.recv().await.unwrap();
        incoming.turn.let_in();
        member.await.unwrap().unwrap();
    }
}

type Member = tokio_rustls::client::TlsStream<TcpStream>;

#[tokio::test]
async fn case_129_with_all_turns_held_by_strangers_a_member_comes_back() {
    let mut open = open(patient());
    open.knows(HOME).await;
    let strangers = open.fill().await;
    let stranger = open.honest(ELSEWHERE);
    // As many as the source may have, one after the other.
    for _ in 0..20 {
        let member = open.honest(HOME);
        let incoming = open.incoming.recv().await.unwrap();
        assert_eq!(incoming.address, Ipv4Addr::new(127, 0, 0, HOME));
        member.await.unwrap().unwrap();
    }
    assert!(!stranger.is_finished(), "others wait");
    drop(strangers);
    assert!(open.incoming.recv().await.is_some());
    stranger.await.unwrap().unwrap();
    open.ends_idle().await;
}

#[tokio::test]
async fn case_116_half_open_handshakes_give_way_to_one_that_waits() {
    let mut open = open(DoorConfig { give_way: SOON, ..patient() });
    let strangers = open.fill().await;
    let honest = open.honest(ELSEWHERE);
    let incoming = open.incoming.recv().await.unwrap();
    assert_eq!(incoming.address, Ipv4Addr::new(127, 0, 0, ELSEWHERE));
    honest.await.unwrap().unwrap();
    drop((strangers, incoming));
    let Counts { late, handshake, .. } = open.counts().await;
    assert_eq!((late, handshake), (1, 31), "one gave way; the others went by themselves");
    open.ends_idle().await;
}

#[tokio::test]
async fn those_who_have_proved_a_key_and_say_nothing_more_give_way_too() {
    let config = DoorConfig { handshakes: 1, handshakes_a_source: 1, give_way: SOON, ..patient() };
    let mut open = open(config);
    let silent = open.honest(3);
    let held = open.incoming.recv().await.unwrap();
    silent.await.unwrap().unwrap();
    let honest = open.honest(ELSEWHERE);
    held.turn.revoked().await;
    assert!(!honest.is_finished());
    drop(held);
    drop(open.incoming.recv().await.unwrap());
    honest.await.unwrap().unwrap();
    assert_eq!(open.counts().await, Counts { late: 1, ..Counts::default() });
    open.ends_idle().await;
}

#[tokio::test]
async fn who_is_asked_about_holds_no_turn() {
    let mut open = open(DoorConfig { handshakes: 1, ..patient() });
    let knocks = open.honest(3);
    let mut waiting = open.incoming.recv().await.unwrap();
    waiting.turn.free();
    knocks.await.unwrap().unwrap();
    let honest = open.honest(ELSEWHERE);
    drop(open.incoming.recv().await.unwrap());
    honest.await.unwrap().unwrap();
    drop(waiting);
    open.ends_idle().await;
}

#[tokio::test]
async fn case_116_silent_connections_give_way_when_all_places_are_taken() {
    let mut open = open(DoorConfig { waiting: 8, waiting_a_source: 8, ..patient() });
    let mut silent = Vec::new();
    for last in [3, 3, 3, 3, 3, 4, 4, 5] {
        silent.push(open.dial_from(last).await);
    }
    let honest = open.honest(ELSEWHERE);
    let incoming = open.incoming.recv().await.unwrap();
    assert_eq!(incoming.address, Ipv4Addr::new(127, 0, 0, ELSEWHERE));
    honest.await.unwrap().unwrap();
    assert_eq!(until_closed(silent.remove(0)).await, [0_u8; 0], "the oldest of the source with the most");
    drop((silent, incoming));
    assert_eq!(open.counts().await, Counts { late: 1, foreign: 7, ..Counts::default() });
    open.ends_idle().await;
}

#[tokio::test]
async fn case_116_a_source_whose_connections_come_to_nothing_is_closed_at_once() {
    let mut open = open(patient());
    for _ in 0..crate::limits::door::TRIES {
        // Waits for the close, so that it is counted.
        let mut stream = open.dial_from(3).await;
        stream.write_all(b"?").await.unwrap();
        until_closed(stream).await;
    }
    let error = open.honest(3).await.unwrap().unwrap_err();
    assert!(error.get_ref().is_none_or(|inner| !inner.is::<rustls::Error>()), "closed before any TLS: {error}");
    let honest = open.honest(ELSEWHERE);
    drop(open.incoming.recv().await.unwrap());
    honest.await.unwrap().unwrap();
    assert_eq!(open.counts().await, Counts { foreign: 32, barred: 1, ..Counts::default() });
    open.ends_idle().await;
}

#[tokio::test]
async fn whoever_proves_a_key_and_is_not_let_in_has_tried() {
    let mut open = open(DoorConfig { tries: 3, ..patient() });
    for _ in 0..3 {
        let stranger = open.honest(3);
        drop(open.incoming.recv().await.unwrap());
        stranger.await.unwrap().unwrap();
    }
    open.honest(3).await.unwrap().unwrap_err();
    open.ends_idle().await;
}

#[tokio::test]
async fn a_good_token_costs_nothing_and_a_bad_one_a_try() {
    let mut open = open(DoorConfig { tries: 3, ..patient() });
    for good in [true; 10].into_iter().chain([false; 3]) {
        let mut near = open.dial_from(3).await;
        near.write_all(&head()).await.unwrap();
        let End { socket, attempt, .. } = open.ends.recv().await.unwrap();
        if good {
            attempt.succeed();
        } else {
            drop(attempt);
        }
        drop(socket);
    }
    assert!(open.turns_away(Ipv4Addr::new(127, 0, 0, 3)).await);
    assert_eq!(open.counts().await, Counts { barred: 1, ..Counts::default() });
    open.ends_idle().await;
}

#[tokio::test]
async fn a_source_from_which_a_member_came_is_not_charged() {
    let mut open = open(DoorConfig { tries: 2, ..patient() });
    open.knows(3).await;
    for _ in 0..100 {
        let mut stream = open.dial_from(3).await;
        stream.write_all(b"?").await.unwrap();
        until_closed(stream).await;
    }
    open.knows(3).await;
    assert_eq!(open.counts().await, Counts { foreign: 100, ..Counts::default() });
    open.ends_idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lecture_hall_behind_one_address_gets_in_at_once() {
    let mut open = open(DoorConfig::default());
    let hall: Vec<_> = (0..300).map(|_| open.honest(3)).collect();
    for _ in 0..300 {
        open.incoming.recv().await.unwrap().turn.let_in();
    }
    for member in hall {
        member.await.unwrap().unwrap();
    }
    assert_eq!(open.counts().await, Counts::default());
    open.ends_idle().await;
}
