//! Bytes that were read from a connection and wait to be parsed.

/// Bytes that were read from a connection and wait to be parsed.
#[derive(Debug, Default)]
pub(super) struct Unparsed {
    bytes: Vec<u8>,
    /// How many of them have been taken.
    taken: usize,
}

impl Unparsed {
    pub(super) fn is_empty(&self) -> bool {
        self.taken == self.bytes.len()
    }

    /// How many bytes of memory it takes.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Appends bytes that were read. They may be held for as long as the peer likes, so no extra capacity is reserved.
    pub(super) fn push(&mut self, read: &[u8]) {
        self.forget_taken();
        self.bytes.reserve_exact(read.len());
        self.bytes.extend_from_slice(read);
    }

    /// The waiting bytes.
    pub(super) fn rest(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.taken..).unwrap_or_default()
    }

    /// Records that all but the last `left` bytes have been taken.
    pub(super) fn keep_last(&mut self, left: usize) {
        self.taken = self.bytes.len().saturating_sub(left);
        // Taking a little of much, again and again, must not move the rest each time.
        if self.taken * 2 >= self.bytes.len() {
            self.forget_taken();
        }
    }

    fn forget_taken(&mut self) {
        self.bytes.drain(..std::mem::take(&mut self.taken));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_taken_stays_in_its_order() {
        let mut unparsed = Unparsed::default();
        unparsed.push(b"abcdef");
        unparsed.keep_last(5);
        assert_eq!((unparsed.taken, unparsed.rest()), (1, &mut b"bcdef".to_vec()[..]));
        unparsed.push(b"gh");
        assert_eq!(unparsed.rest(), b"bcdefgh");
        unparsed.keep_last(2);
        assert_eq!((unparsed.taken, unparsed.rest()), (0, &mut b"gh".to_vec()[..]));
        unparsed.keep_last(0);
        assert!(unparsed.is_empty() && unparsed.rest().is_empty());
    }
}
