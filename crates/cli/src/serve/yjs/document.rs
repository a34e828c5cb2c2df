//! A Yjs document, as a server needs it: what clients have said, merged, without the meaning.
//!
//! A document is a set of blocks for each client that wrote, and the set of what was deleted. To bring another client up
//! to date needs no more than to know which blocks it lacks. So the blocks are never put in their places in texts and
//! maps: every update costs time in proportion to its length and to the number of blocks around it, whatever it says.
//! What was deleted is dropped, and what could have been one block becomes one, as in a client.

use std::collections::BTreeMap;

use super::block::{Block, BlockOrSkip};
use super::blocks::Blocks;
use super::deletions::Deletions;
use super::lib0::{Lib0Reader, MalformedUpdate, write_count, write_number};

/// What a client costs beside its blocks, and the range of a deletion.
const CLIENT_WEIGHT: usize = 96;
const DELETION_WEIGHT: usize = 32;

#[derive(Debug, Default)]
pub(super) struct MergedDocument {
    clients: BTreeMap<u64, Blocks>,
    deleted: Deletions,
}

/// How far a client has each other's blocks.
#[derive(Debug, Default)]
pub(super) struct StateVector(BTreeMap<u64, u32>);

/// What one message adds.
#[derive(Debug)]
pub(super) struct Update {
    clients: Vec<(u64, Vec<Block>)>,
    deleted: Deletions,
}

impl MergedDocument {
    /// Returns whether anything is new.
    pub(super) fn apply(&mut self, update: Update) -> bool {
        let mut is_new = false;
        for (client, new) in update.clients {
            let blocks = self.clients.entry(client).or_default();
            let (Some(begin), Some(end)) = (new.first().map(|first| first.clock), new.last().map(Block::end))
            else {
                continue;
            };
            is_new |= blocks.insert(client, new);
            // It may have been deleted before it came.
            let deleted = self.deleted.of(client);
            let from = deleted.partition_point(|range| range.end <= begin);
            let until = deleted.partition_point(|range| range.start < end);
            blocks.delete(client, deleted.get(from..until).unwrap_or_default());
        }
        if self.deleted.add(&update.deleted) {
            is_new = true;
            for (client, ranges) in update.deleted.clients() {
                if let Some(blocks) = self.clients.get_mut(&client) {
                    blocks.delete(client, ranges);
                }
            }
        }
        is_new
    }

    /// An update with all that somebody at this state lacks.
    pub(super) fn since(&self, state: &StateVector) -> Vec<u8> {
        let mut out = Vec::new();
        let from = |client: &u64| state.0.get(client).copied().unwrap_or_default();
        // A client integrates faster if higher numbers come first.
        let lacking = || self.clients.iter().rev().filter(|(client, blocks)| blocks.has_after(from(client)));
        write_count(&mut out, lacking().count());
        for (client, blocks) in lacking() {
            blocks.write(&mut out, *client, from(client));
        }
        self.deleted.write(&mut out);
        out
    }

    /// The encoded state vector.
    pub(super) fn state(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let known = || self.clients.iter().map(|(client, blocks)| (client, blocks.complete_until()));
        write_count(&mut out, known().filter(|(_, clock)| *clock > 0).count());
        for (client, clock) in known().filter(|(_, clock)| *clock > 0) {
            write_number(&mut out, *client);
            write_number(&mut out, u64::from(clock));
        }
        out
    }

    /// By how much an update makes it heavier, at most.
    pub(super) fn growth(&self, update: &Update) -> usize {
        let blocks = update.clients.iter().flat_map(|(client, new)| {
            let known = self.clients.get(client);
            new.iter().filter(move |block| !known.is_some_and(|known| known.covers(block)))
        });
        let blocks: usize = blocks.map(Block::weight).sum();
        // A deletion cuts two blocks.
        let deletions =
            self.deleted.count_unknown(&update.deleted) * (2 * Block::MOST_WEIGHT_OF_CUT + DELETION_WEIGHT);
        update.clients.len() * CLIENT_WEIGHT + blocks + deletions
    }

    /// About how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        let blocks: usize = self.clients.values().map(|blocks| CLIENT_WEIGHT + blocks.weight()).sum();
        blocks + self.deleted.weight()
    }

    #[cfg(test)]
    pub(super) fn blocks(&self) -> usize {
        self.clients.values().map(Blocks::count).sum()
    }
}

impl StateVector {
    pub(super) fn read(reader: &mut Lib0Reader<'_>) -> Result<StateVector, MalformedUpdate> {
        let entries = (0..reader.count()?).map(|_| Ok((reader.number()?, reader.small()?)));
        Ok(StateVector(entries.collect::<Result<_, _>>()?))
    }
}

impl Update {
    pub(super) fn read(bytes: &[u8]) -> Result<Update, MalformedUpdate> {
        let mut reader = Lib0Reader::new(bytes);
        let mut clients = Vec::new();
        for _ in 0..reader.count()? {
            let count = reader.count()?;
            let (client, mut clock) = (reader.number()?, reader.small()?);
            let mut blocks = Vec::new();
            for _ in 0..count {
                clock = match Block::read(&mut reader, clock)? {
                    BlockOrSkip::Skip(len) => clock.saturating_add(len),
                    BlockOrSkip::Block(block) => {
                        let end = block.end();
                        blocks.push(block);
                        end
                    }
                };
            }
            clients.push((client, blocks));
        }
        let deleted = Deletions::read(&mut reader)?;
        if !reader.is_at_end() {
            return Err(MalformedUpdate("something follows the update"));
        }
        Ok(Update { clients, deleted })
    }
}

#[cfg(test)]
mod tests;
