use std::io;

use ::aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{CipherSuite, HandshakeKind, NamedGroup};
use tokio::io::DuplexStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::super::hostile::Presents;
use super::*;

type Ended = (io::Result<server::TlsStream<DuplexStream>>, io::Result<client::TlsStream<DuplexStream>>);

fn identity() -> Identity {
    Identity::generate().unwrap()
}

async fn handshake(server: Arc<ServerConfig>, client: Arc<ClientConfig>) -> Ended {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let accept = TlsAcceptor::from(server).accept(near);
    let connect = TlsConnector::from(client).connect(server_name(), far);
    tokio::join!(accept, connect)
}

/// Both a client and a server that present this are refused by the other end.
async fn is_refused(presents: Presents) {
    let (accepted, _) = handshake(server_config(&identity()), presents.clone().client()).await;
    assert!(accepted.is_err(), "a client that presents {presents:?}");
    let (_, connected) = handshake(presents.clone().server(), client_config(&identity())).await;
    assert!(connected.is_err(), "a server that presents {presents:?}");
}

#[tokio::test]
async fn both_ends_see_the_others_key_over_a_post_quantum_exchange() {
    let (host, guest) = (identity(), identity());
    let (accepted, connected) = handshake(server_config(&host), client_config(&guest)).await;
    let (accepted, connected) = (accepted.unwrap(), connected.unwrap());
    assert_eq!(peer_key(accepted.get_ref().1), Some(guest.public_key()));
    assert_eq!(peer_key(connected.get_ref().1), Some(host.public_key()));
    for connection in [accepted.get_ref().1 as &CommonState, connected.get_ref().1] {
        assert_eq!(connection.negotiated_key_exchange_group().unwrap().name(), NamedGroup::X25519MLKEM768);
        assert!(speaks_pchat(connection));
    }
}

#[tokio::test]
async fn a_forger_that_does_not_forge_is_accepted() {
    // Otherwise the tests below would show nothing.
    let (host, guest) = (identity(), identity());
    let ended = handshake(Presents::own_key(&host).server(), Presents::own_key(&guest).client()).await;
    assert_eq!(peer_key(ended.0.unwrap().get_ref().1), Some(guest.public_key()));
    assert_eq!(peer_key(ended.1.unwrap().get_ref().1), Some(host.public_key()));
}

#[tokio::test]
async fn case_14_a_peer_without_a_key_is_closed() {
    is_refused(Presents { chain: None, ..Presents::own_key(&identity()) }).await;
}

#[tokio::test]
async fn case_14_a_key_of_another_kind_or_length_is_closed() {
    let document = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap().to_pkcs8v1().unwrap();
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(document.as_ref().to_vec()));
    let p256 = rustls::crypto::aws_lc_rs::sign::any_supported_type(&der).unwrap();
    let p256 = p256.public_key().unwrap().to_vec();
    let own = Presents::own_key(&identity());
    let good = own.chain.clone().unwrap().remove(0);
    let (short, long) = (good[..43].to_vec(), [good.as_slice(), &[0]].concat());
    let mut other_oid = good.clone();
    other_oid[8] = 0x71;
    for spki in [p256, short, long, other_oid, Vec::new()] {
        assert!(ed25519_key(&spki).is_err());
        is_refused(Presents { chain: Some(vec![spki]), ..own.clone() }).await;
    }
}

#[tokio::test]
async fn case_15_a_pinned_key_with_a_signature_of_another_key_is_closed() {
    let (pinned, attacker) = (identity(), identity());
    is_refused(Presents { signer: attacker, ..Presents::own_key(&pinned) }).await;
}

#[tokio::test]
async fn case_15_a_signature_under_a_scheme_that_was_not_offered_is_closed() {
    for scheme in [SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::RSA_PSS_SHA256, SignatureScheme::ED448] {
        is_refused(Presents { scheme, ..Presents::own_key(&identity()) }).await;
    }
}

#[tokio::test]
async fn case_16_certificates_are_refused() {
    let own = Presents::own_key(&identity());
    is_refused(Presents { raw: false, ..own.clone() }).await;
    let spki = own.chain.clone().unwrap().remove(0);
    is_refused(Presents { chain: Some(vec![spki; 101]), ..own }).await;
}

#[tokio::test]
async fn case_18_nothing_is_resumed_and_no_early_data_is_taken() {
    let host = server_config(&identity());
    let mut guest = ClientConfig::clone(&client_config(&identity()));
    guest.resumption = Resumption::in_memory_sessions(8);
    guest.enable_early_data = true;
    let guest = Arc::new(guest);
    for _ in 0..2 {
        let (accepted, connected) = handshake(Arc::clone(&host), Arc::clone(&guest)).await;
        let (mut accepted, mut connected) = (accepted.unwrap(), connected.unwrap());
        // Tickets would come with the first data.
        tokio::io::AsyncWriteExt::write_all(&mut accepted, b"x").await.unwrap();
        tokio::io::AsyncReadExt::read_u8(&mut connected).await.unwrap();
        let client = connected.get_ref().1;
        assert_eq!(client.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(client.tls13_tickets_received(), 0);
        assert!(!client.is_early_data_accepted());
    }
}

#[tokio::test]
async fn a_peer_that_names_no_protocol_is_noticed() {
    let mut guest = ClientConfig::clone(&client_config(&identity()));
    guest.alpn_protocols.clear();
    let (accepted, _) = handshake(server_config(&identity()), Arc::new(guest)).await;
    assert!(!speaks_pchat(accepted.unwrap().get_ref().1));
}

#[tokio::test]
async fn a_stream_takes_the_cipher_that_costs_least_and_is_no_link() {
    let (ours, theirs) = (identity(), identity());
    let ended = handshake(stream_server_config(&theirs), stream_client_config(&ours)).await;
    let (accepted, opened) = (ended.0.unwrap(), ended.1.unwrap());
    let cheap =
        if has_aes() { CipherSuite::TLS13_AES_128_GCM_SHA256 } else { CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 };
    for connection in [accepted.get_ref().1 as &CommonState, opened.get_ref().1] {
        assert_eq!(connection.negotiated_cipher_suite().unwrap().suite(), cheap);
        assert!(speaks_stream(connection) && !speaks_pchat(connection));
    }
    assert!(handshake(stream_server_config(&theirs), client_config(&ours)).await.0.is_err());
    assert!(handshake(server_config(&theirs), stream_client_config(&ours)).await.0.is_err());
}
