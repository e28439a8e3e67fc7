//! Who somebody is, and whom we know: the identity, fingerprints, pinned host keys, members let in and people we said
//! something about.
//!
//! Everything here is files and keys. No network, and every function that touches a file blocks, so async
//! callers go through `spawn_blocking`.

mod address;
mod date;
mod file;
mod fingerprint;
mod home;
mod hosts;
mod identity;
mod last;
mod members;
mod names;
mod people;
#[cfg(test)]
pub(crate) mod scratch;
#[cfg(test)]
mod trials;

pub use address::{AddressError, HostAddr};
pub use date::Date;
pub use file::FileError;
pub(crate) use file::{create_private_dir, replace};
pub use fingerprint::Fingerprint;
pub use home::{Home, HomeError};
pub use hosts::{Hosts, HostsError, Pin};
pub use identity::{Identity, IdentityError};
pub use last::LastRoom;
pub use members::{Listed, Members, MembersError};
pub use names::RoomNames;
pub use people::{Mark, Marks, People, PeopleError, Person};
