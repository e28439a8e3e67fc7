//! What two members say to each other so that both get the same words, and nobody between them can choose which.
//!
//! | step | from | payload |
//! |---|---|---|
//! | 1 | starter | `1`, commitment (32 bytes) |
//! | 2 | other | `2`, that commitment, the other's random number (32 bytes) |
//! | 3 | starter | `3`, that commitment, the starter's random number (32 bytes) |
//!
//! The commitment is the SHA-256 of a label, the starter's number, both keys and both instances, the starter's first. The
//! words are the first 44 bits of the SHA-256 of another label, both keys, the lower one first, and both numbers, the
//! starter's first.
//!
//! Somebody between the two speaks with each of them under a key of their own, so that the words differ but for luck: a
//! chance of 1 in 2^44 for each try, since on either side one number is fixed before the other is known. Words of the keys
//! alone would not do: whoever may choose both keys in between needs only two that match, which by the birthday paradox
//! takes some 2^22 tries for 44 bits, and a computer does that in seconds.

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;

use crate::{
    code::words::{COUNT, word},
    command::{Bytes, Member},
    wire::{Instance, PublicKey},
};

/// Separates the two uses of the hash from each other and from all others.
const COMMITMENT: &[u8] = b"pchat/1 verify commitment\n";
const WORDS: &[u8] = b"pchat/1 verify words\n";

/// How many words are compared.
const HOW_MANY: usize = 4;

/// A random number or a hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Block(pub [u8; 32]);

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0[..4]))
    }
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The starter binds itself to its number.
    Commit(Block),
    /// The other names its own number.
    Answer(Block, Block),
    /// The starter shows what it has bound itself to.
    Reveal(Block, Block),
}

impl Step {
    /// The payload of a message that says it.
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Commit(commitment) => [&[1], &commitment.0[..]].concat(),
            Self::Answer(commitment, number) => [&[2], &commitment.0[..], &number.0[..]].concat(),
            Self::Reveal(commitment, number) => [&[3], &commitment.0[..], &number.0[..]].concat(),
        }
        .into()
    }

    /// What a payload says; nothing if it is of another form.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let (kind, rest) = payload.split_first()?;
        let (first, rest) = rest.split_first_chunk().map(|(first, rest)| (Block(*first), rest))?;
        let second = || rest.try_into().ok().map(Block);
        match kind {
            1 if rest.is_empty() => Some(Self::Commit(first)),
            2 => Some(Self::Answer(first, second()?)),
            3 => Some(Self::Reveal(first, second()?)),
            _ => None,
        }
    }
}

/// The two members of an exchange, in their roles.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// Who began it.
    pub starter: &'a Member,
    /// The other one.
    pub other: &'a Member,
}

impl Pair<'_> {
    /// What binds the starter to its number.
    pub fn commitment(&self, number: &Block) -> Block {
        let [PublicKey(starter), PublicKey(other)] = [&self.starter.key, &self.other.key];
        let [Instance(starters), Instance(others)] = [&self.starter.instance, &self.other.instance];
        hash(&[COMMITMENT, &number.0, starter, other, starters, others])
    }

    /// The words of both numbers, the starter's first.
    pub fn words(&self, starters: &Block, others: &Block) -> Words {
        let [one, other] = [self.starter.key, self.other.key];
        let (PublicKey(lower), PublicKey(higher)) = (one.min(other), one.max(other));
        let Block(hash) = hash(&[WORDS, &lower, &higher, &starters.0, &others.0]);
        let bits = hash[..8].iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let each = COUNT.ilog2();
        Words(std::array::from_fn(|at| word((bits >> (u64::BITS - (at as u32 + 1) * each)) as usize % COUNT)))
    }
}

/// All parts but the label have a fixed length, so that no two lists of parts run into the same bytes.
fn hash(parts: &[&[u8]]) -> Block {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut block = [0; 32];
    block.copy_from_slice(context.finish().as_ref());
    Block(block)
}

/// The words that two people compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words([&'static str; HOW_MANY]);

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(of: u8) -> Member {
        Member { number: 0, key: PublicKey([of; 32]), instance: Instance([of; 16]), name: String::new() }
    }

    #[test]
    fn words_are_the_first_44_bits_of_the_hash_that_is_specified() {
        let (alice, bob) = (member(1), member(2));
        let [one, other] = [Block([3; 32]), Block([4; 32])];
        // Computed with Python's hashlib and the list of words.
        let pair = Pair { starter: &alice, other: &bob };
        assert_eq!(pair.words(&one, &other).to_string(), "asthma call acoustic vicious");
        let commitment = HEXLOWER.encode(&pair.commitment(&one).0);
        assert_eq!(commitment, "72bde8cf6c29960356f22e1147811adcbe6866c01da6a2f3daf0d77040af5513");
        // Whoever starts, the keys have one order; the numbers have that of the roles.
        let back = Pair { starter: &bob, other: &alice };
        assert_eq!(back.words(&one, &other), pair.words(&one, &other));
        assert_ne!(pair.words(&other, &one), pair.words(&one, &other));
    }

    #[test]
    fn a_commitment_is_bound_to_number_keys_instances_and_roles() {
        let (alice, bob) = (member(1), member(2));
        let pair = Pair { starter: &alice, other: &bob };
        let commitment = pair.commitment(&Block([3; 32]));
        assert_ne!(commitment, pair.commitment(&Block([4; 32])));
        assert_ne!(commitment, Pair { starter: &bob, other: &alice }.commitment(&Block([3; 32])));
        for other in [Member { key: PublicKey([9; 32]), ..bob.clone() }, Member { instance: Instance([9; 16]), ..bob }]
        {
            assert_ne!(commitment, Pair { starter: &alice, other: &other }.commitment(&Block([3; 32])));
        }
    }

    #[test]
    fn steps_have_one_form_and_everything_else_is_none() {
        let [one, other] = [Block([3; 32]), Block([4; 32])];
        for step in [Step::Commit(one), Step::Answer(one, other), Step::Reveal(other, one)] {
            let payload = step.encode();
            assert_eq!(Step::decode(&payload), Some(step));
            assert_eq!(Step::decode(&payload[..payload.len() - 1]), None);
            assert_eq!(Step::decode(&[&payload[..], &[0]].concat()), None);
            let kinds = [0, 4, 255].map(|kind| [&[kind], &payload[1..]].concat());
            assert!(kinds.iter().all(|other| Step::decode(other).is_none()));
        }
        assert_eq!(Step::decode(&[]), None);
        assert_eq!(Step::decode(&[1; 12 * 1024]), None);
    }
}
