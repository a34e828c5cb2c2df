//! Ids of clients, sessions and nodes.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use bytestring::ByteString;
use ring::hmac;

/// Makes ids that nobody can guess from other ids, and that follow from a seed.
pub(crate) struct Ids {
    key: hmac::Key,
    count: AtomicU64,
}

impl Ids {
    pub(crate) fn new(seed: &[u8; 32]) -> Ids {
        Ids { key: hmac::Key::new(hmac::HMAC_SHA256, seed), count: AtomicU64::new(0) }
    }

    /// A UUID of version 4 (RFC 9562 §5.4).
    pub(crate) fn next(&self) -> ByteString {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let tag = hmac::sign(&self.key, &count.to_be_bytes());
        let mut text = String::with_capacity(36);
        for (index, byte) in tag.as_ref().iter().take(16).enumerate() {
            let byte = match index {
                6 => byte & 0x0f | 0x40,
                8 => byte & 0x3f | 0x80,
                _ => *byte,
            };
            if matches!(index, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            // Writing to a `String` never fails.
            let _ = write!(text, "{byte:02x}");
        }
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_that_follow_from_the_seed() {
        let ids = Ids::new(&[7; 32]);
        let (first, second) = (ids.next(), ids.next());
        assert_ne!(first, second);
        assert_eq!(first, Ids::new(&[7; 32]).next());
        assert_eq!(first.len(), 36);
        let dashes: Vec<usize> = first.match_indices('-').map(|(at, _)| at).collect();
        assert_eq!(dashes, [8, 13, 18, 23]);
        assert_eq!(first.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&first.as_bytes()[19]));
    }
}
