//! All cases, by family.

mod closing;
mod compression;
mod control;
mod fragmentation;
mod framing;
mod handshake;
mod keepalive;
mod lengths;
mod limits;
mod masking;
mod origin;
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
    let families: [(Family, MakeCases); 14] = [
        (Family::Handshake, handshake::cases),
        (Family::Origin, origin::cases),
        (Family::Framing, framing::cases),
        (Family::Masking, masking::cases),
        (Family::Lengths, lengths::cases),
        (Family::Fragmentation, fragmentation::cases),
        (Family::Control, control::cases),
        (Family::Utf8, utf8::cases),
        (Family::Closing, closing::cases),
        (Family::Compression, compression::cases),
        (Family::Subprotocols, subprotocols::cases),
        (Family::Keepalive, keepalive::cases),
        (Family::Limits, limits::cases),
        (Family::Tls, tls::cases),
    ];
    let of = |(family, cases): (Family, MakeCases)| cases().into_iter().map(move |case| case.of(family));
    families.into_iter().flat_map(of).collect()
}
