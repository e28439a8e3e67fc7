//! Words that people say to each other instead of bits: the list they come from.
//!
//! A word of the list is 11 bits. People read such words aloud, type them and compare them with fewer slips than
//! digits or letters.

pub mod words;
