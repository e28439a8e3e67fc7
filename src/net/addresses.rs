//! The addresses at which others can reach this machine, best first.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use if_addrs::{IfAddr, Interface};

mod kind;

pub use kind::Kind;

/// How many addresses are listed at most: more than that nobody reads.
const MAX_ADDRESSES: usize = 16;

/// Addresses that lie behind the default route of each family: those that documentation has for itself, so nobody is there.
const FAR_AWAY: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))];

/// An address of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnAddress {
    /// The address.
    pub ip: IpAddr,
    /// The name of the interface that has it.
    pub interface: String,
    /// From where it can be reached.
    pub kind: Kind,
    /// How many bits of it name its network.
    pub prefix: u8,
}

impl OwnAddress {
    /// Whether `ip` is in the network of this address.
    pub fn is_in_network_of(&self, ip: IpAddr) -> bool {
        kind::same_network(self.ip, ip, self.prefix)
    }
}

/// All addresses of this machine that are in use, in the order in which others should try them.
///
/// # Errors
///
/// If the system does not tell them.
pub fn own_addresses() -> io::Result<Vec<OwnAddress>> {
    // An interface whose cable is not plugged in keeps its address.
    let found = if_addrs::get_if_addrs()?.into_iter().filter(Interface::is_oper_up).filter_map(|interface| {
        let ip = interface.ip();
        let kind = Kind::of(ip, &interface.name, interface.is_p2p)?;
        let prefix = match &interface.addr {
            IfAddr::V4(v4) => v4.prefixlen,
            IfAddr::V6(v6) => v6.prefixlen,
        };
        Some(OwnAddress { ip, interface: interface.name, kind, prefix })
    });
    Ok(sorted(found.collect(), &FAR_AWAY.map(address_towards)))
}

/// Which address of this machine is used to reach `ip`; nothing if no way leads there. Nothing is sent.
pub fn address_towards(ip: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    // Any port will do: connecting a datagram socket only looks for the way.
    socket.connect((ip, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Whether a way leads from this machine to the internet by IPv4, and by IPv6.
pub fn leads_out() -> [bool; 2] {
    FAR_AWAY.map(|ip| address_towards(ip).is_some())
}

/// By rank; of the same rank, those that lead to the internet come first.
fn sorted(mut found: Vec<OwnAddress>, leading_out: &[Option<IpAddr>]) -> Vec<OwnAddress> {
    found.sort_by_key(|own| (own.kind.rank(own.ip), !leading_out.contains(&Some(own.ip))));
    found
}

/// The addresses at which a room that listens at `bound` can be reached: IPv4 before IPv6, those of a local
/// network before the rest, loopback only if there is nothing else.
///
/// An unspecified address in `bound` (`0.0.0.0`, `::`) stands for all of this machine's, any other for itself.
///
/// # Errors
///
/// If the system does not tell its addresses.
pub fn usable_addresses(bound: &[IpAddr]) -> io::Result<Vec<IpAddr>> {
    let found = if bound.iter().any(IpAddr::is_unspecified) { own_addresses()? } else { Vec::new() };
    Ok(usable(bound, &found))
}

fn usable(bound: &[IpAddr], found: &[OwnAddress]) -> Vec<IpAddr> {
    let all = bound.contains(&Ipv6Addr::UNSPECIFIED.into());
    let all_ipv4 = all || bound.contains(&Ipv4Addr::UNSPECIFIED.into());
    // Asked for by name, whatever it is.
    let asked = bound.iter().filter(|ip| !ip.is_unspecified()).copied();
    let reachable = |loopback: bool| {
        let family = move |ip: IpAddr| if ip.is_ipv4() { all_ipv4 } else { all };
        let found = found.iter().filter(move |own| family(own.ip) && (own.kind == Kind::Loopback) == loopback);
        found.filter(|own| !needs_zone(own.ip)).map(|own| own.ip)
    };
    let mut addresses: Vec<IpAddr> = Vec::new();
    let mut add = |ip| {
        if !addresses.contains(&ip) && addresses.len() < MAX_ADDRESSES {
            addresses.push(ip);
        }
    };
    asked.chain(reachable(false)).for_each(&mut add);
    if addresses.is_empty() {
        addresses.extend(reachable(true).take(MAX_ADDRESSES));
    }
    addresses
}

/// Whether an address is of use only together with a zone, whose name differs on every machine.
pub fn needs_zone(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(found: &[(&str, &str)]) -> Vec<OwnAddress> {
        let own = |(ip, name): &(&str, &str)| {
            let ip = ip.parse().unwrap();
            let kind = Kind::of(ip, name, false).unwrap();
            OwnAddress { ip, interface: (*name).to_owned(), kind, prefix: 24 }
        };
        found.iter().map(own).collect()
    }

    fn list(bound: &[&str], found: &[(&str, &str)]) -> Vec<String> {
        let bound: Vec<IpAddr> = bound.iter().map(|ip| ip.parse().unwrap()).collect();
        usable(&bound, &sorted(own(found), &[])).iter().map(IpAddr::to_string).collect()
    }

    const FOUND: [(&str, &str); 9] = [
        ("127.0.0.1", "lo"),
        ("::1", "lo"),
        ("172.17.0.1", "docker0"),
        ("fe80::1", "eth0"),
        ("2001:db8::5", "eth0"),
        ("203.0.113.5", "eth0"),
        ("169.254.3.4", "eth1"),
        ("192.168.1.5", "wlan0"),
        ("192.168.1.5", "wlan1"),
    ];

    #[test]
    fn local_ipv4_comes_first_and_nothing_twice() {
        let expected = ["192.168.1.5", "203.0.113.5", "2001:db8::5", "169.254.3.4", "172.17.0.1"];
        assert_eq!(list(&["::"], &FOUND), expected);
    }

    #[test]
    fn a_room_on_ipv4_only_is_not_announced_on_ipv6() {
        assert_eq!(list(&["0.0.0.0"], &FOUND), ["192.168.1.5", "203.0.113.5", "169.254.3.4", "172.17.0.1"]);
    }

    #[test]
    fn loopback_is_listed_only_if_there_is_nothing_else() {
        assert_eq!(list(&["::"], &FOUND[..2]), ["127.0.0.1", "::1"]);
        assert_eq!(list(&["::"], &FOUND[..3]), ["172.17.0.1"]);
    }

    #[test]
    fn addresses_asked_for_by_name_are_the_only_ones() {
        assert_eq!(list(&["127.0.0.1", "fe80::1", "127.0.0.1"], &FOUND), ["127.0.0.1", "fe80::1"]);
    }

    #[test]
    fn a_long_list_is_cut() {
        let many: Vec<_> = (0..40).map(|last| (format!("10.0.0.{last}"), "eth0")).collect();
        let many: Vec<_> = many.iter().map(|(ip, name)| (ip.as_str(), *name)).collect();
        assert_eq!(list(&["::"], &many).len(), MAX_ADDRESSES);
    }

    #[test]
    fn tunnels_come_after_what_is_nearer_and_containers_last() {
        let found = [
            ("172.18.0.1", "br-0123456789ab"),
            ("10.8.0.2", "tun0"),
            ("fd00::5", "eth0"),
            ("100.70.0.1", "wwan0"),
            ("192.168.1.5", "wlan0"),
        ];
        assert_eq!(list(&["::"], &found), ["192.168.1.5", "10.8.0.2", "100.70.0.1", "fd00::5", "172.18.0.1"]);
    }

    #[test]
    fn of_two_local_networks_the_one_with_the_way_out_comes_first() {
        let found = own(&[("10.0.0.5", "eth1"), ("192.168.1.5", "wlan0"), ("10.0.0.6", "eth2")]);
        let out = "192.168.1.5".parse().ok();
        let sorted: Vec<_> = sorted(found, &[out, None]).into_iter().map(|own| own.interface).collect();
        assert_eq!(sorted, ["wlan0", "eth1", "eth2"]);
    }

    #[test]
    fn the_way_to_oneself_begins_at_oneself() {
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        assert_eq!(address_towards(loopback), Some(loopback));
    }

    #[test]
    fn this_machine_has_an_address() {
        assert!(!usable_addresses(&[Ipv6Addr::UNSPECIFIED.into()]).unwrap().is_empty());
    }
}
