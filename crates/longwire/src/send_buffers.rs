//! Buffers for encoding that all connections of a thread share.

use std::cell::RefCell;

use longwire_proto::SendBuffer;

/// The largest buffer that is kept, in bytes. Buffers are lent for messages below 8 KiB, and a connection whose peer does not
/// read keeps one for as long.
const MAX_CAPACITY: usize = 16 << 10;

/// How many buffers a thread keeps for later messages.
const KEPT: usize = 4;

thread_local! {
    static BUFFERS: RefCell<Vec<SendBuffer>> = const { RefCell::new(Vec::new()) };
}

/// Returns an empty buffer.
pub(crate) fn take() -> SendBuffer {
    // The thread-local is gone while the thread ends.
    BUFFERS.try_with(|buffers| buffers.borrow_mut().pop()).ok().flatten().unwrap_or_default()
}

/// Returns a buffer for the next messages on this thread.
pub(crate) fn give_back(buffer: SendBuffer) {
    if !(1..=MAX_CAPACITY).contains(&buffer.capacity()) {
        return;
    }
    // While the thread ends, the buffer is dropped: another thread-local may own the connection that is being dropped.
    let _kept = BUFFERS.try_with(|buffers| {
        let mut buffers = buffers.borrow_mut();
        if buffers.len() < KEPT {
            buffers.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> usize {
        BUFFERS.with_borrow(Vec::len)
    }

    #[test]
    fn a_buffer_that_is_given_back_is_used_again() {
        give_back(Vec::with_capacity(1000).into());
        assert_eq!(take().capacity(), 1000);
        assert_eq!((kept(), take().capacity()), (0, 0));
    }

    #[test]
    fn only_a_few_are_kept_and_none_that_is_large_or_without_memory() {
        for capacity in [0, MAX_CAPACITY + 1] {
            give_back(Vec::with_capacity(capacity).into());
            assert_eq!(kept(), 0, "{capacity} bytes");
        }
        for _ in 0..KEPT + 3 {
            give_back(Vec::with_capacity(MAX_CAPACITY).into());
        }
        assert_eq!(kept(), KEPT);
    }
}
