use std::future::Future;
use std::net::{Ipv4Addr, Ipv6Addr};

use rustls::ServerConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::super::hostile::Presents;
use super::super::{client_config, server_config};
use super::*;
use crate::trust::Identity;

async fn listener() -> (TcpListener, HostAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, HostAddr::from_ip(address.ip(), address.port()))
}

/// A port at which nothing listens, kept free as long as the socket lives.
fn closed_port() -> (socket2::Socket, SocketAddr) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

async fn dial(addr: &HostAddr, timing: DialTiming) -> Result<Connected, DialError> {
    connect(addr, &client_config(&Identity::generate().unwrap()), &timing).await
}

/// What dialling says of a server that does `answer` with its only connection.
async fn error_of<A: Future>(answer: impl FnOnce(TcpStream) -> A) -> DialError {
    let (listener, addr) = listener().await;
    let serve = async { answer(listener.accept().await.unwrap().0).await };
    let (dialled, _) = tokio::join!(dial(&addr, DialTiming::default()), serve);
    dialled.unwrap_err()
}

async fn error_of_tls(config: Arc<ServerConfig>) -> DialError {
    error_of(|stream| async { TlsAcceptor::from(config).accept(stream).await.map(drop) }).await
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let (_socket, address) = closed_port();
    let addr = HostAddr::from_ip(address.ip(), address.port());
    let error = dial(&addr, DialTiming::default()).await.unwrap_err();
    assert!(matches!(error, DialError::Refused(_)), "{error}");
    assert!(error.to_string().contains(&format!("nothing listens at {addr}")), "{error}");
    assert!(error.is_temporary());
}

#[tokio::test]
async fn a_name_that_cannot_exist_is_not_found() {
    // A label has 63 characters at most, so nobody is asked.
    let addr = format!("{}.invalid", "a".repeat(64)).parse().unwrap();
    let error = dial(&addr, DialTiming::default()).await.unwrap_err();
    assert!(matches!(error, DialError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_refuses() {
    let (_socket, closed) = closed_port();
    let (listener, addr) = listener().await;
    let open = listener.local_addr().unwrap();
    let (_, reached) = race(&addr, &[closed, open], Duration::from_secs(3600)).await.unwrap();
    assert_eq!(reached, open);
    let error = race(&addr, &[closed, closed], Duration::from_secs(3600)).await.unwrap_err();
    assert!(matches!(error, DialError::Refused(_)), "{error}");
}

#[test]
fn addresses_alternate_between_the_families() {
    let v6 = |last| SocketAddr::from((Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last), 1));
    let v4 = |last| SocketAddr::from((Ipv4Addr::new(10, 0, 0, last), 1));
    let found = [v6(1), v6(2), v6(1), v6(3), v4(1), v4(1)];
    assert_eq!(alternated(found.into_iter()), [v6(1), v4(1), v6(2), v6(3)]);
    assert_eq!(alternated([v4(1), v6(1), v6(2)].into_iter()), [v4(1), v6(1), v6(2)]);
    assert_eq!(alternated((0..100).map(v4)).len(), MAX_ADDRESSES);
}

#[tokio::test(start_paused = true)]
async fn case_10_a_silent_server_is_given_up_at_the_deadline() {
    let (listener, addr) = listener().await;
    let start = Instant::now();
    let error = dial(&addr, DialTiming::default()).await.unwrap_err();
    assert!(matches!(error, DialError::Silent(_)), "{error}");
    assert_eq!(start.elapsed().as_secs(), 10);
    drop(listener);
}

#[tokio::test]
async fn case_10_a_server_that_closes_is_reported_as_such() {
    let error = error_of(|stream| async { drop(stream) }).await;
    assert!(matches!(error, DialError::Closed(_)), "{error}");
    assert!(error.is_temporary());
}

#[tokio::test]
async fn a_room_that_turns_an_address_away_is_told_from_one_that_is_not_there() {
    let error = error_of(|stream| async { socket::abort(stream) }).await;
    assert!(matches!(error, DialError::Closed(_)), "{error}");
    assert!(error.to_string().contains("too many tries came from your address"), "{error}");
    assert!(error.is_temporary());
    // The system may learn of it while it still connects.
    let addr: HostAddr = "192.0.2.1:5000".parse().unwrap();
    assert!(matches!(explain_tcp(&addr, io::ErrorKind::ConnectionReset.into()), DialError::Closed(_)));
}

#[tokio::test]
async fn case_10_other_protocols_are_no_room() {
    for greeting in ["SSH-2.0-OpenSSH_9.9\r\n", "220 mail.example ESMTP\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let error = error_of(|mut stream| async move {
            stream.write_all(greeting.as_bytes()).await.unwrap();
            // Held until the other end is done, so that it is not the close that ends it.
            stream.readable().await.unwrap();
            stream
        })
        .await;
        assert!(matches!(error, DialError::NotPchat { .. }), "{greeting}: {error}");
        assert!(!error.is_temporary());
    }
}

#[tokio::test]
async fn case_10_endless_output_ends_at_once() {
    // Nonsense; a handshake message of 16 MiB; empty records.
    let endless: [&[u8]; 3] = [b"yes\n", &[22, 3, 3, 0, 4, 2, 0xff, 0xff, 0xff], &[22, 3, 3, 0, 0]];
    for part in endless {
        let error = error_of(|mut stream| async move { while stream.write_all(&part.repeat(1000)).await.is_ok() {} });
        let error = error.await;
        assert!(matches!(error, DialError::NotPchat { .. }), "{part:?}: {error}");
    }
}

#[tokio::test]
async fn another_version_of_pchat_is_told_from_another_protocol() {
    let host = Identity::generate().unwrap();
    let mut other = ServerConfig::clone(&server_config(&host));
    other.alpn_protocols = vec![b"pchat/0".to_vec()];
    let error = error_of_tls(Arc::new(other.clone())).await;
    assert!(matches!(error, DialError::OtherVersion(_)), "{error}");
    assert!(!error.is_temporary());
    other.alpn_protocols.clear();
    let error = error_of_tls(Arc::new(other)).await;
    assert!(matches!(error, DialError::NotPchat { .. }), "{error}");
}

#[tokio::test]
async fn case_15_a_room_that_cannot_sign_for_its_key_is_no_room() {
    let [pinned, attacker] = [(); 2].map(|()| Identity::generate().unwrap());
    let error = error_of_tls(Presents { signer: attacker, ..Presents::own_key(&pinned) }.server()).await;
    assert!(matches!(error, DialError::NotPchat { .. }), "{error}");
}

#[tokio::test]
async fn case_16_a_web_server_with_a_certificate_is_no_room() {
    let own = Presents::own_key(&Identity::generate().unwrap());
    let error = error_of_tls(Presents { raw: false, ..own }.server()).await;
    assert!(matches!(error, DialError::NotPchat { .. }), "{error}");
}
