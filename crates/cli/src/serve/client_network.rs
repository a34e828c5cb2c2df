//! What identifies a client for bounds that count per address.

use std::net::{IpAddr, Ipv6Addr};

/// How many leading bits of an IPv6 address identify a client: a host may use as many addresses of its network as it likes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ipv6Prefix(pub(crate) u8);

impl Ipv6Prefix {
    /// The address that stands for a client: an IPv4 address itself, and the network of an IPv6 address.
    pub(crate) fn network(self, ip: IpAddr) -> IpAddr {
        match ip.to_canonical() {
            IpAddr::V6(ip) => {
                let host_bits = 128_u8.saturating_sub(self.0);
                let mask = u128::MAX.checked_shl(host_bits.into()).unwrap_or_default();
                Ipv6Addr::from_bits(ip.to_bits() & mask).into()
            }
            ip @ IpAddr::V4(_) => ip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_client_have_one_network() {
        let network = |prefix, ip: &str| Ipv6Prefix(prefix).network(ip.parse().unwrap()).to_string();
        assert_eq!(network(64, "192.0.2.1"), "192.0.2.1");
        assert_eq!(network(64, "::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(network(64, "2001:db8:1:2:3::4"), "2001:db8:1:2::");
        assert_eq!(network(56, "2001:db8:1:ff:3::4"), "2001:db8:1::");
        assert_eq!(network(128, "2001:db8::4"), "2001:db8::4");
        assert_eq!(network(0, "2001:db8::4"), "::");
    }
}
