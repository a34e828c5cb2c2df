//! Makes the ids of clients, sessions and nodes.

use std::sync::atomic::{AtomicU64, Ordering};

use ring::hmac;

use crate::uuid::Uuid;

/// Makes ids that nobody can guess from other ids, and that follow from a seed.
pub(crate) struct Ids {
    key: hmac::Key,
    count: AtomicU64,
}

impl Ids {
    pub(crate) fn new(seed: &[u8; 32]) -> Ids {
        Ids { key: hmac::Key::new(hmac::HMAC_SHA256, seed), count: AtomicU64::new(0) }
    }

    pub(crate) fn next(&self) -> Uuid {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let tag = hmac::sign(&self.key, &count.to_be_bytes());
        // A tag is longer.
        Uuid::from_random(tag.as_ref().first_chunk().copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_from_the_seed() {
        let ids = Ids::new(&[7; 32]);
        let (first, second) = (ids.next(), ids.next());
        assert_ne!(first, second);
        assert_eq!(first, Ids::new(&[7; 32]).next());
        assert_ne!(first, Ids::new(&[8; 32]).next());
    }
}
