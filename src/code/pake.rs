//! Proving that one knows the code of a room, to a room that proves the same: SPAKE2 and a confirmation each way. The
//! [specification](crate::wire#codes) says what goes in.
//!
//! The two sides are types of their own, so that neither can be taken for the other, and each step consumes the one
//! before it: a state is good for one guess. `spake2` accepts any point, so an element is checked here first. What this
//! module holds of the code and of the key is wiped when dropped; `spake2` does not wipe its own copy.

use aws_lc_rs::hmac;
use curve25519_dalek::{edwards::CompressedEdwardsY, traits::IsIdentity};
use spake2::{Ed25519Group, Identity, Password, Spake2};
use zeroize::Zeroizing;

use super::Code;
use crate::wire::{Confirmation, Element, PublicKey};

/// What `spake2` puts before an element of either side.
const SIDE_A: u8 = b'A';
const SIDE_B: u8 = b'B';

/// Who is at the two ends of a connection, and which connection it is: 32 bytes of TLS exporter, both keys.
#[derive(Clone, Copy)]
pub struct Ends {
    /// The exporter of the connection.
    pub exporter: [u8; 32],
    /// The key of the end that wants to come in.
    pub joiner: PublicKey,
    /// The key of the room's end.
    pub host: PublicKey,
}

impl Ends {
    fn bytes(&self) -> [u8; 96] {
        let mut bytes = [0; 96];
        for (to, from) in bytes.chunks_exact_mut(32).zip([&self.exporter, &self.joiner.0, &self.host.0]) {
            to.copy_from_slice(from);
        }
        bytes
    }

    fn identities(&self) -> [Identity; 2] {
        ["pchat code joiner", "pchat code host"].map(|role| Identity::new(&[role.as_bytes(), &self.bytes()].concat()))
    }
}

/// The other end's message is no element that an honest end could have sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the exchange of the code makes no sense")]
pub struct BadElement;

/// The joiner's side, its element sent.
pub struct Joiner(Exchange);

/// The room's side, its element sent.
pub struct Host(Exchange);

/// The joiner's side, its confirmation sent.
pub struct Doubting(Proof);

/// The room's side, waiting for the joiner's confirmation.
pub struct Asking(Proof);

impl Joiner {
    /// Begins, and gives what the Hello brings.
    pub fn start(code: &Code, ends: &Ends) -> (Self, Element) {
        let [joiner, host] = ends.identities();
        let (state, message) = Spake2::start_a(&password(Some(code)), &joiner, &host);
        let exchange = Exchange::new(state, &message, ends);
        let element = exchange.own;
        (Self(exchange), element)
    }

    /// Goes on with the room's element. Gives the confirmation to send.
    ///
    /// # Errors
    ///
    /// [`BadElement`] if no honest room sent it.
    pub fn finish(self, host: &Element) -> Result<(Doubting, Confirmation), BadElement> {
        let Self(exchange) = self;
        let (joiner, host) = (exchange.own, *host);
        let proof = exchange.finish(SIDE_B, &host, joiner, host)?;
        let confirmation = proof.sign(JOINER_KNOWS);
        Ok((Doubting(proof), confirmation))
    }
}

impl Host {
    /// Begins with the room's code, or with one that nobody can know if there is none. Gives the element to send.
    pub fn start(code: Option<&Code>, ends: &Ends) -> (Self, Element) {
        let [joiner, host] = ends.identities();
        let (state, message) = Spake2::start_b(&password(code), &joiner, &host);
        let exchange = Exchange::new(state, &message, ends);
        let element = exchange.own;
        (Self(exchange), element)
    }

    /// Goes on with the joiner's element.
    ///
    /// # Errors
    ///
    /// [`BadElement`] if no honest joiner sent it.
    pub fn finish(self, joiner: &Element) -> Result<Asking, BadElement> {
        let Self(exchange) = self;
        let (joiner, host) = (*joiner, exchange.own);
        exchange.finish(SIDE_A, &joiner, joiner, host).map(Asking)
    }
}

impl Doubting {
    /// Whether the room knows the code.
    pub fn believes(self, confirmation: &Confirmation) -> bool {
        self.0.verify(HOST_KNOWS, confirmation)
    }
}

impl Asking {
    /// The confirmation for a joiner whose own one is right: to others the room proves nothing.
    pub fn judge(self, confirmation: &Confirmation) -> Option<Confirmation> {
        self.0.verify(JOINER_KNOWS, confirmation).then(|| self.0.sign(HOST_KNOWS))
    }
}

const JOINER_KNOWS: &str = "pchat code joiner knows";
const HOST_KNOWS: &str = "pchat code host knows";

/// A password that is the code's normal form, or 32 random bytes if there is no code: that no guess is right shall not
/// show in what the room does, nor in how long it takes.
fn password(code: Option<&Code>) -> Password {
    match code {
        Some(code) => Password::new(code.normal().as_bytes()),
        None => {
            let mut random = Zeroizing::new([0; 32]);
            // Without random numbers it is a password that no normal form equals: those are letters.
            let _ = aws_lc_rs::rand::fill(&mut *random);
            Password::new(&random[..])
        }
    }
}

/// An exchange whose own element is made.
struct Exchange {
    state: Spake2<Ed25519Group>,
    ends: [u8; 96],
    own: Element,
}

impl Exchange {
    fn new(state: Spake2<Ed25519Group>, message: &[u8], ends: &Ends) -> Self {
        let mut own = Element([0; 32]);
        own.0.copy_from_slice(&message[1..]);
        Self { state, ends: ends.bytes(), own }
    }

    fn finish(self, side: u8, theirs: &Element, joiner: Element, host: Element) -> Result<Proof, BadElement> {
        // An element that comes back is a reflection.
        if *theirs == self.own || !point(theirs) {
            return Err(BadElement);
        }
        let message = [&[side][..], &theirs.0].concat();
        let key = Zeroizing::new(self.state.finish(&message).map_err(|_| BadElement)?);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        Ok(Proof { key, transcript: [&self.ends[..], &joiner.0, &host.0].concat() })
    }
}

/// Whether an element is the one encoding of a point of the prime-order subgroup, and not of its identity.
fn point(element: &Element) -> bool {
    let encoding = CompressedEdwardsY(element.0);
    encoding
        .decompress()
        .is_some_and(|point| point.compress() == encoding && !point.is_identity() && point.is_torsion_free())
}

/// The key that both ends have if they used the same code on the same connection.
struct Proof {
    key: hmac::Key,
    transcript: Vec<u8>,
}

impl Proof {
    fn text(&self, label: &str) -> Vec<u8> {
        [label.as_bytes(), &self.transcript].concat()
    }

    fn sign(&self, label: &str) -> Confirmation {
        let tag = hmac::sign(&self.key, &self.text(label));
        let mut confirmation = Confirmation([0; 32]);
        confirmation.0.copy_from_slice(tag.as_ref());
        confirmation
    }

    /// In constant time.
    fn verify(&self, label: &str, confirmation: &Confirmation) -> bool {
        hmac::verify(&self.key, &self.text(label), &confirmation.0).is_ok()
    }
}

#[cfg(test)]
mod tests;
