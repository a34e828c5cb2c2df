//! Finds pieces of the new content in the old.

/// The length of the blocks of the old content that are found. Shorter pieces are not found.
pub(super) const BLOCK: usize = 16;

/// How many blocks of the same hash are tried. It bounds the time for content that repeats itself.
const MAX_TRIED: usize = 16;

/// No block.
const END: u32 = u32::MAX;

/// The blocks of the old content, by a hash of their bytes.
pub(super) struct BlockIndex<'a> {
    old: &'a [u8],
    /// The first block of each hash.
    first: Vec<u32>,
    /// The next block of the same hash, by block.
    next: Vec<u32>,
}

/// A piece that both contents have.
pub(super) struct Found {
    pub(super) old: usize,
    pub(super) new: usize,
    pub(super) len: usize,
}

impl<'a> BlockIndex<'a> {
    pub(super) fn new(old: &'a [u8]) -> BlockIndex<'a> {
        let blocks = old.len() / BLOCK;
        let mut first = vec![END; blocks.next_power_of_two()];
        let mut next = vec![END; blocks];
        let numbers = (0_u32..).zip(old.chunks_exact(BLOCK)).zip(&mut next);
        // From the last to the first, so that the first is tried first.
        let mut numbers: Vec<_> = numbers.collect();
        while let Some(((number, block), next)) = numbers.pop() {
            let slot = block_at(block, 0).and_then(|block| first.get_mut(slot(block, blocks)));
            if let Some(slot) = slot {
                *next = std::mem::replace(slot, number);
            }
        }
        BlockIndex { old, first, next }
    }

    /// The longest piece around the block `new[at..]` that is found, which begins at `from` or later.
    pub(super) fn longest(&self, new: &[u8], from: usize, at: usize) -> Option<Found> {
        let wanted = block_at(new, at)?;
        let mut number = *self.first.get(slot(wanted, self.next.len()))?;
        let mut longest: Option<Found> = None;
        for _ in 0..MAX_TRIED {
            let Some(next) = usize::try_from(number).ok().and_then(|number| self.next.get(number)) else {
                break;
            };
            let old_at = usize::try_from(number).ok()?.checked_mul(BLOCK)?;
            if block_at(self.old, old_at) == Some(wanted) {
                let before = common_suffix(self.old.get(..old_at)?, new.get(from..at)?);
                let len = before + common_prefix(self.old.get(old_at..)?, new.get(at..)?);
                if longest.as_ref().is_none_or(|longest| len > longest.len) {
                    longest = Some(Found { old: old_at - before, new: at - before, len });
                }
            }
            number = *next;
        }
        longest
    }
}

/// The block at a place.
fn block_at(content: &[u8], at: usize) -> Option<u128> {
    content.get(at..)?.first_chunk::<BLOCK>().map(|block| u128::from_le_bytes(*block))
}

/// The place of a block in a table for so many blocks.
fn slot(block: u128, blocks: usize) -> usize {
    let mixed = (block ^ (block >> 64)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    usize::try_from(mixed >> 96).unwrap_or(0) & (blocks.next_power_of_two() - 1)
}

/// The length of what both begin with.
pub(super) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// The length of what both end with.
pub(super) fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}
