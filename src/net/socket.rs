//! Options of TCP connections.

use std::time::Duration;

use tokio::net::TcpStream;

/// How long sent bytes may stay unacknowledged before the connection counts as dead. A path that comes back
/// within it costs nothing; a member that is gone is noticed before the ping says so.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// After how much silence TCP asks whether the other end is there: notices ends that vanish while nothing is
/// sent at all, such as somebody who waits at the door.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Sets the options of a connection that carries chat. They are improvements: what fails is only logged.
pub(super) fn tune(stream: &TcpStream) {
    // A line must not wait for the acknowledgement of the one before.
    let mut done = stream.set_nodelay(true);
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE);
    done = done.and(socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive));
    #[cfg(target_os = "linux")]
    {
        let millis = USER_TIMEOUT.as_millis() as u32;
        done = done.and(rustix::net::sockopt::set_tcp_user_timeout(stream, millis).map_err(Into::into));
    }
    if let Err(error) = done {
        tracing::debug!(%error, "could not set an option of a connection");
    }
}
