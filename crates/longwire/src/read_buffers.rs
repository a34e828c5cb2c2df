//! Read buffers that all connections of a thread share.

use std::cell::RefCell;

/// The size of a read buffer: large enough for hundreds of small messages in one read.
const SIZE: usize = 128 << 10;

/// How many buffers a thread keeps for the next connection that reads.
const KEPT: usize = 4;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer with room for a read. It is never zeroed.
pub(crate) fn take() -> Vec<u8> {
    BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(SIZE))
}

/// Gives a buffer back, for whoever reads next on this thread.
pub(crate) fn give_back(mut buffer: Vec<u8>) {
    if buffer.capacity() != SIZE {
        return;
    }
    buffer.clear();
    BUFFERS.with_borrow_mut(|buffers| {
        if buffers.len() < KEPT {
            buffers.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_is_given_back_is_used_again_and_empty() {
        let mut buffer = take();
        let address = buffer.as_ptr();
        buffer.extend_from_slice(b"what one connection read");
        give_back(buffer);
        let again = take();
        assert_eq!((again.as_ptr(), again.len(), again.capacity()), (address, 0, SIZE));
    }

    #[test]
    fn only_a_few_are_kept_and_none_of_another_size() {
        give_back(Vec::new());
        let buffers: Vec<_> = (0..KEPT + 3).map(|_| take()).collect();
        buffers.into_iter().for_each(give_back);
        assert_eq!(BUFFERS.with_borrow(Vec::len), KEPT);
    }
}
