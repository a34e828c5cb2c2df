//! Fuzz targets of `longwire-proto` and of the event loops: properties that hold for all input.
//!
//! Each target is a function of a fuzzer's input, and panics when a property is violated. libFuzzer calls them through
//! the binaries in `fuzz_targets/`. `examples/stable.rs` calls them without libFuzzer and without a nightly toolchain.
#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]

mod cuts;
mod differential;
mod event_loop;
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
pub use event_loop::event_loop;
pub use extension_header::extension_header;
pub use frame_header::frame_header;
pub use inflate::inflate;
pub use request::request;
pub use response::response;
pub use stream::{client_stream, server_stream};

/// Counts allocations, so that a target can check the memory of a connection. Targets run one at a time.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// The name of a target, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("client_stream", client_stream),
    ("differential", differential),
    ("event_loop", event_loop),
    ("extension_header", extension_header),
    ("frame_header", frame_header),
    ("inflate", inflate),
    ("request", request),
    ("response", response),
    ("server_stream", server_stream),
];
