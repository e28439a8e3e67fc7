//! Where the room is, and moving it.

use std::net::{IpAddr, SocketAddr};

use crate::command::{Answer, Command, Context, Entry, Flow, Request, Result, async_trait, bail};

pub const COMMAND: Entry = Entry::of::<Port>();

/// Show where the room can be reached, or move it to another port.
///
/// Only the one who hosts the room can move it. The members stay in and learn the new port.
#[derive(clap::Parser)]
struct Port {
    /// The port to move to; 0 takes any free one.
    port: Option<u16>,
}

#[async_trait]
impl Command for Port {
    const NAME: &'static str = "port";
    const EXAMPLES: &'static [&'static str] = &["port", "port 5001", "port 0"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let request = self.port.map_or(Request::Place, |port| Request::Move { port });
        let Answer::Place { port, addresses } = cx.ask(request).await? else {
            bail!("the room gave an answer to another question");
        };
        let verb = if self.port.is_some() { "is now" } else { "is" };
        cx.print(format!("the room {verb} on port {port}{}", join_lines(port, &addresses)));
        Ok(Flow::Continue)
    }
}

/// What to type to enter the room, a row for each address.
fn join_lines(port: u16, addresses: &[IpAddr]) -> String {
    addresses.iter().map(|address| format!("\n  pchat join {}", SocketAddr::new(*address, port))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn join_lines_put_ipv6_addresses_in_brackets() {
        let addresses = ["192.168.1.5", "fd00::1"].map(|address| address.parse().expect("an address"));
        assert_eq!(join_lines(5001, &addresses), "\n  pchat join 192.168.1.5:5001\n  pchat join [fd00::1]:5001");
    }

    #[test]
    fn a_port_is_a_number_that_fits() {
        for bad in ["-1", "65536", "wine", "80 81"] {
            assert!(COMMAND.grammar().try_get_matches_from([bad]).is_err(), "{bad}");
        }
        assert!(COMMAND.grammar().try_get_matches_from(["0"]).is_ok());
    }
}
