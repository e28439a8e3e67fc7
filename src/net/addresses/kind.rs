//! What an address of this machine is, by its number and the name of its interface.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Beginnings of the names of interfaces that lead to containers and virtual machines on this machine only.
const VIRTUAL: [&str; 17] = [
    "docker", "veth", "virbr", "vmnet", "vboxnet", "vnet", "podman", "cni", "flannel", "cali", "lxcbr", "lxdbr",
    "incusbr", "kube", "bridge1", "vmenet", "awdl",
];

/// Beginnings of the names of interfaces that are tunnels to somewhere else.
const TUNNELS: [&str; 16] = [
    "tun",
    "tap",
    "wg",
    "utun",
    "tailscale",
    "zt",
    "ham",
    "nordlynx",
    "proton",
    "mullvad",
    "cscotun",
    "gpd",
    "ipsec",
    "nebula",
    "wt0",
    "vpn",
];

/// How many digits Docker appends to `br-` for a network of its own; other bridges of that name may be the local network.
const DOCKER_DIGITS: usize = 12;

/// From where an address can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The local network.
    Lan,
    /// The internet, as far as firewalls let it.
    Public,
    /// Whoever is in the same virtual private network.
    Vpn,
    /// Shared by the provider among many customers (RFC 6598): nobody from outside gets through.
    Carrier,
    /// Whoever is on the same cable.
    LinkLocal,
    /// Containers and virtual machines on this machine.
    Virtual,
    /// This machine.
    Loopback,
}

impl Kind {
    /// What `ip` is at an interface of that name, which may lead to a single other machine (`point_to_point`). Nothing if no
    /// machine can have that address.
    pub fn of(ip: IpAddr, interface: &str, point_to_point: bool) -> Option<Self> {
        let bare = Self::of_number(ip)?;
        Some(match bare {
            Self::Loopback => bare,
            _ if is_virtual(interface) => Self::Virtual,
            Self::LinkLocal => bare,
            _ if TUNNELS.iter().any(|begin| interface.starts_with(begin)) => Self::Vpn,
            // A modem is such an interface, too, and has the address that the internet knows.
            Self::Lan | Self::Carrier if point_to_point && !interface.starts_with("ppp") => Self::Vpn,
            _ => bare,
        })
    }

    /// What `ip` is, wherever it may be. Nothing if no machine can have that address.
    pub fn of_number(ip: IpAddr) -> Option<Self> {
        let ip = ip.to_canonical();
        Some(match ip {
            _ if ip.is_unspecified() || ip.is_multicast() => return None,
            _ if ip.is_loopback() => Self::Loopback,
            IpAddr::V4(ip) if ip.is_broadcast() => return None,
            IpAddr::V4(ip) if ip.is_private() => Self::Lan,
            IpAddr::V4(ip) if ip.is_link_local() => Self::LinkLocal,
            IpAddr::V4(ip) if is_carrier(ip) => Self::Carrier,
            IpAddr::V6(ip) if ip.is_unicast_link_local() => Self::LinkLocal,
            IpAddr::V6(ip) if ip.is_unique_local() => Self::Lan,
            _ => Self::Public,
        })
    }

    /// How far back an address of this kind stands among those to try. IPv4 comes first: it is what is there and what people
    /// can type.
    pub(super) fn rank(self, ip: IpAddr) -> u8 {
        let rank = match self {
            Self::Lan => 0,
            Self::Public => 1,
            Self::Vpn => 2,
            Self::Carrier => 3,
            // Two machines on one cable have nothing else.
            Self::LinkLocal => 10,
            Self::Virtual => 12,
            Self::Loopback => 14,
        };
        match ip {
            IpAddr::V4(_) => rank,
            IpAddr::V6(_) if rank < 4 => rank + 4,
            IpAddr::V6(_) => rank + 1,
        }
    }
}

fn is_virtual(interface: &str) -> bool {
    let docker = interface.strip_prefix("br-");
    docker.is_some_and(|id| id.len() == DOCKER_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
        || VIRTUAL.iter().any(|begin| interface.starts_with(begin))
}

/// 100.64.0.0/10.
fn is_carrier(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    first == 100 && second & 0xc0 == 64
}

/// Whether two addresses are in the same network, whose prefix has so many bits.
pub(super) fn same_network(one: IpAddr, other: IpAddr, prefix: u8) -> bool {
    let (one, other, bits) = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (u32::from(one).into(), u32::from(other).into(), Ipv4Addr::BITS),
        (IpAddr::V6(one), IpAddr::V6(other)) => (u128::from(one), u128::from(other), Ipv6Addr::BITS),
        _ => return false,
    };
    let host = bits.saturating_sub(prefix.into());
    one.checked_shr(host).unwrap_or(0) == other.checked_shr(host).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(ip: &str, interface: &str) -> Option<Kind> {
        Kind::of(ip.parse().unwrap(), interface, false)
    }

    #[test]
    fn an_address_is_told_by_its_number_and_its_interface() {
        for (ip, interface, expected) in [
            ("192.168.1.5", "wlan0", Kind::Lan),
            ("10.1.2.3", "eth0", Kind::Lan),
            ("172.31.255.1", "en0", Kind::Lan),
            ("fd12::5", "eth0", Kind::Lan),
            ("203.0.113.5", "eth0", Kind::Public),
            ("172.32.0.1", "eth0", Kind::Public),
            ("100.63.0.1", "eth0", Kind::Public),
            ("2001:db8::5", "eth0", Kind::Public),
            ("100.64.0.1", "eth0", Kind::Carrier),
            ("100.127.255.254", "wwan0", Kind::Carrier),
            ("100.101.1.2", "tailscale0", Kind::Vpn),
            ("10.8.0.2", "tun0", Kind::Vpn),
            ("10.8.0.2", "wg-home", Kind::Vpn),
            ("fd7a:115c:a1e0::1", "utun4", Kind::Vpn),
            ("172.17.0.1", "docker0", Kind::Virtual),
            ("172.18.0.1", "br-0123456789ab", Kind::Virtual),
            ("fe80::1", "veth12ab", Kind::Virtual),
            ("192.168.122.1", "virbr0", Kind::Virtual),
            ("192.168.64.1", "bridge100", Kind::Virtual),
            ("169.254.3.4", "eth1", Kind::LinkLocal),
            ("fe80::1", "utun0", Kind::LinkLocal),
            ("127.0.0.1", "lo", Kind::Loopback),
            ("::1", "lo0", Kind::Loopback),
            ("::ffff:192.168.1.5", "eth0", Kind::Lan),
        ] {
            assert_eq!(kind(ip, interface), Some(expected), "{ip} at {interface}");
        }
    }

    #[test]
    fn a_bridge_that_a_person_made_is_the_local_network() {
        for interface in ["br0", "br-lan", "vmbr0", "bridge0"] {
            assert_eq!(kind("192.168.1.5", interface), Some(Kind::Lan), "{interface}");
        }
    }

    #[test]
    fn a_way_to_one_machine_is_a_tunnel_unless_it_is_the_modem() {
        let at = |ip: &str, interface| Kind::of(ip.parse().unwrap(), interface, true);
        assert_eq!(at("10.9.0.6", "office"), Some(Kind::Vpn));
        assert_eq!(at("203.0.113.5", "ppp0"), Some(Kind::Public));
        assert_eq!(at("100.70.0.1", "ppp0"), Some(Kind::Carrier));
    }

    #[test]
    fn what_no_machine_can_have_is_nothing() {
        for ip in ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"] {
            assert_eq!(kind(ip, "eth0"), None, "{ip}");
        }
    }

    #[test]
    fn networks_are_compared_by_their_prefix() {
        let same = |one: &str, other: &str, prefix| same_network(one.parse().unwrap(), other.parse().unwrap(), prefix);
        assert!(same("192.168.1.5", "192.168.1.77", 24) && !same("192.168.1.5", "192.168.2.5", 24));
        assert!(same("192.168.1.5", "192.168.2.5", 16) && same("192.168.1.5", "8.8.8.8", 0));
        assert!(same("10.0.0.1", "10.0.0.1", 32) && !same("10.0.0.1", "10.0.0.2", 32));
        assert!(same("2001:db8::1", "2001:db8::ffff", 64) && !same("2001:db8::1", "2001:db8:0:1::1", 64));
        assert!(same("::1", "fd00::1", 0) && !same("::1", "::2", 128) && !same("10.0.0.1", "::1", 0));
    }
}
