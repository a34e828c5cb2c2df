//! A host with an optional port, as in `Host` and in the authority of a URL (RFC 9110 §7.2, RFC 3986 §3.2).

use core::net::Ipv6Addr;

/// A host and its port.
///
/// ```
/// use longwire_proto::handshake::HostPort;
///
/// assert_eq!(HostPort::parse("[::1]:8080"), Some(HostPort { host: "[::1]", port: Some(8080) }));
/// assert_eq!(HostPort::parse("a:b"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostPort<'t> {
    /// The name or address as written, an IPv6 address with its brackets.
    pub host: &'t str,
    /// The port; `None` when there is none, even after a colon.
    pub port: Option<u16>,
}

impl<'t> HostPort<'t> {
    /// Parses `uri-host [ ":" port ]` (RFC 9110 §7.2). Returns `None` for anything else, such as an empty host, user
    /// info, or a port that is not a number up to 65535.
    #[must_use]
    pub fn parse(text: &'t str) -> Option<Self> {
        let end =
            if text.starts_with('[') { text.find(']')? + 1 } else { text.find(':').unwrap_or(text.len()) };
        let (host, rest) = text.split_at_checked(end)?;
        let is_valid = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => is_name(host),
        };
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            None => return None,
            Some("") => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
            Some(_) => return None,
        };
        is_valid.then_some(Self { host, port })
    }
}

/// A `reg-name` or an IPv4 address (RFC 3986 §3.2.2), which must not be empty for `http` (RFC 9110 §4.2.1).
fn is_name(host: &str) -> bool {
    let mut bytes = host.bytes();
    while let Some(byte) = bytes.next() {
        let is_part = match byte {
            b'%' => {
                let mut is_digit = || bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit());
                is_digit() && is_digit()
            }
            _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte),
        };
        if !is_part {
            return false;
        }
    }
    !host.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_an_optional_port() {
        let parsed = |text| HostPort::parse(text).map(|parsed| (parsed.host, parsed.port));
        for (text, host, port) in [
            ("example.com", "example.com", None),
            ("example.com:", "example.com", None),
            ("example.com:80", "example.com", Some(80)),
            ("EXAMPLE.com.:065535", "EXAMPLE.com.", Some(65535)),
            ("127.0.0.1:8080", "127.0.0.1", Some(8080)),
            ("[::1]", "[::1]", None),
            ("[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]", Some(1)),
            ("my_service", "my_service", None),
            ("xn--bcher-kva.example", "xn--bcher-kva.example", None),
            ("a%20b", "a%20b", None),
        ] {
            assert_eq!(parsed(text), Some((host, port)), "{text}");
        }
        for text in [
            "",
            ":80",
            "a b",
            "a:b",
            "a:80:90",
            "a:+80",
            "a:65536",
            "a:-1",
            "user@a",
            "a/b",
            "a?b",
            "a#b",
            "a%2",
            "a%zz",
            "::1",
            "[::1",
            "[::1]80",
            "[::1]x",
            "[]",
            "[a]",
            "[::1%25eth0]",
            "caf\u{e9}",
            "a\tb",
            "a\"b",
            "a\\b",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
