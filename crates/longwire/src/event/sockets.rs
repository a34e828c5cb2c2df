//! What the event loops over raw sockets share. A driver moves bytes; everything else that a loop does is here.

mod driver;
mod handed_over;
mod introductions;
mod records;
mod socket_loop;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_stream;
#[cfg(test)]
pub(super) mod trial;

pub(super) use driver::{DriverAction, LinkState, SocketDriver, SocketLink};
pub(super) use handed_over::HandedOver;
pub(super) use records::Records;
pub(super) use socket_loop::{BeginTls, Heard, Setup, SocketLoop};

/// How TLS begins on a new connection.
#[cfg(feature = "tls")]
pub(super) fn begin_tls(identity: crate::tls::Tls) -> BeginTls {
    Box::new(move || Ok(Box::new(tls::RustlsRecords::new(&identity)?)))
}
