//! What rustls does not do by itself: proofs that prove nothing, and records of any kind.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
};

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use pchat::{net, trust::Identity};
use rustls::{
    ClientConfig, ConnectionTrafficSecrets, ServerConfig, SignatureScheme,
    client::ResolvesClientCert,
    pki_types::CertificateDer,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::wire::Wire;

/// What an end presents as its keys, and with which one it signs.
#[derive(Debug)]
pub struct Presents {
    /// Nothing presents no key at all.
    pub keys: Option<Vec<Vec<u8>>>,
    pub signer: Identity,
    /// Whether it says that they are bare keys, not certificates.
    pub raw: bool,
}

impl Presents {
    /// What an honest end does.
    pub fn own(identity: &Identity) -> Self {
        Self { keys: Some(vec![spki(identity)]), signer: identity.clone(), raw: true }
    }

    /// Somebody else's key, of which it has the public half only.
    pub fn key_of(victim: &Identity, forger: &Identity) -> Self {
        Self { keys: Some(vec![spki(victim)]), ..Self::own(forger) }
    }

    pub fn client(self) -> Arc<ClientConfig> {
        let mut config = ClientConfig::clone(&net::client_config(&self.signer));
        config.client_auth_cert_resolver = Arc::new(self);
        Arc::new(config)
    }

    pub fn server(self) -> Arc<ServerConfig> {
        let mut config = ServerConfig::clone(&net::server_config(&self.signer));
        config.cert_resolver = Arc::new(self);
        Arc::new(config)
    }

    fn certified(&self) -> Option<Arc<CertifiedKey>> {
        let keys = self.keys.clone()?.into_iter().map(CertificateDer::from).collect();
        Some(Arc::new(CertifiedKey::new(keys, self.signer.signing_key())))
    }
}

/// A public key as TLS presents it.
pub fn spki(identity: &Identity) -> Vec<u8> {
    identity.signing_key().public_key().expect("it has one").to_vec()
}

impl ResolvesClientCert for Presents {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.certified()
    }

    fn only_raw_public_keys(&self) -> bool {
        self.raw
    }

    fn has_certs(&self) -> bool {
        self.keys.is_some()
    }
}

impl ResolvesServerCert for Presents {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.certified()
    }

    fn only_raw_public_keys(&self) -> bool {
        self.raw
    }
}

/// The settings of a member whose keys the test can have.
pub fn open_client(identity: &Identity) -> Arc<ClientConfig> {
    let mut config = ClientConfig::clone(&net::client_config(identity));
    config.enable_secret_extraction = true;
    Arc::new(config)
}

/// One direction of a TLS connection, whose records are made by hand.
pub struct Records {
    socket: TcpStream,
    key: LessSafeKey,
    iv: Vec<u8>,
    sequence: u64,
}

impl Records {
    /// Goes on where a connection stands.
    pub fn of(wire: Wire) -> Self {
        let (tls, socket) = wire.into_parts();
        let (sequence, secrets) = tls.dangerous_extract_secrets().expect("it was allowed").tx;
        let (algorithm, key, iv) = match &secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&AES_256_GCM, key, iv),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&CHACHA20_POLY1305, key, iv),
            _ => panic!("a cipher that TLS 1.3 does not have"),
        };
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key.as_ref()).expect("its length is right"));
        Self { socket, key, iv: iv.as_ref().to_vec(), sequence }
    }

    /// Sends a record whose plain content is this: what it says, its kind, and padding. RFC 8446, 5.2.
    pub fn send(&mut self, plain: &[u8]) -> std::io::Result<()> {
        let mut nonce: [u8; 12] = self.iv.as_slice().try_into().expect("12 bytes");
        nonce.iter_mut().skip(4).zip(self.sequence.to_be_bytes()).for_each(|(byte, with)| *byte ^= with);
        self.sequence += 1;
        let head = [&[23, 3, 3][..], &(plain.len() as u16 + 16).to_be_bytes()].concat();
        let mut sealed = plain.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(nonce, Aad::from(&head), &mut sealed).expect("it can be sealed");
        self.bytes(&[head, sealed].concat())
    }

    /// Sends bytes that TLS does not protect.
    pub fn bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.socket.write_all(bytes)
    }

    /// Waits until the other side has closed.
    pub fn closed(mut self) {
        match self.socket.read_to_end(&mut Vec::new()) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("it does not close: {error}"),
        }
    }
}
