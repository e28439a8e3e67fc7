//! Opens the room's port.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// How many connections the system keeps until they are accepted. A class that joins at once fits.
const BACKLOG: i32 = 1024;

/// How often a free port is looked for that is free at all addresses.
const PORT_TRIES: usize = 16;

/// Why a port cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody has it.
    #[error(
        "port {} is taken by another program{}; choose another with --port N, or --port 0 for any free one",
        .0.port(),
        airplay(.0.port())
    )]
    Taken(SocketAddr),
    /// Only the system's administrator may have it.
    #[error("port {0} is reserved for the system; choose one above 1023 with --port N")]
    Privileged(u16),
    /// The address belongs to another machine.
    #[error("{0} is not an address of this machine; choose one that is, or leave out --bind to use all")]
    NotOurs(IpAddr),
    /// Anything else.
    #[error("could not listen at {address}: {source}")]
    Other {
        /// Where.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
}

/// Names the usual suspect.
fn airplay(port: u16) -> &'static str {
    if cfg!(target_os = "macos") && port == 5000 {
        " (on macOS often by AirPlay Receiver, see System Settings, General, AirDrop & Handoff)"
    } else {
        ""
    }
}

/// Opens `port` at each of `addresses`, or at all addresses of this machine if there are none. With port 0 it is
/// any free one, the same for all.
///
/// # Errors
///
/// [`ListenError`] if one of them cannot be opened; none is then.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub fn bind(addresses: &[IpAddr], port: u16) -> Result<Vec<TcpListener>, ListenError> {
    let [first, rest @ ..] = addresses else {
        return bind_all(port).map(|listener| vec![listener]);
    };
    let mut tries = if port == 0 { PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let mut listeners = vec![bind_one(*first, port)?];
        let taken = listeners[0].local_addr().map_err(other(SocketAddr::new(*first, port)))?.port();
        match rest.iter().try_for_each(|address| {
            listeners.push(bind_one(*address, taken)?);
            Ok(())
        }) {
            Ok(()) => return Ok(listeners),
            Err(ListenError::Taken(_)) if tries > 0 => {}
            Err(error) => return Err(error),
        }
    }
}

/// One socket for IPv6 and IPv4, or one for IPv4 on a system that has no IPv6.
fn bind_all(port: u16) -> Result<TcpListener, ListenError> {
    let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    match open(address) {
        Ok(listener) => Ok(listener),
        Err(error) if no_ipv6(&error) => bind_one(Ipv4Addr::UNSPECIFIED.into(), port),
        Err(error) => Err(explained(address, error)),
    }
}

fn no_ipv6(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL | Errno::NOPROTOOPT | Errno::PROTONOSUPPORT))
}

fn bind_one(ip: IpAddr, port: u16) -> Result<TcpListener, ListenError> {
    let address = SocketAddr::new(ip, port);
    open(address).map_err(|error| explained(address, error))
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // A socket for all addresses takes IPv4 too; one for a single IPv6 address must leave IPv4 alone.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // Otherwise a room could not be opened again while connections of the last one linger. SO_REUSEPORT would
    // let two rooms share a port.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

fn other(address: SocketAddr) -> impl FnOnce(io::Error) -> ListenError {
    move |source| ListenError::Other { address, source }
}

fn explained(address: SocketAddr, error: io::Error) -> ListenError {
    match error.kind() {
        io::ErrorKind::AddrInUse => ListenError::Taken(address),
        io::ErrorKind::PermissionDenied if address.port() < 1024 => ListenError::Privileged(address.port()),
        io::ErrorKind::AddrNotAvailable => ListenError::NotOurs(address.ip()),
        _ => other(address)(error),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn a_room_at_all_addresses_is_reached_by_ipv4_too() {
        let listeners = bind(&[], 0).unwrap();
        assert_eq!(listeners.len(), 1);
        let port = listeners[0].local_addr().unwrap().port();
        let (dialled, accepted) = tokio::join!(TcpStream::connect((LOOPBACK, port)), listeners[0].accept());
        dialled.unwrap();
        assert_eq!(accepted.unwrap().1.ip().to_canonical(), LOOPBACK);
    }

    #[tokio::test]
    async fn several_addresses_get_the_same_free_port() {
        let addresses = ["127.0.0.1", "127.0.0.2"].map(|ip| ip.parse::<IpAddr>().unwrap());
        if !cfg!(target_os = "linux") {
            // Elsewhere loopback is a single address.
            return;
        }
        let listeners = bind(&addresses, 0).unwrap();
        let bound: Vec<_> = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
        assert_ne!(bound[0].port(), 0);
        assert_eq!(bound, addresses.map(|ip| SocketAddr::new(ip, bound[0].port())));
    }

    #[tokio::test]
    async fn case_9_a_taken_port_is_named_with_a_way_out() {
        for addresses in [&[][..], &[LOOPBACK]] {
            let first = bind(addresses, 0).unwrap();
            let port = first[0].local_addr().unwrap().port();
            let error = bind(addresses, port).unwrap_err();
            assert!(matches!(error, ListenError::Taken(_)), "{error}");
            assert!(error.to_string().starts_with(&format!("port {port} is taken")), "{error}");
            assert!(error.to_string().contains("--port 0"), "{error}");
        }
    }

    #[tokio::test]
    async fn case_9_an_address_of_another_machine_is_named() {
        let error = bind(&["192.0.2.1".parse().unwrap()], 0).unwrap_err();
        assert!(error.to_string().starts_with("192.0.2.1 is not an address of this machine"), "{error}");
    }

    #[test]
    fn case_9_a_privileged_port_is_explained() {
        let error = explained(SocketAddr::new(LOOPBACK, 80), io::ErrorKind::PermissionDenied.into());
        assert_eq!(error.to_string(), "port 80 is reserved for the system; choose one above 1023 with --port N");
    }

    #[test]
    fn a_system_without_ipv6_is_noticed() {
        assert!(no_ipv6(&Errno::AFNOSUPPORT.into()));
        assert!(!no_ipv6(&Errno::ADDRINUSE.into()));
    }
}
