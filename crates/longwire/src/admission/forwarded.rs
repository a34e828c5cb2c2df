//! The addresses that proxies add to the headers of a request.

use std::net::{IpAddr, SocketAddr};

use http::header::{FORWARDED, HeaderName};
use http::{HeaderMap, HeaderValue};

use crate::transport::canonical;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The header in which proxies name the client of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ForwardedHeader {
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl ForwardedHeader {
    /// The addresses in the header, the last first: each proxy appends the address of its own client. `None`: the proxy
    /// does not say the address.
    pub(super) fn newest_first(self, headers: &HeaderMap) -> impl Iterator<Item = Option<SocketAddr>> {
        let name = match self {
            ForwardedHeader::XForwardedFor => X_FORWARDED_FOR,
            ForwardedHeader::Forwarded => FORWARDED,
        };
        let lines = headers.get_all(name).into_iter().rev().map(HeaderValue::as_bytes);
        lines.flat_map(from_the_end).map(move |element| match self {
            ForwardedHeader::XForwardedFor => address(element),
            ForwardedHeader::Forwarded => address(forwarded_for(element)?),
        })
    }
}

/// The elements of a list, the last first. What a client has put before the elements of proxies, such as a quotation
/// mark that nothing closes, cannot change them.
fn from_the_end(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let list = rest?;
        let comma = last_outside_quotes(list, b',');
        rest = comma.and_then(|at| list.get(..at));
        Some(list.get(comma.map_or(0, |at| at + 1)..).unwrap_or_default().trim_ascii())
    })
}

/// The value of the parameter `for` (RFC 7239 §5.2).
fn forwarded_for(element: &[u8]) -> Option<&[u8]> {
    let mut rest = Some(element);
    let mut parameters = std::iter::from_fn(|| {
        let list = rest?;
        let semicolon = last_outside_quotes(list, b';');
        rest = semicolon.and_then(|at| list.get(..at));
        list.get(semicolon.map_or(0, |at| at + 1)..)
    });
    parameters.find_map(|parameter| {
        let (name, value) = parameter.split_at_checked(parameter.iter().position(|byte| *byte == b'=')?)?;
        let value = value.get(1..)?.trim_ascii();
        let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
        name.trim_ascii().eq_ignore_ascii_case(b"for").then(|| unquoted.unwrap_or(value))
    })
}

/// The last such byte that is not inside a quoted string.
fn last_outside_quotes(text: &[u8], wanted: u8) -> Option<usize> {
    let mut is_quoted = false;
    for (index, byte) in text.iter().enumerate().rev() {
        if *byte == b'"' && !is_escaped(text, index) {
            is_quoted = !is_quoted;
        } else if *byte == wanted && !is_quoted {
            return Some(index);
        }
    }
    None
}

/// Whether an odd number of backslashes stands before this byte.
fn is_escaped(text: &[u8], index: usize) -> bool {
    let before = text.get(..index).unwrap_or_default();
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// An address with or without a port; one of IPv6 with or without brackets. The port is 0 if it is not named.
fn address(text: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = match bare.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, 0),
        Err(_) => text.parse().ok()?,
    };
    Some(canonical(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The addresses in these lines of a header, as text.
    fn addresses(header: ForwardedHeader, lines: &[&'static str]) -> Vec<String> {
        let name = match header {
            ForwardedHeader::XForwardedFor => X_FORWARDED_FOR,
            ForwardedHeader::Forwarded => FORWARDED,
        };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(&name, HeaderValue::from_static(line));
        }
        let shown = |address: Option<SocketAddr>| address.map_or_else(|| "?".to_owned(), |it| it.to_string());
        header.newest_first(&headers).map(shown).collect()
    }

    #[test]
    fn x_forwarded_for_is_a_list_over_all_lines_the_last_first() {
        let found = addresses(
            ForwardedHeader::XForwardedFor,
            &["192.0.2.1, 192.0.2.2:80", "2001:db8::1,[2001:db8::2] , [2001:db8::3]:9, ::ffff:192.0.2.3"],
        );
        let expected = [
            "192.0.2.3:0",
            "[2001:db8::3]:9",
            "[2001:db8::2]:0",
            "[2001:db8::1]:0",
            "192.0.2.2:80",
            "192.0.2.1:0",
        ];
        assert_eq!(found, expected);
        assert_eq!(addresses(ForwardedHeader::XForwardedFor, &["unknown, , 1.2.3"]), ["?"; 3]);
        assert!(addresses(ForwardedHeader::XForwardedFor, &[]).is_empty());
    }

    #[test]
    fn forwarded_names_the_client_among_other_parameters() {
        let found = addresses(
            ForwardedHeader::Forwarded,
            &[
                "for=192.0.2.43, For=\"[2001:db8:cafe::17]:4711\"",
                "proto=http; FOR = 192.0.2.60 ;by=\"a,b;for=1.1.1.1\\\"\", for=_hidden, by=203.0.113.43, for=unknown",
            ],
        );
        assert_eq!(found, ["?", "?", "?", "192.0.2.60:0", "[2001:db8:cafe::17]:4711", "192.0.2.43:0"]);
    }

    /// A quotation mark that a client opens would otherwise swallow the address that its proxy appends.
    #[test]
    fn an_open_quotation_mark_hides_nothing_behind_it() {
        for line in ["for=\"x, for=192.0.2.1", "\", for=192.0.2.1", "for=\"\\\", for=192.0.2.1"] {
            assert_eq!(addresses(ForwardedHeader::Forwarded, &[line])[0], "192.0.2.1:0", "{line}");
        }
    }
}
