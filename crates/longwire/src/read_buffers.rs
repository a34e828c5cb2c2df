//! Read buffers that all connections of a thread share.

use std::cell::RefCell;

/// The size of a read buffer: large enough for hundreds of small messages in one read.
const SIZE: usize = 128 << 10;

/// How many buffers a thread keeps for later reads.
const KEPT: usize = 4;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Returns an empty buffer with capacity for a read. The buffer is never zeroed.
pub(crate) fn take() -> Vec<u8> {
    // The thread-local is gone while the thread ends.
    let kept = BUFFERS.try_with(|buffers| buffers.borrow_mut().pop()).ok().flatten();
    kept.unwrap_or_else(|| Vec::with_capacity(SIZE))
}

/// Returns a buffer for the next read on this thread.
pub(crate) fn give_back(mut buffer: Vec<u8>) {
    if buffer.capacity() != SIZE {
        return;
    }
    buffer.clear();
    // While the thread ends, drop the buffer: another thread-local may own the connection that is being dropped.
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

    #[test]
    fn a_buffer_that_is_given_back_is_used_again_and_empty() {
        let mut buffer = take();
        let address = buffer.as_ptr();
        buffer.extend_from_slice(b"bytes of one connection");
        give_back(buffer);
        let again = take();
        assert_eq!((again.as_ptr(), again.len(), again.capacity()), (address, 0, SIZE));
    }

    /// A runtime in a thread-local is dropped while its thread ends, together with its connections.
    #[test]
    fn a_thread_that_is_ending_takes_and_gives_back_all_the_same() {
        struct Last(std::sync::mpsc::Sender<usize>);
        impl Drop for Last {
            fn drop(&mut self) {
                let buffer = take();
                let capacity = buffer.capacity();
                give_back(buffer);
                self.0.send(capacity).unwrap();
            }
        }
        thread_local! {
            static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
        }
        let (report, reports) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            // The order in which thread-locals are destroyed is unspecified, so test both orders.
            give_back(take());
            LAST.set(Some(Last(report.clone())));
            let other = std::thread::spawn(move || {
                LAST.set(Some(Last(report)));
                give_back(take());
            });
            other.join().unwrap();
        });
        assert_eq!(reports.iter().collect::<Vec<_>>(), [SIZE, SIZE]);
    }

    #[test]
    fn only_a_few_are_kept_and_none_of_another_size() {
        give_back(Vec::new());
        let buffers: Vec<_> = (0..KEPT + 3).map(|_| take()).collect();
        buffers.into_iter().for_each(give_back);
        assert_eq!(BUFFERS.with_borrow(Vec::len), KEPT);
    }
}
