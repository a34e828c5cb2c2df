//! The address of a client, in 22 bytes.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// The address of a client, if it is known. It has no padding, so that it shares its memory with its neighbours. The flow
/// label of an IPv6 address is left out: it belongs to packets, not to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PeerAddress {
    /// An IPv4 address is mapped to IPv6 (RFC 4291 §2.5.5.2).
    ip: [u8; 16],
    port: [u8; 2],
    /// The number of a network interface (RFC 4007 §6), or `UNKNOWN`.
    scope: [u8; 4],
}

/// No interface has this number: the numbers of interfaces are positive `int`s (RFC 3493 §4).
const UNKNOWN: u32 = u32::MAX;

impl PeerAddress {
    pub(crate) fn new(peer: Option<SocketAddr>) -> PeerAddress {
        let (ip, port, scope) = match peer {
            Some(SocketAddr::V4(peer)) => (peer.ip().to_ipv6_mapped(), peer.port(), 0),
            Some(SocketAddr::V6(peer)) => (*peer.ip(), peer.port(), peer.scope_id().min(UNKNOWN - 1)),
            None => (Ipv6Addr::UNSPECIFIED, 0, UNKNOWN),
        };
        PeerAddress { ip: ip.octets(), port: port.to_ne_bytes(), scope: scope.to_ne_bytes() }
    }

    /// An address whose port is not known.
    pub(crate) fn of_ip(ip: Option<IpAddr>) -> PeerAddress {
        PeerAddress::new(ip.map(|ip| SocketAddr::new(ip, 0)))
    }

    pub(crate) fn ip(self) -> Option<IpAddr> {
        self.get().map(|peer| peer.ip())
    }

    pub(crate) fn get(self) -> Option<SocketAddr> {
        let (port, scope) = (u16::from_ne_bytes(self.port), u32::from_ne_bytes(self.scope));
        if scope == UNKNOWN {
            return None;
        }
        let ip = Ipv6Addr::from(self.ip);
        Some(match ip.to_ipv4_mapped() {
            Some(ip) => (ip, port).into(),
            None => SocketAddrV6::new(ip, port, 0, scope).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_comes_back() {
        for address in [
            "127.0.0.1:80",
            "255.255.255.255:65535",
            "[::1]:1",
            "[::]:0",
            "[2001:db8::7]:443",
            "[fe80::1%7]:9",
        ] {
            let address: SocketAddr = address.parse().unwrap();
            assert_eq!(PeerAddress::new(Some(address)).get(), Some(address));
        }
        assert_eq!(PeerAddress::new(None).get(), None);
        assert_eq!(PeerAddress::of_ip(None).ip(), None);
        let ip = IpAddr::from([10, 0, 0, 1]);
        assert_eq!(PeerAddress::of_ip(Some(ip)).ip(), Some(ip));
        assert_eq!(size_of::<PeerAddress>(), 22);
    }

    #[test]
    fn an_ipv4_address_is_the_same_in_ipv6_clothes() {
        let mapped: SocketAddr = "[::ffff:10.0.0.1]:80".parse().unwrap();
        assert_eq!(PeerAddress::new(Some(mapped)), PeerAddress::new("10.0.0.1:80".parse().ok()));
    }
}
