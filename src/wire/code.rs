//! What travels when somebody proves that they know the code of a room. The types tell the two messages of the exchange
//! from the two confirmations; which side sent one is told by the frame around it.

use serde::{Deserialize, Serialize};

/// One side's message of the SPAKE2 exchange: the encoding of a point, not yet checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element(pub [u8; 32]);

/// One side's proof that it came to the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation(pub [u8; 32]);
