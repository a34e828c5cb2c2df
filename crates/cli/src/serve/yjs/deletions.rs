//! Which changes were deleted.

use std::collections::BTreeMap;
use std::ops::Range;

use super::lib0::{Lib0Reader, MalformedUpdate, write_count, write_number};

/// The ranges of each client are in order, and neither overlap nor touch.
#[derive(Debug, Default)]
pub(super) struct Deletions(pub(super) BTreeMap<u64, Vec<Range<u32>>>);

impl Deletions {
    pub(super) fn read(reader: &mut Lib0Reader<'_>) -> Result<Deletions, MalformedUpdate> {
        let mut read = Deletions::default();
        for _ in 0..reader.count()? {
            let client = reader.number()?;
            let ranges: Vec<_> =
                (0..reader.count()?).map(|_| read_range(reader)).collect::<Result<_, _>>()?;
            read.0.entry(client).or_default().extend(ranges);
        }
        for ranges in read.0.values_mut() {
            *ranges = in_order(std::mem::take(ranges));
        }
        read.0.retain(|_, ranges| !ranges.is_empty());
        Ok(read)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write_count(out, self.0.len());
        for (client, ranges) in &self.0 {
            write_number(out, *client);
            write_count(out, ranges.len());
            for range in ranges {
                write_number(out, u64::from(range.start));
                write_number(out, u64::from(range.end - range.start));
            }
        }
    }

    /// The ranges of this client.
    pub(super) fn of(&self, client: u64) -> &[Range<u32>] {
        self.0.get(&client).map_or(&[], Vec::as_slice)
    }

    pub(super) fn clients(&self) -> impl Iterator<Item = (u64, &[Range<u32>])> {
        self.0.iter().map(|(client, ranges)| (*client, ranges.as_slice()))
    }

    /// Returns whether anything is new.
    pub(super) fn add(&mut self, other: &Deletions) -> bool {
        let mut is_new = false;
        for (client, ranges) in other.clients() {
            let own = self.0.entry(client).or_default();
            let new: Vec<_> = ranges.iter().filter(|range| !covers(own, range)).cloned().collect();
            if !new.is_empty() {
                is_new = true;
                own.extend(new);
                *own = in_order(std::mem::take(own));
            }
        }
        is_new
    }

    /// How many of these ranges are new.
    pub(super) fn count_unknown(&self, other: &Deletions) -> usize {
        let unknown = |(client, ranges): (u64, &[Range<u32>])| {
            let own = self.of(client);
            ranges.iter().filter(|range| !covers(own, range)).count()
        };
        other.clients().map(unknown).sum()
    }

    pub(super) fn weight(&self) -> usize {
        self.0.values().map(|ranges| 64 + ranges.len() * size_of::<Range<u32>>()).sum()
    }
}

fn covers(own: &[Range<u32>], range: &Range<u32>) -> bool {
    let around = own.get(own.partition_point(|own| own.end < range.end));
    around.is_some_and(|own| own.start <= range.start)
}

fn read_range(reader: &mut Lib0Reader<'_>) -> Result<Range<u32>, MalformedUpdate> {
    let (start, len) = (reader.small()?, reader.small()?);
    let end = start.checked_add(len).ok_or(MalformedUpdate("a deletion has an impossible length"))?;
    Ok(start..end)
}

/// Sorts ranges, and joins those that overlap or touch.
fn in_order(mut ranges: Vec<Range<u32>>) -> Vec<Range<u32>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<u32>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}
