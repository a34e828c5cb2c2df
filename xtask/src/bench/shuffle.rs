//! A different order in every round, so that no server always follows the same one.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Puts the items into a random order (Fisher and Yates).
pub(super) fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        // A new state has new random keys.
        let random = RandomState::new().build_hasher().finish();
        let other = usize::try_from(random % (last as u64 + 1)).unwrap_or(last);
        items.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_stays() {
        let mut items: Vec<u32> = (0..100).collect();
        shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
