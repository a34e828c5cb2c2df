//! The event loop over io_uring.

#[expect(unsafe_code, reason = "the memory that the kernel receives into is shared with it")]
mod buffers;
mod completion;
#[expect(unsafe_code, reason = "what the kernel has initialised is told to a buffer that it was lent from")]
mod direct;
mod driver;
mod entries;
mod link;
mod operations;
mod outcome;
#[expect(unsafe_code, reason = "the kernel is given pointers, and gives descriptors and buffers")]
mod ring;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "uring/no_tls.rs"]
mod tls;
#[cfg(feature = "tls")]
mod tls_stream;
mod wake;

pub(super) use driver::{BeginTls, Uring};
pub(super) use link::HandedOver;

/// Whether the system has what the loop needs, and allows it; else the error says what it is.
pub(super) fn available() -> std::io::Result<()> {
    let small = ring::Sizes { submissions: 8, completions: 16, buffers: 2, buffer_length: 4096 };
    ring::Ring::new(small).map(drop)
}

/// How TLS begins on a new connection.
#[cfg(feature = "tls")]
pub(super) fn begin_tls(identity: crate::tls::Tls) -> BeginTls {
    Box::new(move || tls::Tls::new(&identity))
}
