//! The fuzz targets of `longwire-proto`: what must hold whatever bytes come.
//!
//! Each target is a function of the bytes that a fuzzer made up, and panics when something does not hold. libFuzzer calls
//! them through the binaries in `fuzz_targets/`; `examples/stable.rs` calls them without it, and without a nightly
//! toolchain.
#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]

mod cuts;
mod differential;
mod extension_header;
mod frame_header;
mod head;
mod inflate;
mod request;
mod response;
mod sent;
mod stream;

use std::alloc::System;

use cap::Cap;

pub use differential::differential;
pub use extension_header::extension_header;
pub use frame_header::frame_header;
pub use inflate::inflate;
pub use request::request;
pub use response::response;
pub use stream::{client_stream, server_stream};

/// Counts what is allocated, so that a target can hold a connection to its bound. Targets run one at a time.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// A target's name and what it calls.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("client_stream", client_stream),
    ("differential", differential),
    ("extension_header", extension_header),
    ("frame_header", frame_header),
    ("inflate", inflate),
    ("request", request),
    ("response", response),
    ("server_stream", server_stream),
];
