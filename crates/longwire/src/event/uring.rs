//! The event loop over io_uring.

mod driver;
mod introductions;
mod link;
mod records;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_stream;

use longwire_ring::{Ring, Sizes};

pub(super) use driver::{BeginTls, Uring};
pub(super) use link::HandedOver;

/// Checks that the system supports and allows what the loop needs; otherwise the error says what is missing.
pub(super) fn available() -> std::io::Result<()> {
    let small = Sizes { submissions: 8, completions: 16, buffers: 2, buffer_length: 4096 };
    Ring::new(small).map(drop)
}

/// How TLS begins on a new connection.
#[cfg(feature = "tls")]
pub(super) fn begin_tls(identity: crate::tls::Tls) -> BeginTls {
    Box::new(move || Ok(Box::new(tls::RustlsRecords::new(&identity)?)))
}
