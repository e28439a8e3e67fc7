//! TLS 1.3 with the members' own keys: both ends present a raw Ed25519 public key (RFC 7250) and sign the
//! handshake with it.
//!
//! The signature is always verified here. Which key is the right one is for the caller to decide, by
//! [`peer_key`].

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::aws_lc_rs::kx_group::{X25519, X25519MLKEM768};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, CommonState, ConnectionCommon, DigitallySignedStruct, DistinguishedName, Error,
    PeerIncompatible, ServerConfig, SignatureScheme,
};

use crate::trust::Identity;
use crate::wire::{ALPN, EXPORTER, PublicKey, STREAM_ALPN};

/// What comes before the key in the `SubjectPublicKeyInfo` of an Ed25519 key (RFC 8410), the only form that
/// DER allows.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// How the ALPN name of every version begins.
const VERSION_PREFIX: &str = "pchat/";

/// The highest version of the protocol that a probe asks for: there is no telling how far others have come.
const VERSIONS_ASKED: u16 = 16;

/// The TLS settings of the end that listens. It accepts any peer that proves an Ed25519 key.
pub fn server_config(identity: &Identity) -> Arc<ServerConfig> {
    Arc::new(server(identity, ALPN, provider()))
}

/// The TLS settings of a stream's target. It accepts any peer that proves an Ed25519 key: the caller compares the key
/// with the one it expects.
pub fn stream_server_config(identity: &Identity) -> Arc<ServerConfig> {
    let mut config = server(identity, STREAM_ALPN, bulk_provider());
    // Whichever end has no AES in its processor decides: there the difference is the largest.
    config.ignore_client_order = !has_aes();
    Arc::new(config)
}

fn server(identity: &Identity, alpn: &[u8], provider: Arc<CryptoProvider>) -> ServerConfig {
    let resolver = AlwaysResolvesServerRawPublicKeys::new(certified_key(identity));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .expect("the provider has suites and groups for TLS 1.3")
        .with_client_cert_verifier(Arc::new(RawKeyVerifier::new()))
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![alpn.to_vec()];
    // A resumed session would skip the verifier.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.max_early_data_size = 0;
    config
}

/// The TLS settings of the end that dials. It accepts any peer that proves an Ed25519 key: the caller compares
/// the key with the one it expects.
pub fn client_config(identity: &Identity) -> Arc<ClientConfig> {
    client(identity, ALPN, provider())
}

/// The TLS settings of an end that only looks what answers: it takes every version of the protocol, its own first.
pub(super) fn probe_config(identity: &Identity) -> Arc<ClientConfig> {
    let mut config = ClientConfig::clone(&client_config(identity));
    let others = (1..=VERSIONS_ASKED).map(|version| format!("{VERSION_PREFIX}{version}").into_bytes());
    config.alpn_protocols.extend(others.filter(|name| name != ALPN));
    Arc::new(config)
}

/// The TLS settings of a stream's opener. The caller compares the key, as with [`stream_server_config`].
pub fn stream_client_config(identity: &Identity) -> Arc<ClientConfig> {
    client(identity, STREAM_ALPN, bulk_provider())
}

fn client(identity: &Identity, alpn: &[u8], provider: Arc<CryptoProvider>) -> Arc<ClientConfig> {
    let resolver = AlwaysResolvesClientRawPublicKeys::new(certified_key(identity));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .expect("the provider has suites and groups for TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(RawKeyVerifier::new()))
        .with_client_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![alpn.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    // Keys name peers here, so the server name says nothing.
    config.enable_sni = false;
    Arc::new(config)
}

/// The name that a TLS client has to give; it is not sent and means nothing.
pub(crate) fn server_name() -> ServerName<'static> {
    ServerName::try_from("pchat.invalid").expect("this is a DNS name")
}

/// The key that the other end has proved, once the handshake is over.
pub fn peer_key(connection: &CommonState) -> Option<PublicKey> {
    match connection.peer_certificates()? {
        [spki] => ed25519_key(spki).ok(),
        _ => None,
    }
}

/// What tells this connection from all others, the same at both ends and nowhere else.
pub(super) fn exporter<Side>(connection: &ConnectionCommon<Side>) -> Option<[u8; 32]> {
    connection.export_keying_material([0; 32], EXPORTER, None).ok()
}

/// Whether both ends agreed on the protocol. TLS lets a peer pass that names none.
pub(super) fn speaks_pchat(connection: &CommonState) -> bool {
    connection.alpn_protocol() == Some(ALPN)
}

/// The version of the protocol that both ends agreed on.
pub(super) fn version_spoken(connection: &CommonState) -> Option<u16> {
    version_of(connection.alpn_protocol()?)
}

/// The version of the protocol that this program speaks.
pub fn own_version() -> u16 {
    version_of(ALPN).expect("the name ends in a number")
}

fn version_of(alpn: &[u8]) -> Option<u16> {
    std::str::from_utf8(alpn).ok()?.strip_prefix(VERSION_PREFIX)?.parse().ok()
}

/// Whether both ends agreed on the protocol of a stream.
pub(crate) fn speaks_stream(connection: &CommonState) -> bool {
    connection.alpn_protocol() == Some(STREAM_ALPN)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { kx_groups: vec![X25519MLKEM768, X25519], ..aws_lc_rs::default_provider() })
}

/// As [`provider`], with the cipher first that costs this machine least: bulk data is encrypted byte by byte, and
/// AES-128 is 7 % cheaper than AES-256 where the processor helps; where it does not, ChaCha20 is several times cheaper.
fn bulk_provider() -> Arc<CryptoProvider> {
    use rustls::crypto::aws_lc_rs::cipher_suite::{
        TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256,
    };
    let mut cipher_suites = vec![TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256];
    if !has_aes() {
        cipher_suites.rotate_right(1);
    }
    let provider = CryptoProvider::clone(&provider());
    Arc::new(CryptoProvider { cipher_suites, ..provider })
}

/// Whether the processor helps with AES.
fn has_aes() -> bool {
    #[cfg(target_arch = "x86_64")]
    let has = std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    let has = std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let has = false;
    has
}

fn certified_key(identity: &Identity) -> Arc<CertifiedKey> {
    let spki = [SPKI_PREFIX.as_slice(), &identity.public_key().0].concat();
    Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki)], identity.signing_key()))
}

fn ed25519_key(spki: &[u8]) -> Result<PublicKey, Error> {
    let key = spki.strip_prefix(&SPKI_PREFIX).and_then(|key| key.try_into().ok());
    key.map(PublicKey).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))
}

/// Accepts every Ed25519 key whose owner signs the handshake.
#[derive(Debug)]
struct RawKeyVerifier {
    algorithms: WebPkiSupportedAlgorithms,
}

impl RawKeyVerifier {
    fn new() -> Self {
        Self { algorithms: aws_lc_rs::default_provider().signature_verification_algorithms }
    }

    fn verify_key(spki: &[u8], rest: &[CertificateDer<'_>]) -> Result<(), Error> {
        if !rest.is_empty() {
            return Err(Error::InvalidCertificate(CertificateError::BadEncoding));
        }
        ed25519_key(spki).map(|_| ())
    }

    fn verify_signature(
        &self,
        message: &[u8],
        spki: &[u8],
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if signed.scheme != SignatureScheme::ED25519 {
            return Err(Error::InvalidCertificate(CertificateError::BadSignature));
        }
        verify_tls13_signature_with_raw_key(message, &SubjectPublicKeyInfoDer::from(spki), signed, &self.algorithms)
    }
}

/// TLS 1.2 is not built in; should it ever be, it stays shut.
fn no_tls12() -> Error {
    PeerIncompatible::Tls12NotOffered.into()
}

impl ServerCertVerifier for RawKeyVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Self::verify_key(end_entity, intermediates).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for RawKeyVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Self::verify_key(end_entity, intermediates).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
