//! Ends of a TLS connection that do not do what they should, for tests.

use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{ClientConfig, ClientConnection, Error, ServerConfig, SignatureAlgorithm, SignatureScheme};

use super::{client_config, server_config, tls};
use crate::trust::Identity;

/// What an end presents as its key, and how it signs.
#[derive(Clone, Debug)]
pub(super) struct Presents {
    /// Nothing presents no key at all.
    pub(super) chain: Option<Vec<Vec<u8>>>,
    pub(super) signer: Identity,
    pub(super) scheme: SignatureScheme,
    pub(super) raw: bool,
}

impl Presents {
    /// An honest end.
    pub(super) fn own_key(identity: &Identity) -> Self {
        let spki = identity.signing_key().public_key().unwrap().to_vec();
        Self { chain: Some(vec![spki]), signer: identity.clone(), scheme: SignatureScheme::ED25519, raw: true }
    }

    pub(super) fn client(self) -> Arc<ClientConfig> {
        let mut config = ClientConfig::clone(&client_config(&self.signer));
        config.client_auth_cert_resolver = Arc::new(self);
        Arc::new(config)
    }

    pub(super) fn server(self) -> Arc<ServerConfig> {
        let mut config = ServerConfig::clone(&server_config(&self.signer));
        config.cert_resolver = Arc::new(self);
        Arc::new(config)
    }

    fn certified(&self) -> Option<Arc<CertifiedKey>> {
        let chain = self.chain.clone()?.into_iter().map(CertificateDer::from).collect();
        let key = Forger { signer: self.signer.signing_key(), scheme: self.scheme };
        Some(Arc::new(CertifiedKey::new(chain, Arc::new(key))))
    }
}

impl ResolvesClientCert for Presents {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.certified()
    }

    fn only_raw_public_keys(&self) -> bool {
        self.raw
    }

    fn has_certs(&self) -> bool {
        self.chain.is_some()
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

/// Signs with a key that need not be the one presented, under a scheme that need not be the key's.
#[derive(Debug)]
struct Forger {
    signer: Arc<dyn SigningKey>,
    scheme: SignatureScheme,
}

impl SigningKey for Forger {
    fn choose_scheme(&self, _offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let signer = self.signer.choose_scheme(&[SignatureScheme::ED25519])?;
        Some(Box::new(Forged { signer, scheme: self.scheme }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ED25519
    }
}

#[derive(Debug)]
struct Forged {
    signer: Box<dyn Signer>,
    scheme: SignatureScheme,
}

impl Signer for Forged {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.signer.sign(message)
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

/// The first record of an honest client.
pub(super) fn client_hello() -> Vec<u8> {
    let config = client_config(&Identity::generate().unwrap());
    let mut connection = ClientConnection::new(config, tls::server_name()).unwrap();
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).unwrap();
    hello
}
