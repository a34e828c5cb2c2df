//! Hosts that are reached without a proxy.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::client::destination::Destination;

/// Hosts that are reached without a proxy, by the rules of curl's `NO_PROXY`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Exceptions(Vec<Exception>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Exception {
    Everything,
    Network(IpNet),
    /// The domain and its subdomains.
    Domain(String),
}

impl Exceptions {
    /// Parses a list that is separated by commas or spaces.
    pub(super) fn parse(list: &str) -> Exceptions {
        let entries = list.split(|char: char| char == ',' || char.is_whitespace());
        Exceptions(entries.filter_map(Exception::parse).collect())
    }

    pub(super) fn cover(&self, destination: &Destination) -> bool {
        self.0.iter().any(|exception| exception.covers(destination))
    }
}

impl Exception {
    fn parse(entry: &str) -> Option<Exception> {
        let bare = entry.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Some(Exception::Network(address.into()));
        }
        if let Ok(network) = entry.parse() {
            return Some(Exception::Network(network));
        }
        match entry.trim_matches('.') {
            "" => None,
            "*" => Some(Exception::Everything),
            domain => Some(Exception::Domain(domain.to_ascii_lowercase())),
        }
    }

    fn covers(&self, destination: &Destination) -> bool {
        match (self, destination.ip()) {
            (Exception::Everything, _) => true,
            (Exception::Network(network), Some(ip)) => network.contains(&ip),
            (Exception::Domain(domain), None) => {
                let host = destination.host().trim_end_matches('.');
                host.strip_suffix(domain.as_str())
                    .is_some_and(|above| above.is_empty() || above.ends_with('.'))
            }
            (Exception::Network(_), None) | (Exception::Domain(_), Some(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(list: &str, host: &str) -> bool {
        Exceptions::parse(list).cover(&Destination::new(host, 80))
    }

    #[test]
    fn a_domain_covers_itself_and_those_below() {
        for list in ["a.example", ".a.example", "b.example, A.Example.", "b.example a.example"] {
            assert!(covered(list, "a.example") && covered(list, "x.a.example"), "{list}");
            assert!(covered(list, "a.example."), "{list}");
            assert!(!covered(list, "xa.example") && !covered(list, "example"), "{list}");
        }
    }

    #[test]
    fn addresses_and_networks_cover_addresses() {
        assert!(covered("127.0.0.1", "127.0.0.1") && !covered("127.0.0.1", "127.0.0.2"));
        assert!(covered("10.0.0.0/8, ::1", "10.1.2.3") && covered("10.0.0.0/8,::1", "[::1]"));
        assert!(covered("[::1]", "[::1]") && covered("fd00::/8", "[fd12::1]"));
        assert!(!covered("10.0.0.0/8", "11.0.0.1") && !covered("10.0.0.0/8", "a.example"));
        assert!(!covered("0.0.1", "127.0.0.1"));
    }

    #[test]
    fn a_star_covers_everything_and_nothing_covers_nothing() {
        assert!(covered("*", "a.example") && covered("*", "127.0.0.1"));
        for list in ["", " , ", "."] {
            assert!(!covered(list, "a.example"), "{list:?}");
        }
    }
}
