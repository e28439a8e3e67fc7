//! Connections: listening, dialling and TLS. Gives a stream and the key at its other end; knows no frames.

mod addresses;
mod dial;
mod door;
#[cfg(test)]
mod hostile;
mod listen;
mod probe;
mod rlimit;
mod share;
mod socket;
mod standing;
mod tally;
mod tls;
mod turn;
mod uprooted;

pub use addresses::{Kind, OwnAddress, address_towards, leads_out, needs_zone, own_addresses, usable_addresses};
pub use dial::{Connected, DialError, DialTiming, connect, connect_end, resolve};
pub use door::{Door, DoorConfig, DoorCount, End, Incoming, Stop};
pub use listen::{ListenError, bind};
pub use probe::{Answer, Probe, Sight};
pub use rlimit::{descriptors_for, members_within, raise_descriptor_limit};
#[cfg(target_os = "linux")]
pub(crate) use socket::lift_descriptor;
pub use standing::Try;
pub use tls::{client_config, own_version, peer_key, server_config, stream_client_config, stream_server_config};
pub(crate) use tls::{server_name, speaks_stream};
pub use turn::Turn;
pub use uprooted::uprooted;

/// An encrypted connection whose other end has proved its key.
pub type Stream = tokio_rustls::TlsStream<crate::gauge::Gauged<tokio::net::TcpStream>>;
