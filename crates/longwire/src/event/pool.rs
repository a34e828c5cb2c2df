//! A pool of buffers for encoding, shared by the connections of a loop.

use longwire_proto::SendBuffer;

/// The smallest buffer that is kept, in bytes. Those of a response to a handshake are smaller, and there are as many as connections.
const MIN_CAPACITY: usize = 512;

/// The largest buffer that is kept, in bytes.
const MAX_CAPACITY: usize = 128 << 10;

/// The most bytes that are kept in all.
const MAX_KEPT: usize = 1 << 20;

/// How many buffers without memory are kept.
const MAX_EMPTY: usize = 4096;

/// Empty buffers for connections that have something to send, so that an idle connection holds none.
#[derive(Debug, Default)]
pub(super) struct Pool {
    buffers: Vec<SendBuffer>,
    /// The sum of their capacities.
    kept: usize,
    /// Buffers whose memory was sent by the kernel, and has not come back to them.
    without_memory: Vec<SendBuffer>,
}

impl Pool {
    pub(super) fn take(&mut self) -> SendBuffer {
        let Some(buffer) = self.buffers.pop() else { return self.without_memory.pop().unwrap_or_default() };
        self.kept -= buffer.capacity();
        buffer
    }

    /// A buffer for what needs no memory of its own, such as a frame that connections share.
    pub(super) fn take_without_memory(&mut self) -> SendBuffer {
        self.without_memory.pop().unwrap_or_default()
    }

    pub(super) fn give(&mut self, buffer: SendBuffer) {
        if buffer.capacity() > 0 {
            self.keep(buffer);
        } else if self.without_memory.len() < MAX_EMPTY {
            self.without_memory.push(buffer);
        }
    }

    /// Takes the memory of a buffer back that the kernel has sent.
    #[cfg(all(target_os = "linux", feature = "uring"))]
    pub(super) fn give_memory(&mut self, memory: Vec<u8>) {
        if self.has_room(memory.capacity()) {
            let mut buffer = self.without_memory.pop().unwrap_or_default();
            buffer.refill(memory);
            self.keep(buffer);
        }
    }

    fn keep(&mut self, buffer: SendBuffer) {
        let capacity = buffer.capacity();
        if self.has_room(capacity) {
            self.kept += capacity;
            self.buffers.push(buffer);
        }
    }

    fn has_room(&self, capacity: usize) -> bool {
        (MIN_CAPACITY..=MAX_CAPACITY).contains(&capacity) && self.kept + capacity <= MAX_KEPT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(capacity: usize) -> SendBuffer {
        Vec::with_capacity(capacity).into()
    }

    #[test]
    fn what_is_kept_is_bounded_by_its_size_and_comes_back() {
        let mut pool = Pool::default();
        pool.give(buffer(0));
        pool.give(buffer(MAX_CAPACITY + 1));
        assert_eq!(pool.take().capacity(), 0);
        for _ in 0..20 {
            pool.give(buffer(MAX_CAPACITY));
        }
        assert_eq!((pool.buffers.len(), pool.kept), (MAX_KEPT / MAX_CAPACITY, MAX_KEPT));
        assert_eq!(pool.take().capacity(), MAX_CAPACITY);
        assert_eq!(pool.kept, MAX_KEPT - MAX_CAPACITY);
        for _ in 0..2 * MAX_EMPTY {
            pool.give(buffer(0));
        }
        assert_eq!(pool.without_memory.len(), MAX_EMPTY);
    }

    #[cfg(all(target_os = "linux", feature = "uring"))]
    #[test]
    fn a_buffer_and_its_memory_that_come_back_separately_are_one_again() {
        let mut pool = Pool::default();
        pool.give(buffer(0));
        pool.give_memory(Vec::with_capacity(MIN_CAPACITY));
        assert_eq!((pool.buffers.len(), pool.without_memory.len(), pool.kept), (1, 0, MIN_CAPACITY));
        assert_eq!(pool.take().capacity(), MIN_CAPACITY);
        for capacity in [MIN_CAPACITY - 1, MAX_CAPACITY + 1] {
            pool.give_memory(Vec::with_capacity(capacity));
            assert_eq!(pool.take().capacity(), 0, "of {capacity} bytes");
        }
    }
}
