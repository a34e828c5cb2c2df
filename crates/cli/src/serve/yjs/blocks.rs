//! The blocks of one client, in the order of their clocks.

use std::ops::Range;

use super::block::Block;
use super::lib0::{write_count, write_number};

/// No two overlap. Where updates are missing there is a gap.
#[derive(Debug, Default)]
pub(super) struct Blocks(Vec<Block>);

impl Blocks {
    /// Up to which clock nothing is missing.
    pub(super) fn complete_until(&self) -> u32 {
        let gap = self.0.iter().zip(self.0.iter().skip(1)).find(|(block, next)| block.end() < next.clock);
        match self.0.first() {
            Some(first) if first.clock == 0 => {
                gap.map(|(block, _)| block).or(self.0.last()).map_or(0, Block::end)
            }
            _ => 0,
        }
    }

    /// Whether one block here has all of it.
    pub(super) fn covers(&self, block: &Block) -> bool {
        let around = self.0.get(self.0.partition_point(|known| known.end() <= block.clock));
        around.is_some_and(|known| known.clock <= block.clock && block.end() <= known.end())
    }

    /// Adds what is new of these blocks, which are in the order of their clocks. Returns whether anything is.
    pub(super) fn insert(&mut self, client: u64, blocks: Vec<Block>) -> bool {
        let new: Vec<Block> = blocks.into_iter().flat_map(|block| self.unknown(client, block)).collect();
        let Some(first) = new.first() else { return false };
        let later = self.0.split_off(self.0.partition_point(|block| block.clock < first.clock));
        let mut later = later.into_iter().peekable();
        for block in new {
            while let Some(before) = later.next_if(|later| later.clock < block.clock) {
                self.push(client, before);
            }
            self.push(client, block);
        }
        for after in later {
            self.push(client, after);
        }
        true
    }

    /// The parts of a block that are not here.
    fn unknown(&self, client: u64, block: Block) -> Vec<Block> {
        let begin = self.0.partition_point(|known| known.end() <= block.clock);
        let known = self.0.iter().skip(begin).take_while(|known| known.clock < block.end());
        let known: Vec<Range<u32>> = known.map(|known| known.clock..known.end()).collect();
        let mut parts = cut_at_bounds(client, block, &known);
        parts.retain(|part| {
            let around = known.get(known.partition_point(|known| known.end <= part.clock));
            !around.is_some_and(|known| known.contains(&part.clock))
        });
        parts
    }

    /// Drops what was inserted in these ranges, which are in order and do not overlap.
    pub(super) fn delete(&mut self, client: u64, ranges: &[Range<u32>]) {
        let (Some(first), Some(last)) = (ranges.first(), ranges.last()) else { return };
        let mut touched = self.0.split_off(self.0.partition_point(|block| block.end() <= first.start));
        let later = touched.split_off(touched.partition_point(|block| block.clock < last.end));
        let mut ranges = ranges;
        for block in touched {
            ranges = skip_while(ranges, |range| range.end <= block.clock);
            let within = ranges.iter().take_while(|range| range.start < block.end()).count();
            let (within, _) = ranges.split_at(within);
            let mut left = within;
            for mut part in cut_at_bounds(client, block, within) {
                left = skip_while(left, |range| range.end <= part.clock);
                if left.first().is_some_and(|range| range.contains(&part.clock)) {
                    part.delete();
                }
                self.push(client, part);
            }
        }
        let mut later = later.into_iter();
        if let Some(next) = later.next() {
            self.push(client, next);
        }
        self.0.extend(later);
    }

    /// Writes what there is from this clock on, if there is anything.
    pub(super) fn write(&self, out: &mut Vec<u8>, client: u64, from: u32) {
        let begin = self.0.partition_point(|block| block.end() <= from);
        let blocks = || self.0.iter().skip(begin);
        let Some(first) = blocks().next() else { return };
        let begin = first.clock.max(from);
        let gaps = blocks().zip(blocks().skip(1)).filter(|(block, next)| block.end() < next.clock).count();
        write_count(out, blocks().count() + gaps);
        write_number(out, client);
        write_number(out, u64::from(begin));
        let mut end = begin;
        for block in blocks() {
            if end < block.clock {
                Block::write_skip(out, block.clock - end);
            }
            block.write(out, client, from);
            end = block.end();
        }
    }

    pub(super) fn has_after(&self, clock: u32) -> bool {
        self.0.last().is_some_and(|last| last.end() > clock)
    }

    pub(super) fn weight(&self) -> usize {
        self.0.iter().map(Block::weight).sum()
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    fn push(&mut self, client: u64, block: Block) {
        let joined = match self.0.last_mut() {
            Some(last) => last.join(client, block),
            None => Err(block),
        };
        self.0.extend(joined.err());
    }
}

/// Cuts a block where one of the ranges, which are in order, begins or ends inside of it.
fn cut_at_bounds(client: u64, block: Block, ranges: &[Range<u32>]) -> Vec<Block> {
    let inside = block.clock.saturating_add(1)..block.end();
    let bounds = ranges.iter().flat_map(|range| [range.start, range.end]);
    let mut cuts: Vec<u32> = bounds.filter(|bound| inside.contains(bound)).collect();
    cuts.dedup();
    block.cut(client, &cuts)
}

fn skip_while(ranges: &[Range<u32>], mut is_before: impl FnMut(&Range<u32>) -> bool) -> &[Range<u32>] {
    let count = ranges.iter().take_while(|range| is_before(range)).count();
    let (_, rest) = ranges.split_at(count);
    rest
}
