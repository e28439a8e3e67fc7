//! Options of TCP connections.

use std::{io, os::fd::OwnedFd, time::Duration};

use tokio::net::TcpStream;

/// How long sent bytes may stay unacknowledged before the connection counts as dead. A path that comes back
/// within it costs nothing; a member that is gone is noticed before the ping says so.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// The same for a connection that carries bulk data: a receiver may be busy with its disk for a while.
#[cfg(target_os = "linux")]
const BULK_USER_TIMEOUT: Duration = Duration::from_secs(60);

/// After how much silence TCP asks whether the other end is there: notices ends that vanish while nothing is
/// sent at all, such as somebody who waits at the door.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Descriptors from here on are out of reach of `select`, which the line editor waits with: `FD_SETSIZE` of Linux
/// and macOS.
const BEYOND_SELECT: i32 = 1_024;

/// Moves a connection to a descriptor that the line editor has no use for. Where the limit of descriptors leaves no
/// room up there, it stays where it is.
///
/// # Errors
///
/// If the runtime does not take the connection back.
pub(super) fn lift(stream: TcpStream) -> io::Result<TcpStream> {
    TcpStream::from_std(lift_descriptor(OwnedFd::from(stream.into_std()?)).into())
}

/// As [`lift`], for any descriptor.
pub(crate) fn lift_descriptor(descriptor: OwnedFd) -> OwnedFd {
    rustix::io::fcntl_dupfd_cloexec(&descriptor, BEYOND_SELECT).unwrap_or(descriptor)
}

/// Closes a connection that nothing will be said on. A reset leaves nothing behind; a flood of connections closed in
/// good order would leave one entry each in the system's tables for a minute.
pub(super) fn abort(stream: TcpStream) {
    report(socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)));
}

/// Sets the options of a connection that carries chat. They are improvements: what fails is only logged.
pub(super) fn tune(stream: &TcpStream) {
    set_options(stream);
    #[cfg(target_os = "linux")]
    set_user_timeout(stream, USER_TIMEOUT);
}

/// Sets the options of a connection that carries bulk data.
pub(super) fn tune_bulk(stream: &TcpStream) {
    set_options(stream);
    #[cfg(target_os = "linux")]
    set_user_timeout(stream, BULK_USER_TIMEOUT);
}

fn set_options(stream: &TcpStream) {
    // A line, or the end of a file, must not wait for the acknowledgement of what came before.
    let done = stream.set_nodelay(true);
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE);
    report(done.and(socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive)));
}

#[cfg(target_os = "linux")]
fn set_user_timeout(stream: &TcpStream, time: Duration) {
    let millis = time.as_millis() as u32;
    report(rustix::net::sockopt::set_tcp_user_timeout(stream, millis).map_err(Into::into));
}

fn report(done: io::Result<()>) {
    if let Err(error) = done {
        tracing::debug!(%error, "could not set an option of a connection");
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn a_lifted_descriptor_leaves_the_low_range_or_stays_usable() {
        let (one, two) = std::os::unix::net::UnixStream::pair().unwrap();
        let lifted = lift_descriptor(one.into());
        if rustix::process::getrlimit(rustix::process::Resource::Nofile).current.is_none_or(|limit| limit > 1_024) {
            assert!(lifted.as_raw_fd() >= BEYOND_SELECT);
        }
        rustix::io::write(&lifted, b"x").unwrap();
        let mut buffer = [0; 1];
        assert_eq!(rustix::io::read(&two, &mut buffer).unwrap(), 1);
    }
}
