//! permessage-deflate without context takeover (RFC 7692 §7.2).

use anyhow::{Context, Result, ensure};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// The bytes that a sender removes from the end of a message and a receiver restores (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Compresses a message with an empty window.
pub(crate) fn compress(message: &[u8]) -> Result<Vec<u8>> {
    let mut compressed = Vec::with_capacity(message.len() + 64);
    let status = Compress::new(Compression::default(), false).compress_vec(
        message,
        &mut compressed,
        FlushCompress::Sync,
    )?;
    ensure!(status == Status::Ok && compressed.len() < compressed.capacity(), "the message did not shrink");
    let kept = compressed.strip_suffix(&TAIL).context("a flush ends with an empty block")?.len();
    compressed.truncate(kept);
    Ok(compressed)
}

/// Inflates a message of `size` bytes with an empty window.
pub(crate) fn inflate(payload: &[u8], size: usize) -> Result<Vec<u8>> {
    let mut message = Vec::with_capacity(size + 1);
    let mut inflater = Decompress::new(false);
    inflater.decompress_vec(payload, &mut message, FlushDecompress::Sync)?;
    inflater.decompress_vec(&TAIL, &mut message, FlushDecompress::Sync)?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_is_inflated() {
        let message = b"Hello, Hello, Hello, Hello".repeat(40);
        assert_eq!(inflate(&compress(&message).unwrap(), message.len()).unwrap(), message);
    }
}
