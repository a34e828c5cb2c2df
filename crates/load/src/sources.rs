//! The addresses that connections come from. Each has some 28,000 ports for one endpoint.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

/// Addresses to connect from, in turn. Without any, the system chooses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources(Vec<Range>);

/// Addresses that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Range {
    first: IpAddr,
    count: u32,
}

impl FromStr for Sources {
    type Err = String;

    /// Reads addresses and IPv4 networks, separated by commas, such as `127.0.0.0/8` or `10.0.0.5,10.0.0.6`.
    fn from_str(text: &str) -> Result<Sources, String> {
        text.split(',').map(|part| range(part.trim())).collect::<Option<_>>().map(Sources).ok_or_else(|| {
            format!("{text:?} has no addresses; write such as 127.0.0.0/8 or 10.0.0.5,10.0.0.6")
        })
    }
}

fn range(text: &str) -> Option<Range> {
    let Some((network, bits)) = text.split_once('/') else {
        return Some(Range { first: text.parse().ok()?, count: 1 });
    };
    let (network, bits): (Ipv4Addr, u32) = (network.parse().ok()?, bits.parse().ok()?);
    let hosts = 1_u32.checked_shl(32_u32.checked_sub(bits)?)?;
    let first = network.to_bits() & hosts.wrapping_neg();
    // The first address names the network itself, and the last one all of its hosts.
    let (first, count) = if hosts > 2 { (first + 1, hosts - 2) } else { (first, hosts) };
    Some(Range { first: Ipv4Addr::from_bits(first).into(), count })
}

impl Sources {
    /// The source of the connection with this number.
    pub(crate) fn of(&self, number: usize) -> Option<IpAddr> {
        let range = self.0.get(number % self.0.len().max(1))?;
        let round = u32::try_from(number / self.0.len()).unwrap_or(0) % range.count.max(1);
        Some(match range.first {
            IpAddr::V4(first) => Ipv4Addr::from_bits(first.to_bits().wrapping_add(round)).into(),
            first @ IpAddr::V6(_) => first,
        })
    }

    /// Of these addresses, those of the same version of IP as the sources.
    pub(crate) fn matching(&self, addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        let Some(range) = self.0.first() else { return addresses };
        addresses.into_iter().filter(|address| address.is_ipv4() == range.first.is_ipv4()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, number: usize) -> String {
        text.parse::<Sources>().unwrap().of(number).unwrap().to_string()
    }

    #[test]
    fn connections_take_turns() {
        assert_eq!(of("127.0.0.0/8", 0), "127.0.0.1");
        assert_eq!(of("127.0.0.0/8", 300), "127.0.1.45");
        assert_eq!(of("10.0.0.8/30", 1), "10.0.0.10");
        assert_eq!(of("10.0.0.8/30", 2), "10.0.0.9");
        assert_eq!(of("10.0.0.5, 10.0.0.7", 3), "10.0.0.7");
        assert_eq!(of("::1", 5), "::1");
        assert_eq!(Sources::default().of(3), None);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "localhost", "10.0.0.0/33", "10.0.0.0/x", "10.0.0.1,", "::/64", "10.0.0.0/0"] {
            assert!(text.parse::<Sources>().is_err(), "{text}");
        }
    }
}
