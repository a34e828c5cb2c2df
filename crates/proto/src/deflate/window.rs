//! The context of a message: the bytes that the next one may refer to.

use std::collections::VecDeque;

use super::agreement::WindowBits;

/// The LZ77 sliding window: the last bytes that were compressed or inflated. Context takeover needs nothing else from
/// one message to the next (RFC 7692 §7.1.1). It grows with the data, up to its size.
pub(super) struct Window {
    bytes: VecDeque<u8>,
    size: usize,
}

impl Window {
    pub(super) fn new(bits: WindowBits) -> Window {
        Window { bytes: VecDeque::new(), size: bits.bytes() }
    }

    /// Appends processed data, and forgets what is out of reach.
    pub(super) fn push(&mut self, piece: &[u8]) {
        let newest = piece.get(piece.len().saturating_sub(self.size)..).unwrap_or_default();
        let out_of_reach = (self.bytes.len() + newest.len()).saturating_sub(self.size);
        self.bytes.drain(..out_of_reach);
        self.grow(self.bytes.len() + newest.len());
        self.bytes.extend(newest);
    }

    /// The bytes, oldest first, in two halves.
    pub(super) fn halves(&self) -> [&[u8]; 2] {
        let (older, newer) = self.bytes.as_slices();
        [older, newer]
    }

    /// The newest bytes, at most `len`, oldest first.
    pub(super) fn newest(&self, len: usize) -> [&[u8]; 2] {
        let [older, newer] = self.halves();
        let beyond = self.bytes.len().saturating_sub(len);
        let beyond_older = beyond.saturating_sub(older.len());
        [older.get(beyond..).unwrap_or_default(), newer.get(beyond_older..).unwrap_or_default()]
    }

    /// Forgets everything and frees the memory.
    pub(super) fn clear(&mut self) {
        self.bytes = VecDeque::new();
    }

    /// Makes room for `len` bytes. The capacity doubles, as a `VecDeque` does by default, but never exceeds the size.
    fn grow(&mut self, len: usize) {
        if len > self.bytes.capacity() {
            let capacity = (self.bytes.capacity() * 2).clamp(len, self.size);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(window: &Window) -> Vec<u8> {
        window.halves().concat()
    }

    #[test]
    fn the_newest_bytes_stay() {
        let all: Vec<u8> = (0..=250).cycle().take(5_000).collect();
        for piece in [1, 7, 255, 256, 257, 1_000, 5_000] {
            let mut window = Window::new(WindowBits::MIN);
            for bytes in all.chunks(piece) {
                window.push(bytes);
            }
            assert_eq!(content(&window), all[5_000 - 256..], "in pieces of {piece}");
        }
    }

    #[test]
    fn the_newest_ones_are_the_end_of_all_wherever_that_is_cut() {
        let mut window = Window::new(WindowBits::MIN);
        for piece in [200, 100] {
            window.push(&(0..piece).collect::<Vec<u8>>());
            let all = content(&window);
            for len in 0..=300 {
                assert_eq!(window.newest(len).concat(), all[all.len().saturating_sub(len)..], "{len}");
            }
        }
    }

    #[test]
    fn memory_follows_what_went_through_up_to_the_size() {
        let mut window = Window::new(WindowBits::MAX);
        assert_eq!(window.bytes.capacity(), 0);
        for _ in 0..100 {
            window.push(&[7; 999]);
        }
        assert_eq!(content(&window).len(), 32_768);
        assert_eq!(window.bytes.capacity(), 32_768);
        window.clear();
        assert_eq!(window.bytes.capacity(), 0);
    }
}
