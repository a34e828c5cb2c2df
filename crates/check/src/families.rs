//! All cases, by family.

pub(crate) mod attack;
mod chosen;
mod closing;
mod compression;
mod control;
mod fragmentation;
mod framing;
mod handshake;
mod keepalive;
mod lengths;
mod limits;
mod masked;
mod masking;
mod origin;
mod requests;
mod responses;
mod subprotocols;
mod tls;
mod utf8;

use crate::case::Case;
use crate::rule::Family;

/// Makes the cases of a family.
type MakeCases = fn() -> Vec<Case>;

/// The cases for servers, in the order in which they are shown. Ids are unique.
#[must_use]
pub fn server_cases() -> Vec<Case> {
    of_families([
        (Family::Handshake, handshake::cases),
        (Family::Origin, origin::cases),
        (Family::Framing, framing::cases),
        (Family::Masking, masking::cases),
        (Family::Lengths, lengths::cases),
        (Family::Fragmentation, fragmentation::cases),
        (Family::Control, control::cases),
        (Family::Utf8, utf8::cases),
        (Family::Closing, closing::of_servers),
        (Family::Compression, compression::of_servers),
        (Family::Subprotocols, subprotocols::cases),
        (Family::Keepalive, keepalive::cases),
        (Family::Limits, limits::cases),
        (Family::Tls, tls::cases),
    ])
}

/// The cases for clients, in the order in which they are shown. Ids are unique. A case that tests both ends has the same id
/// as among those for servers.
///
/// ```
/// let cases = longwire_check::client_cases();
/// assert!(cases.iter().any(|case| case.id() == "6455/5.1/masked-text"));
/// assert!(cases.iter().any(|case| case.id() == "6455/5.5/ping-126"));
/// ```
#[must_use]
pub fn client_cases() -> Vec<Case> {
    of_families([
        (Family::Handshake, requests::cases),
        (Family::Handshake, responses::cases),
        (Family::Framing, framing::cases),
        (Family::Masking, masked::cases),
        (Family::Lengths, lengths::cases),
        (Family::Fragmentation, fragmentation::cases),
        (Family::Control, control::cases),
        (Family::Utf8, utf8::cases),
        (Family::Closing, closing::of_clients),
        (Family::Compression, compression::of_clients),
        (Family::Subprotocols, chosen::cases),
        (Family::Keepalive, keepalive::cases),
        (Family::Limits, limits::cases),
        (Family::Tls, tls::cases),
    ])
}

fn of_families<const N: usize>(families: [(Family, MakeCases); N]) -> Vec<Case> {
    let of = |(family, cases): (Family, MakeCases)| cases().into_iter().map(move |case| case.of(family));
    families.into_iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text report adds the paragraph to the title.
    #[test]
    fn a_title_names_no_paragraph() {
        for case in server_cases().into_iter().chain(client_cases()).chain(attack::attacks()) {
            assert!(!case.title().contains("RFC"), "{}: {}", case.id(), case.title());
        }
    }

    /// What a process keeps after the echoes would hide the growth in later attacks.
    #[test]
    fn the_attack_that_takes_the_most_memory_is_the_last() {
        let last = attack::attacks().pop();
        assert_eq!(last.as_ref().map(Case::id), Some("attack/echo-unread"));
    }
}
