//! Wrappers around zlib calls that return the progress of one call; zlib only keeps totals.

use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush, Status};

/// The progress of one call.
pub(super) struct Progress {
    /// Bytes of input consumed.
    pub(super) read: usize,
    /// Bytes of output written.
    pub(super) written: usize,
}

/// Whether a block with BFINAL has ended the DEFLATE data (RFC 1951 §3.2.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Yes,
    No,
}

/// Compresses as much as `room` allows, with a flush at the end of `input`.
pub(super) fn compress(deflate: &mut Deflate, input: &[u8], room: &mut [u8]) -> Option<Progress> {
    let (read, written) = (deflate.total_in(), deflate.total_out());
    deflate.compress(input, room, DeflateFlush::SyncFlush).ok()?;
    Some(Progress { read: since(read, deflate.total_in()), written: since(written, deflate.total_out()) })
}

/// Inflates as much as `room` allows, at most to the end of a block with BFINAL. `None`: not valid DEFLATE data.
pub(super) fn inflate(inflate: &mut Inflate, input: &[u8], room: &mut [u8]) -> Option<(Progress, Ended)> {
    let (read, written) = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, room, InflateFlush::NoFlush).ok()?;
    let progress =
        Progress { read: since(read, inflate.total_in()), written: since(written, inflate.total_out()) };
    Some((progress, if status == Status::StreamEnd { Ended::Yes } else { Ended::No }))
}

/// The totals count bytes of slices, so their difference over one call fits a `usize`.
fn since(before: u64, after: u64) -> usize {
    usize::try_from(after.wrapping_sub(before)).unwrap_or(usize::MAX)
}
