//! Deltas in the format of the Fossil version control system, which the official clients apply.
//!
//! A delta is text with the pieces of the new content in it: its length, `copy` commands (`length@offset,`), `insert`
//! commands (`length:bytes`), and a checksum. Numbers are in a base 64 of their own.

mod builder;
mod index;
mod number;

pub use number::InvalidDelta;

use builder::{Builder, checksum};
use index::{BLOCK, BlockIndex, common_prefix, common_suffix};

/// The longest content that a delta is made of: clients read lengths as 32-bit numbers.
const MAX_LEN: usize = 1 << 30;

/// The shortest copy that is made: a shorter one takes about as many bytes as what it copies.
const MIN_COPY: usize = 12;

/// The delta from `old` to `new`, or `None` if it would not be shorter than `new`.
///
/// If `new` is UTF-8, the delta is, too: it inserts whole characters only. The time is proportional to the length of both.
///
/// ```
/// use longwire_hub::centrifuge::fossil;
///
/// let (old, new) = (b"The weather in Bern is fine.", b"The weather in Bonn is fine.");
/// let delta = fossil::delta(old, new).unwrap();
/// assert!(delta.len() < new.len());
/// assert_eq!(fossil::apply(old, &delta, 1_000)?, new);
/// assert_eq!(fossil::delta(b"short", b"shirt"), None);
/// # Ok::<(), fossil::InvalidDelta>(())
/// ```
#[must_use]
pub fn delta(old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    if old.len() > MAX_LEN || new.len() > MAX_LEN {
        return None;
    }
    let mut builder = Builder::new(new);
    let head = whole_characters(new, 0, common_prefix(old, new)).filter(|copy| copy.1 >= MIN_COPY);
    let head_end = head.map_or(0, |(_, end)| end);
    let (old_tail, new_tail) = (old.get(head_end..)?, new.get(head_end..)?);
    let tail_len = common_suffix(old_tail, new_tail);
    let tail =
        whole_characters(new, new.len() - tail_len, new.len()).filter(|(start, end)| end - start >= MIN_COPY);
    let tail_start = tail.map_or(new.len(), |(start, _)| start);

    if let Some((start, end)) = head {
        builder.copy(start, start, end);
    }
    if tail_start - head_end >= BLOCK {
        copy_blocks(&mut builder, old, new, head_end, tail_start)?;
    }
    if let Some((start, end)) = tail {
        builder.copy(old.len() - (new.len() - start), start, end);
    }
    builder.finish()
}

/// Copies what is found of `new[start..end]` in the old content. `None` as soon as the delta is too long.
fn copy_blocks(builder: &mut Builder<'_>, old: &[u8], new: &[u8], start: usize, end: usize) -> Option<()> {
    let index = BlockIndex::new(old);
    let middle = new.get(..end)?;
    let mut literal = start;
    let mut at = start;
    while at + BLOCK <= end {
        let found = index.longest(middle, literal, at).and_then(|found| {
            let (from, to) = whole_characters(new, found.new, found.new + found.len)?;
            (to - from >= MIN_COPY).then_some((found.old + (from - found.new), from, to))
        });
        match found {
            Some((offset, from, to)) => {
                builder.copy(offset, from, to);
                (literal, at) = (to, to);
                builder.is_shorter().then_some(())?;
            }
            None => at += 1,
        }
    }
    Some(())
}

/// The part of `content[start..end]` that begins and ends between two characters of UTF-8, if anything remains. In other
/// content, at most three bytes are dropped at each end.
fn whole_characters(content: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let is_inside = |at: &usize| content.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let start = start + (start..end).take(3).take_while(is_inside).count();
    let back = (0..3).map_while(|back| end.checked_sub(back)).take_while(is_inside).count();
    let end = end.saturating_sub(back);
    (start < end).then_some((start, end))
}

/// Applies a delta. The result has at most `max_len` bytes.
///
/// # Errors
///
/// [`InvalidDelta`] if the delta is malformed, does not belong to `old`, or gives more than `max_len` bytes.
pub fn apply(old: &[u8], delta: &[u8], max_len: usize) -> Result<Vec<u8>, InvalidDelta> {
    let mut reader = number::Reader::new(delta);
    let len = reader.number()?;
    if reader.byte()? != b'\n' || len > max_len {
        return Err(InvalidDelta);
    }
    let mut new = Vec::new();
    loop {
        let number = reader.number()?;
        let piece = match reader.byte()? {
            b'@' => {
                let offset = reader.number()?;
                if reader.byte()? != b',' {
                    return Err(InvalidDelta);
                }
                offset.checked_add(number).and_then(|end| old.get(offset..end)).ok_or(InvalidDelta)?
            }
            b':' => reader.bytes(number)?,
            b';' if number == number::widen(checksum(&new)) && new.len() == len => return Ok(new),
            _ => return Err(InvalidDelta),
        };
        if piece.len() > len - new.len() {
            return Err(InvalidDelta);
        }
        new.extend_from_slice(piece);
    }
}
