//! The addresses at which others can reach this machine, best first.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many addresses are listed at most: more than that nobody reads.
const MAX_ADDRESSES: usize = 16;

/// Beginnings of the names of interfaces that lead to containers and virtual machines on this machine only.
const VIRTUAL: [&str; 7] = ["docker", "br-", "veth", "virbr", "vmnet", "bridge", "podman"];

/// The addresses at which a room that listens at `bound` can be reached: IPv4 before IPv6, those of a local
/// network before the rest, loopback only if there is nothing else.
///
/// An unspecified address in `bound` (`0.0.0.0`, `::`) stands for all of this machine's, any other for itself.
///
/// # Errors
///
/// If the system does not tell its addresses.
pub fn usable_addresses(bound: &[IpAddr]) -> io::Result<Vec<IpAddr>> {
    let mut found = Vec::new();
    if bound.iter().any(IpAddr::is_unspecified) {
        found.extend(if_addrs::get_if_addrs()?.into_iter().map(|interface| (interface.ip(), interface.name)));
    }
    Ok(ordered(bound, &found))
}

fn ordered(bound: &[IpAddr], found: &[(IpAddr, String)]) -> Vec<IpAddr> {
    let all = bound.contains(&Ipv6Addr::UNSPECIFIED.into());
    let all_ipv4 = all || bound.contains(&Ipv4Addr::UNSPECIFIED.into());
    let mut ranked: Vec<(u8, IpAddr)> = found
        .iter()
        .filter(|(ip, _)| if ip.is_ipv4() { all_ipv4 } else { all })
        .filter_map(|(ip, interface)| Some((rank(ip, interface)?, *ip)))
        .collect();
    // Asked for by name, whatever it is.
    ranked.extend(bound.iter().filter(|ip| !ip.is_unspecified()).map(|ip| (0, *ip)));
    ranked.sort_by_key(|(rank, _)| *rank);
    if ranked.first().is_some_and(|(rank, _)| *rank < LOOPBACK) {
        ranked.retain(|(rank, _)| *rank < LOOPBACK);
    }
    let mut addresses = Vec::new();
    for (_, ip) in ranked {
        if !addresses.contains(&ip) && addresses.len() < MAX_ADDRESSES {
            addresses.push(ip);
        }
    }
    addresses
}

/// The rank of loopback addresses, behind all others.
const LOOPBACK: u8 = u8::MAX;

/// How far back an address stands in the list, nothing if it is of no use to others.
fn rank(ip: &IpAddr, interface: &str) -> Option<u8> {
    if ip.is_loopback() {
        return Some(LOOPBACK);
    }
    let virtual_only = VIRTUAL.iter().any(|begin| interface.starts_with(begin));
    let rank = match ip {
        _ if ip.is_unspecified() || ip.is_multicast() => return None,
        // Of use only together with a zone, whose name differs on every machine.
        IpAddr::V6(ip) if ip.is_unicast_link_local() => return None,
        IpAddr::V4(ip) if ip.is_private() => 0,
        // Two machines on one cable have nothing else.
        IpAddr::V4(ip) if ip.is_link_local() => 2,
        IpAddr::V4(_) => 1,
        IpAddr::V6(_) => 3,
    };
    Some(if virtual_only { rank + 4 } else { rank })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(bound: &[&str], found: &[(&str, &str)]) -> Vec<String> {
        let bound: Vec<IpAddr> = bound.iter().map(|ip| ip.parse().unwrap()).collect();
        let found: Vec<_> = found.iter().map(|(ip, name)| (ip.parse().unwrap(), (*name).to_owned())).collect();
        ordered(&bound, &found).iter().map(IpAddr::to_string).collect()
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
        let expected = ["192.168.1.5", "203.0.113.5", "169.254.3.4", "2001:db8::5", "172.17.0.1"];
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
    fn this_machine_has_an_address() {
        assert!(!usable_addresses(&[Ipv6Addr::UNSPECIFIED.into()]).unwrap().is_empty());
    }
}
