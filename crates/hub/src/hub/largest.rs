//! The largest of many, in bounded memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The largest of many, the largest first. Of two that are equally large, the one with the first name.
///
/// [`Hub::largest_channels`](crate::Hub::largest_channels) and [`Hub::largest_users`](crate::Hub::largest_users) return
/// them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Largest<T> {
    /// Names and sizes, at most as many as were asked for.
    pub found: Vec<(T, usize)>,
    /// How many there are, with those that are left out.
    pub total: usize,
}

/// Keeps the largest of what it is offered.
pub(super) struct Ranking<T> {
    limit: usize,
    /// The smallest of them on top.
    kept: BinaryHeap<Reverse<(usize, Reverse<T>)>>,
    total: usize,
}

impl<T: Ord + Clone> Ranking<T> {
    pub(super) fn new(limit: usize) -> Ranking<T> {
        Ranking { limit, kept: BinaryHeap::new(), total: 0 }
    }

    pub(super) fn offer(&mut self, name: &T, size: usize) {
        self.total += 1;
        let is_larger = |smallest: &Reverse<(usize, Reverse<T>)>| {
            let Reverse((least, Reverse(last))) = smallest;
            size > *least || size == *least && name < last
        };
        let is_full = self.kept.len() >= self.limit;
        if !is_full || self.kept.peek().is_some_and(is_larger) {
            self.kept.push(Reverse((size, Reverse(name.clone()))));
            if self.kept.len() > self.limit {
                self.kept.pop();
            }
        }
    }

    pub(super) fn into_largest(self) -> Largest<T> {
        let found = self.kept.into_sorted_vec().into_iter();
        let found = found.map(|Reverse((size, Reverse(name)))| (name, size)).collect();
        Largest { found, total: self.total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_kept_in_order() {
        let sizes = [("d", 1), ("a", 2), ("c", 3), ("b", 3), ("e", 0)];
        for (limit, expected) in [(0, &[][..]), (1, &[("b", 3)]), (3, &[("b", 3), ("c", 3), ("a", 2)])] {
            let mut ranking = Ranking::new(limit);
            sizes.iter().for_each(|(name, size)| ranking.offer(name, *size));
            assert_eq!(ranking.into_largest(), Largest { found: expected.to_vec(), total: 5 });
        }
    }
}
