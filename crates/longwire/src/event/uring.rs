//! The event loop over io_uring.

mod driver;
mod link;

use longwire_ring::{Ring, Sizes};

pub(super) use driver::UringLoop;
#[cfg(test)]
pub(super) use link::Link;

/// Checks that the system supports and allows what the loop needs; otherwise the error says what is missing.
pub(super) fn available() -> std::io::Result<()> {
    let small = Sizes { submissions: 8, completions: 16, buffers: 2, buffer_length: 4096 };
    Ring::new(small).map(drop)
}
