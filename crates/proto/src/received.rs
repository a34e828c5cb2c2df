//! Received bytes.

/// Bytes that have arrived but have not been taken: a cursor over any buffer of the driver.
///
/// The protocol unmasks payloads in place, and its events borrow from the buffer where possible; therefore it needs the
/// buffer mutably. When [`Protocol::next_event`](crate::Protocol::next_event) returns `None`, everything has been
/// taken: bytes of an unfinished frame have moved to the connection. One buffer can therefore serve any number of
/// connections in turn.
#[derive(Debug, Default)]
pub struct Received<'b> {
    bytes: &'b mut [u8],
}

impl<'b> Received<'b> {
    /// All of `bytes`.
    #[must_use]
    pub fn new(bytes: &'b mut [u8]) -> Received<'b> {
        Received { bytes }
    }

    /// How many bytes have not been taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether everything has been taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes that have not been taken, for a driver that must keep them for later.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes
    }

    /// The bytes that have not been taken.
    #[inline]
    pub(crate) fn peek(&self) -> &[u8] {
        self.bytes
    }

    /// Takes `count` bytes, or all that are left.
    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> &'b mut [u8] {
        let count = count.min(self.bytes.len());
        let (taken, rest) = std::mem::take(&mut self.bytes).split_at_mut(count);
        self.bytes = rest;
        taken
    }

    /// Takes `count` bytes if there are that many.
    #[inline]
    pub(crate) fn take_exact(&mut self, count: usize) -> Option<&'b mut [u8]> {
        if count > self.bytes.len() {
            return None;
        }
        Some(self.take(count))
    }

    /// Discards everything.
    pub(crate) fn clear(&mut self) {
        self.bytes = &mut [];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_in_order_and_never_more_than_there_is() {
        let mut bytes = *b"abcde";
        let mut received = Received::new(&mut bytes);
        let first = received.take(2);
        assert_eq!((received.peek(), received.len()), (&b"cde"[..], 3));
        assert_eq!(received.as_bytes(), b"cde");
        let second = received.take(9);
        assert_eq!((&*first, &*second), (&b"ab"[..], &b"cde"[..]));
        assert!(received.is_empty() && received.take(1).is_empty());
    }

    #[test]
    fn what_is_cleared_is_gone() {
        let mut bytes = *b"abc";
        let mut received = Received::new(&mut bytes);
        received.clear();
        assert!(received.is_empty() && Received::default().is_empty());
    }
}
