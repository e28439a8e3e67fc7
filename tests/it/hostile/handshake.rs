//! Handshakes that are not as they should be, seen from both ends.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use pchat::{
    net,
    trust::Identity,
    wire::{Body, Envelope, FEATURE_STREAMS, Hello, To, ToRoom, encode},
};
use rustls::{
    ClientConfig, HandshakeKind, ServerConfig, ServerConnection, client::Resumption, server::ServerSessionMemoryCache,
};

use super::{
    Scene,
    forge::{Presents, Records, open_client, spki},
    peer::{Peer, instance, line, stranger},
    wire::{Over, Wire, dial},
};
use crate::support::{Home, Pchat, Proxy};

/// Checks that a client of these settings does not get as far as a Hello.
fn is_shut_out(scene: &Scene, what: &str, config: Arc<ClientConfig>) {
    let mut wire = dial(config, scene.port);
    // A client is done with the handshake before the room has seen its proof.
    let ended = wire.shake_hands().and_then(|()| wire.receive(&mut [0; 64]));
    assert!(matches!(ended, Err(Over::Broken | Over::Cut)), "{what}: {ended:?}");
}

#[test]
fn case_14_and_16_callers_without_a_bare_key_of_the_right_kind_are_shut_out() {
    let mut scene = Scene::new();
    let identity = stranger();
    let own = spki(&identity);
    let presents = |keys| Presents { keys, ..Presents::own(&identity) };
    let rsa = rustls_rsa_key();
    for (what, presents) in [
        ("no key", presents(None)),
        ("no key among the keys", presents(Some(Vec::new()))),
        ("an RSA key", presents(Some(vec![rsa]))),
        ("31 bytes", presents(Some(vec![own[..own.len() - 1].to_vec()]))),
        ("33 bytes", presents(Some(vec![[&own[..], &[0]].concat()]))),
        ("a hundred keys more", presents(Some(vec![own.clone(); 101]))),
        ("certificates", Presents { raw: false, ..presents(Some(vec![own; 2])) }),
    ] {
        is_shut_out(&scene, what, presents.client());
    }
    scene.still_works();
}

/// The public half of an RSA key of 2,048 bits.
fn rustls_rsa_key() -> Vec<u8> {
    use aws_lc_rs::{encoding::AsDer, rsa::KeySize, signature::KeyPair};
    let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).expect("a key");
    pair.public_key().as_der().expect("an encoding").as_ref().to_vec()
}

#[test]
fn case_15_a_known_key_without_its_secret_half_opens_nothing_at_either_end() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let proxy = Proxy::to(host.port());
    drop(Pchat::join(&bob, "bob", proxy.port, &[]).end());
    let [alices, bobs] = [&alice, &bob].map(|home| Identity::load_or_create(&home.identity()).expect("it has one"));
    // As the host's own key, which rules there, and as that of a guest.
    for victim in [&alices, &bobs] {
        let config = Presents::key_of(victim, &stranger()).client();
        let mut wire = dial(config, host.port());
        assert!(wire.shake_hands().and_then(|()| wire.receive(&mut [0; 64])).is_err());
    }
    // And as the host, before somebody who remembers its key.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    proxy.lead_to(listener.local_addr().expect("it has one").port());
    let config = Presents::key_of(&alices, &stranger()).server();
    let shaken = thread::spawn(move || {
        let tls = ServerConnection::new(config).expect("a configuration");
        Wire::new(tls, listener.accept().expect("a caller").0).shake_hands()
    });
    let ended = Pchat::knock(&bob, "bob", proxy.port, &[]).end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("is no pchat room"), "{}", ended.err);
    assert!(shaken.join().expect("it ends").is_err());
    assert!(!host.out.so_far().iter().any(|line| line.contains("bob-2")));
}

#[test]
fn case_16_a_web_server_with_a_certificate_is_not_joined() {
    let identity = stranger();
    let config = Presents { raw: false, ..Presents::own(&identity) }.server();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it has one").port();
    let shaken = thread::spawn(move || {
        let tls = ServerConnection::new(config).expect("a configuration");
        Wire::new(tls, listener.accept().expect("a caller").0).shake_hands()
    });
    let ended = Pchat::knock(&Home::new(), "bob", port, &[]).end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("is no pchat room"), "{}", ended.err);
    assert!(shaken.join().expect("it ends").is_err());
}

#[test]
fn case_17_a_server_that_sends_back_what_it_gets_is_no_room() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it has one").port();
    thread::spawn(move || {
        let mut stream = listener.accept().expect("a caller").0;
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut bytes) {
            if stream.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
    });
    let ended = Pchat::knock(&Home::new(), "bob", port, &[]).end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("is no pchat room"), "{}", ended.err);
}

/// A server that hands out tickets for anything, and takes early data.
fn generous_server(identity: &Identity) -> Arc<ServerConfig> {
    let mut config = ServerConfig::clone(&net::server_config(identity));
    config.session_storage = ServerSessionMemoryCache::new(16);
    config.send_tls13_tickets = 4;
    config.max_early_data_size = 1 << 14;
    Arc::new(config)
}

#[test]
fn case_18_a_ticket_of_another_server_gets_a_full_handshake_and_early_data_is_not_read() {
    let mut scene = Scene::new();
    let identity = stranger();
    let mut config = ClientConfig::clone(&net::client_config(&identity));
    config.resumption = Resumption::in_memory_sessions(8);
    config.enable_early_data = true;
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it has one").port();
    let serving = thread::spawn(move || {
        let server = generous_server(&stranger());
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let tls = ServerConnection::new(server.clone()).expect("a configuration");
            let mut wire = Wire::new(tls, listener.accept().expect("a caller").0);
            wire.shake_hands().expect("a handshake");
            wire.send(b"x").expect("it listens");
            kinds.push(wire.tls().handshake_kind());
            let _ = wire.receive(&mut [0; 64]);
        }
        kinds
    });
    for _ in 0..2 {
        let mut wire = dial(config.clone(), port);
        wire.shake_hands().expect("a handshake");
        wire.receive(&mut [0; 64]).expect("a byte, and tickets");
    }
    // Otherwise the rest would show nothing.
    assert_eq!(serving.join().expect("it ends"), [Some(HandshakeKind::Full), Some(HandshakeKind::Resumed)]);

    for mut wire in [dial(config.clone(), scene.port), early(&config, scene.port)] {
        // Closed is as good as a full handshake.
        if wire.shake_hands().is_ok() {
            assert_eq!(wire.tls().handshake_kind(), Some(HandshakeKind::Full));
            let mut peer = Peer::over(wire, &identity);
            peer.hello.name = "afterwards".to_owned();
            peer.knock();
            assert!(peer.welcome.name.starts_with("afterwards"), "{:?}", peer.welcome);
            assert_eq!(peer.welcome.accepted, 0);
        }
    }
    scene.still_works();
    assert!(!scene.host.out.so_far().iter().any(|line| line.contains("early")));
}

/// A connection whose first bytes include a Hello and a line as early data.
fn early(config: &Arc<ClientConfig>, port: u16) -> Wire {
    let name = "pchat.invalid".try_into().expect("a name");
    let mut tls = rustls::ClientConnection::new(config.clone(), name).expect("a configuration");
    let features = FEATURE_STREAMS;
    let hello = Hello {
        features,
        name: "early".to_owned(),
        instance: instance(),
        next: 1,
        resume: None,
        otherwise: pchat::wire::Otherwise::Knock,
    };
    let hello = ToRoom::Hello(hello);
    let envelope = Envelope { n: 1, prev: 0, to: To::Everyone, body: Body::Say(line("early")) };
    let frames = [encode(&hello), encode(&ToRoom::Envelope(envelope))];
    let mut early = tls.early_data().expect("there is a ticket that allows it");
    for frame in frames {
        early.write_all(&frame.expect("it fits")).expect("it fits");
    }
    Wire::new(tls, TcpStream::connect(("127.0.0.1", port)).expect("the room listens"))
}

#[test]
fn case_19_floods_of_key_updates_empty_records_and_warnings_end_the_link_and_disturb_nobody() {
    const FLOOD: usize = 1_000;
    let mut scene = Scene::new();
    let identity = stranger();
    let open = || dial(open_client(&identity), scene.port);
    let mut peer = Peer::over(open(), &identity);
    peer.hello.name = "mallory".to_owned();
    peer.knock();
    let (number, hello) = (peer.welcome.number, peer.hello.clone());
    let back = |scene: &Scene| {
        let mut peer = Peer::over(dial(open_client(&identity), scene.port), &identity);
        peer.hello = hello.clone();
        peer.knock();
        assert_eq!(peer.welcome.number, number, "it keeps its seat");
        peer
    };
    while peer.link.wire.change_key().is_ok() {
        peer.count += 1;
        // The room has to read them for this to end: what the sockets hold is far less.
        assert!(peer.count < 5_000_000, "it takes key updates without end");
    }
    let _ = peer.rest();
    let update = [24, 0, 0, 1, 0, 22];
    let floods: [(&str, &[u8], usize); 6] = [
        ("empty records", &[23], FLOOD),
        ("padding and nothing else", &[0; 100], FLOOD),
        ("padded empty records", &[&[23][..], &[0; 1_000]].concat(), FLOOD),
        ("warnings", &[1, 90, 21], FLOOD),
        ("records of no kind", b"x\x63", FLOOD),
        ("two key updates in one record", &[&update[..5], &update].concat(), 1),
    ];
    for (what, plain, count) in floods {
        let mut records = Records::of(back(&scene).link.wire);
        for _ in 0..count {
            if records.send(plain).is_err() {
                break;
            }
        }
        eprintln!("{what}");
        records.closed();
    }
    let mut records = Records::of(back(&scene).link.wire);
    for _ in 0..FLOOD {
        // Change of cipher, which TLS 1.3 knows in the handshake only.
        if records.bytes(&[20, 3, 3, 0, 1, 1]).is_err() {
            break;
        }
    }
    records.closed();
    back(&scene);
    scene.still_works();
}

#[test]
fn case_36_other_versions_are_told_to_update_at_both_ends_and_unknown_abilities_are_ignored() {
    let mut scene = Scene::new();
    let identity = stranger();
    for version in ["pchat/0", "pchat/2", "pchat/255", "h2", ""] {
        let mut config = ClientConfig::clone(&net::client_config(&identity));
        config.alpn_protocols = if version.is_empty() { Vec::new() } else { vec![version.into()] };
        is_shut_out(&scene, version, Arc::new(config));
    }
    let mut peer = Peer::call(scene.port, &identity);
    peer.hello.features = u64::MAX;
    peer.knock();
    for version in ["pchat/0", "pchat/255"] {
        let mut config = ServerConfig::clone(&net::server_config(&identity));
        config.alpn_protocols = vec![version.into()];
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it has one").port();
        thread::spawn(move || {
            let tls = ServerConnection::new(Arc::new(config)).expect("a configuration");
            Wire::new(tls, listener.accept().expect("a caller").0).shake_hands()
        });
        let ended = Pchat::knock(&Home::new(), "bob", port, &[]).end();
        let told =
            format!("the room at 127.0.0.1:{port} has another version of pchat; update the older one of the two");
        assert_eq!((ended.code, ended.err), (Some(1), format!("error: {told}")));
    }
    scene.still_works();
}
