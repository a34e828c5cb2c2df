//! A pool of zlib's working states, each lent for one message.
//!
//! A state takes 47 KiB to inflate, and 140 KiB to 480 KiB to compress. Allocating one per message would cost more than
//! a short message does, and keeping one per connection would cost the memory. A thread works on one message at a time,
//! so a few states suffice.

use std::cell::RefCell;

use zlib_rs::{Deflate, DeflateConfig, Inflate};

use super::agreement::WindowBits;

/// Compressors that a thread keeps.
const DEFLATES: usize = 2;
/// Inflaters that a thread keeps. A message that arrives in pieces holds one, so several may be in use at a time.
const INFLATES: usize = 4;

thread_local! {
    static DEFLATE: Pool<Shape, Deflate> = const { Pool::new(DEFLATES) };
    static INFLATE: Pool<(), Inflate> = const { Pool::new(INFLATES) };
}

/// The settings of a compressor. Connections with the same settings can share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// 0 to 9.
    pub(super) level: u8,
    /// 1 to 9.
    pub(super) memory_level: u8,
    /// At least [`WindowBits::MIN_COMPRESS`].
    pub(super) window: WindowBits,
}

/// A compressor with an empty window.
pub(super) fn take_deflate(shape: Shape) -> Deflate {
    if let Some(mut deflate) = DEFLATE.try_with(|pool| pool.take(&shape)).ok().flatten() {
        deflate.reset();
        return deflate;
    }
    Deflate::new_with_config(DeflateConfig {
        level: shape.level.into(),
        // Negative: raw DEFLATE data without header and checksum (RFC 7692 §7.2).
        window_bits: -i32::from(shape.window.get()),
        mem_level: shape.memory_level.into(),
        ..DeflateConfig::default()
    })
}

pub(super) fn give_deflate(shape: Shape, deflate: Deflate) {
    // A terminating thread has no pool any more.
    let _kept = DEFLATE.try_with(|pool| pool.give(shape, deflate));
}

/// An inflater with an empty window. It always has the largest window: zlib-rs supports no smaller one.
pub(super) fn take_inflate() -> Inflate {
    if let Some(mut inflate) = INFLATE.try_with(|pool| pool.take(&())).ok().flatten() {
        inflate.reset(false);
        return inflate;
    }
    Inflate::new(false, WindowBits::MAX.get())
}

pub(super) fn give_inflate(inflate: Inflate) {
    // A terminating thread has no pool any more.
    let _kept = INFLATE.try_with(|pool| pool.give((), inflate));
}

/// Unused states, the most recently used one last.
struct Pool<K, T> {
    idle: RefCell<Vec<(K, T)>>,
    most: usize,
}

impl<K: PartialEq, T> Pool<K, T> {
    const fn new(most: usize) -> Pool<K, T> {
        Pool { idle: RefCell::new(Vec::new()), most }
    }

    fn take(&self, key: &K) -> Option<T> {
        let mut idle = self.idle.borrow_mut();
        let index = idle.iter().rposition(|(made_for, _)| made_for == key)?;
        Some(idle.remove(index).1)
    }

    /// Keeps `state`. If the pool is full, drops the least recently used one.
    fn give(&self, key: K, state: T) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() == self.most {
            idle.remove(0);
        }
        idle.push((key, state));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_goes_to_those_who_want_its_kind() {
        let pool = Pool::new(3);
        pool.give("a", 1);
        pool.give("b", 2);
        assert_eq!(pool.take(&"c"), None);
        assert_eq!(pool.take(&"a"), Some(1));
        assert_eq!(pool.take(&"a"), None);
        assert_eq!(pool.take(&"b"), Some(2));
    }

    #[test]
    fn the_pool_is_bounded_and_keeps_what_is_in_use() {
        let pool = Pool::new(2);
        for state in 1..=9 {
            pool.give(state % 3, state);
        }
        assert_eq!((pool.take(&1), pool.take(&2), pool.take(&0)), (None, Some(8), Some(9)));
    }
}
