//! What a session needs of the way to its room.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    code::Code,
    gauge::Gauge,
    wire::{PublicKey, Refusal},
};

/// A stream to the room.
pub struct Dialed<S> {
    /// The stream, at whose other end the right room is proved to be.
    pub stream: S,
    /// When it last took bytes.
    pub gauge: Arc<Gauge>,
    /// What tells this connection from all others, see [`EXPORTER`](crate::wire::EXPORTER).
    pub exporter: [u8; 32],
    /// The key that the room's end has proved.
    pub host: PublicKey,
    /// Whether that key was known to be the right one before this program met it.
    pub known: bool,
}

/// What a person wants of a room that does not let them in by itself.
pub enum Wish {
    /// That its host is asked.
    Knock,
    /// To prove that they know its code.
    Code(Code),
    /// Nothing.
    Leave,
}

/// Why there is no stream to the room.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// Another try may succeed. One line says what happened.
    #[error("{0}")]
    Temporary(String),
    /// No try may succeed. One line or more say why.
    #[error("{0}")]
    Final(String),
}

/// Gives streams to one room.
#[async_trait]
pub trait Dial: Send + 'static {
    /// What it gives.
    type Stream: AsyncRead + AsyncWrite + Send + 'static;

    /// Dials once, within a deadline of its own.
    async fn dial(&mut self) -> Result<Dialed<Self::Stream>, DialError>;

    /// What to say to a room that does not let us in by itself, which is why it has refused us:
    /// [`Refusal::Stranger`], [`Refusal::WrongCode`] or [`Refusal::Guesses`].
    ///
    /// # Errors
    ///
    /// One line that says why there is nothing to say.
    async fn wish(&mut self, refusal: &Refusal) -> Result<Wish, String> {
        let _ = refusal;
        Ok(Wish::Knock)
    }

    /// What to prove to a room whose key is not [`known`](Dialed::known), before it can let us in by itself.
    ///
    /// # Errors
    ///
    /// One line that says why there is nothing to prove.
    async fn code(&mut self) -> Result<Option<Code>, String> {
        Ok(None)
    }

    /// The room has let us in. `proved` says whether it has shown that it knows the code that we have. Its key is to be
    /// remembered from now on, not before.
    ///
    /// # Errors
    ///
    /// One line that says why we cannot stay.
    async fn entered(&mut self, proved: bool) -> Result<(), String> {
        let _ = proved;
        Ok(())
    }

    /// Waits until this machine has lost the address that the last stream was made from. Never, where that is not known.
    ///
    /// It is begun anew now and then, while no stream is being made.
    async fn uprooted(&mut self) {
        std::future::pending().await
    }

    /// The room is at another port of the same address from now on.
    async fn moved(&mut self, port: u16) {
        let _ = port;
    }
}

/// The way to a room that is never reached.
#[cfg(test)]
pub(crate) struct Nowhere;

#[cfg(test)]
#[async_trait]
impl Dial for Nowhere {
    type Stream = tokio::io::DuplexStream;

    async fn dial(&mut self) -> Result<Dialed<Self::Stream>, DialError> {
        std::future::pending().await
    }
}
