//! The host of a URL (WHATWG URL, §3.5): a name in its ASCII form, or an address.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use percent_encoding::percent_decode_str;

use super::error::ParseError;

/// Parses a host into its serialized form; an IPv6 address is in brackets.
pub(super) fn parse(text: &str) -> Result<String, ParseError> {
    if let Some(rest) = text.strip_prefix('[') {
        let address = rest.strip_suffix(']').and_then(|text| text.parse().ok()).ok_or(ParseError::Ipv6)?;
        return Ok(format!("[{}]", shown(address)));
    }
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    let domain = to_ascii(&decoded)?;
    if domain.is_empty() {
        return Err(ParseError::EmptyHost);
    }
    if ends_in_a_number(&domain) {
        return ipv4(&domain).map(|address| address.to_string()).ok_or(ParseError::Ipv4);
    }
    Ok(domain)
}

#[cfg(feature = "idn")]
fn to_ascii(domain: &str) -> Result<String, ParseError> {
    if domain.is_ascii() && !has_punycode(domain) {
        return plain(domain);
    }
    let encoded = idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::URL);
    encoded.map(Into::into).map_err(|_| ParseError::InternationalName)
}

/// A label in Punycode passes unchanged; the name server decides whether it exists.
#[cfg(not(feature = "idn"))]
fn to_ascii(domain: &str) -> Result<String, ParseError> {
    if domain.is_ascii() { plain(domain) } else { Err(ParseError::NoInternationalNames) }
}

#[cfg(feature = "idn")]
fn has_punycode(domain: &str) -> bool {
    domain.split('.').any(|label| label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--")))
}

fn plain(domain: &str) -> Result<String, ParseError> {
    let is_forbidden = |byte: u8| byte.is_ascii_control() || b" #%/:<>?@[\\]^|".contains(&byte);
    if domain.bytes().any(is_forbidden) {
        return Err(ParseError::DomainCharacter);
    }
    Ok(domain.to_ascii_lowercase())
}

/// A host that ends in a number must be an address.
fn ends_in_a_number(domain: &str) -> bool {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let last = domain.rsplit('.').next().unwrap_or_default();
    let is_decimal = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal || number(last).is_some()
}

/// Up to four numbers; the last one fills the remaining bytes.
fn ipv4(domain: &str) -> Option<Ipv4Addr> {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let numbers: Vec<u64> = domain.split('.').map(number).collect::<Option<_>>()?;
    let (&last, first) = numbers.split_last()?;
    if first.len() > 3 {
        return None;
    }
    let mut room = u32::MAX;
    let mut address = 0;
    for (shift, &number) in [24, 16, 8].into_iter().zip(first) {
        room >>= 8;
        address |= u32::from(u8::try_from(number).ok()?) << shift;
    }
    let last = u32::try_from(last).ok().filter(|&last| last <= room)?;
    Some((address | last).into())
}

/// Decimal, octal after a zero, hexadecimal after `0x`. A number that is too large saturates.
fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some("") => return Some(0),
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    let is_number = !digits.is_empty() && digits.chars().all(|char| char.is_digit(radix));
    is_number.then(|| u64::from_str_radix(digits, radix).unwrap_or(u64::MAX))
}

/// Leaves out the longest run of zeros. `Ipv6Addr` displays some addresses as IPv4, but the standard does not.
fn shown(address: Ipv6Addr) -> String {
    let pieces = address.segments();
    let left_out = longest_zeros(&pieces);
    let mut shown = String::new();
    for (at, piece) in pieces.iter().enumerate() {
        if at == left_out.start && !left_out.is_empty() {
            shown.push_str("::");
        }
        if left_out.contains(&at) {
            continue;
        }
        if !shown.is_empty() && !shown.ends_with(':') {
            shown.push(':');
        }
        // Writing to a `String` cannot fail.
        let _written = write!(shown, "{piece:x}");
    }
    shown
}

/// The first of the longest runs of at least two zeros.
fn longest_zeros(pieces: &[u16]) -> Range<usize> {
    let mut longest = 0..0;
    let mut start = 0;
    for (at, &piece) in pieces.iter().enumerate() {
        if piece != 0 {
            start = at + 1;
        } else if at + 1 - start > longest.len().max(1) {
            longest = start..at + 1;
        }
    }
    longest
}
