//! zlib's working states, lent for the time of a message.
//!
//! A state is 47 KiB to inflate and 140 KiB to 480 KiB to compress. To allocate one for each message would cost more
//! than a short message does, and to keep one for each connection would cost the memory. A thread works on one message
//! at a time, so a few of them do.

use std::cell::RefCell;

use zlib_rs::{Deflate, DeflateConfig, Inflate};

use super::agreement::WindowBits;

/// Compressors that a thread keeps.
const DEFLATES: usize = 2;
/// Inflaters that a thread keeps: a message that arrives in pieces holds on to one, so a few may be out at a time.
const INFLATES: usize = 4;

thread_local! {
    static DEFLATE: Pool<Shape, Deflate> = const { Pool::new(DEFLATES) };
    static INFLATE: Pool<(), Inflate> = const { Pool::new(INFLATES) };
}

/// What a compressor is made for; it serves all who want the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// 0 to 9.
    pub(super) level: u8,
    /// 1 to 9.
    pub(super) memory_level: u8,
    /// [`WindowBits::MIN_COMPRESS`] at least.
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
        // Negative: DEFLATE without a header and a checksum around it (RFC 7692 §7.2).
        window_bits: -i32::from(shape.window.get()),
        mem_level: shape.memory_level.into(),
        ..DeflateConfig::default()
    })
}

pub(super) fn give_deflate(shape: Shape, deflate: Deflate) {
    // A thread that is ending has no pool any more, and needs none.
    let _kept = DEFLATE.try_with(|pool| pool.give(shape, deflate));
}

/// An inflater with an empty window. It has room for the largest window always, zlib-rs knows no smaller one.
pub(super) fn take_inflate() -> Inflate {
    if let Some(mut inflate) = INFLATE.try_with(|pool| pool.take(&())).ok().flatten() {
        inflate.reset(false);
        return inflate;
    }
    Inflate::new(false, WindowBits::MAX.get())
}

pub(super) fn give_inflate(inflate: Inflate) {
    // As for a compressor.
    let _kept = INFLATE.try_with(|pool| pool.give((), inflate));
}

/// States that are not in use, the one used last at the end.
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

    /// Keeps `state`; one too many, and the one that was not used for longest goes.
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
