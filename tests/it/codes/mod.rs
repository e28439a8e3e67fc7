//! The code of a room: who gets in with it, who does not, and where it never shows.

mod scripts;
mod secrets;
mod terminal;

/// What a person reads whose code is not the room's.
const WRONG: &str = "that is not the code of this room";

/// A code that the room has only by a chance of one in billions.
const OTHER: &str = "zoo-abandon-lens";
