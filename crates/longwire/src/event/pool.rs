//! Buffers to encode into, which go from connection to connection.

/// The most that is kept of a buffer.
const MAX_CAPACITY: usize = 512 << 10;

/// How many buffers are kept.
const KEPT: usize = 256;

/// Empty buffers for the next connection that has something to send, so that an idle one holds none.
#[derive(Debug, Default)]
pub(super) struct Pool(Vec<Vec<u8>>);

impl Pool {
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    pub(super) fn give(&mut self, buffer: Vec<u8>) {
        if (1..=MAX_CAPACITY).contains(&buffer.capacity()) && self.0.len() < KEPT {
            self.0.push(buffer);
        }
    }
}
