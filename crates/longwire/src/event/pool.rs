//! A pool of buffers for encoding, shared by the connections of a loop.

/// The largest buffer that is kept, in bytes.
const MAX_CAPACITY: usize = 128 << 10;

/// The most bytes that are kept in all.
const MAX_KEPT: usize = 1 << 20;

/// Empty buffers for connections that have something to send, so that an idle connection holds none.
#[derive(Debug, Default)]
pub(super) struct Pool {
    buffers: Vec<Vec<u8>>,
    /// The sum of their capacities.
    kept: usize,
}

impl Pool {
    pub(super) fn take(&mut self) -> Vec<u8> {
        let buffer = self.buffers.pop().unwrap_or_default();
        self.kept -= buffer.capacity();
        buffer
    }

    pub(super) fn give(&mut self, buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        if (1..=MAX_CAPACITY).contains(&capacity) && self.kept + capacity <= MAX_KEPT {
            self.kept += capacity;
            self.buffers.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_by_its_size_and_comes_back() {
        let mut pool = Pool::default();
        pool.give(Vec::new());
        pool.give(Vec::with_capacity(MAX_CAPACITY + 1));
        assert_eq!(pool.take().capacity(), 0);
        for _ in 0..20 {
            pool.give(Vec::with_capacity(MAX_CAPACITY));
        }
        assert_eq!((pool.buffers.len(), pool.kept), (MAX_KEPT / MAX_CAPACITY, MAX_KEPT));
        assert_eq!(pool.take().capacity(), MAX_CAPACITY);
        assert_eq!(pool.kept, MAX_KEPT - MAX_CAPACITY);
    }
}
