//! A block of a document: consecutive changes of one client.

use super::content::Content;
use super::lib0::{Lib0Reader, MalformedUpdate, write_bytes, write_number};

const HAS_ORIGIN: u8 = 0x80;
const HAS_RIGHT_ORIGIN: u8 = 0x40;
const HAS_PARENT_KEY: u8 = 0x20;
const KIND: u8 = 0x1f;

const COLLECTED: u8 = 0;
const SKIP: u8 = 10;

/// Clocks end here, so that sums of two have room.
const LAST_CLOCK: u32 = u32::MAX / 2;

/// A change: the client that made it, and its number among those of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id {
    client: u64,
    clock: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) clock: u32,
    pub(super) len: u32,
    /// `None` if it was collected as garbage: there was something, and it was deleted.
    item: Option<Box<Item>>,
}

/// What was inserted, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    origin: Option<Id>,
    right_origin: Option<Id>,
    /// Of an item without origins. That of others is their neighbour's.
    parent: Option<Parent>,
    content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parent {
    container: Container,
    /// In a map.
    key: Option<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Container {
    Root(Box<str>),
    Item(Id),
}

/// What an update has at a place.
#[derive(Debug)]
pub(super) enum BlockOrSkip {
    Block(Block),
    /// The update leaves these changes out.
    Skip(u32),
}

impl Block {
    pub(super) fn end(&self) -> u32 {
        self.clock.saturating_add(self.len)
    }

    /// Reads the block that begins at this clock.
    pub(super) fn read(reader: &mut Lib0Reader<'_>, clock: u32) -> Result<BlockOrSkip, MalformedUpdate> {
        let info = reader.byte()?;
        let (len, item) = match info & KIND {
            COLLECTED => (reader.small()?, None),
            SKIP => {
                let len = reader.small()?;
                check(clock, len)?;
                return Ok(BlockOrSkip::Skip(len));
            }
            kind => {
                let (len, item) = Item::read(reader, info, kind)?;
                (len, Some(Box::new(item)))
            }
        };
        check(clock, len)?;
        Ok(BlockOrSkip::Block(Block { clock, len, item }))
    }

    /// Writes what it has from this clock on.
    pub(super) fn write(&self, out: &mut Vec<u8>, client: u64, from: u32) {
        let skipped = from.saturating_sub(self.clock).min(self.len);
        match &self.item {
            None => {
                out.push(COLLECTED);
                write_number(out, u64::from(self.len - skipped));
            }
            Some(item) if skipped == 0 => item.write(out, item.origin, &item.content),
            Some(item) => {
                let origin = Id { client, clock: self.clock.saturating_add(skipped - 1) };
                if let Some(rest) = item.content.cut(&[skipped, self.len - skipped]).pop() {
                    item.write(out, Some(origin), &rest);
                }
            }
        }
    }

    pub(super) fn write_skip(out: &mut Vec<u8>, len: u32) {
        out.push(SKIP);
        write_number(out, u64::from(len));
    }

    /// Cuts it at these clocks inside of it, in their order. A part follows the one before, as its origin says.
    pub(super) fn cut(self, client: u64, at: &[u32]) -> Vec<Block> {
        if at.is_empty() {
            return vec![self];
        }
        let begins: Vec<u32> = std::iter::once(self.clock).chain(at.iter().copied()).collect();
        let ends = at.iter().copied().chain(std::iter::once(self.end()));
        let lens: Vec<u32> = begins.iter().zip(ends).map(|(begin, end)| end.saturating_sub(*begin)).collect();
        let places = begins.into_iter().zip(lens.iter().copied());
        let Some(item) = self.item else {
            return places.map(|(clock, len)| Block { clock, len, item: None }).collect();
        };
        let contents = item.content.cut(&lens);
        let Item { mut origin, right_origin, mut parent, .. } = *item;
        let parts = places.zip(contents).map(|((clock, len), content)| {
            let last = Id { client, clock: clock.saturating_add(len).saturating_sub(1) };
            let item = Item { origin, right_origin, parent: parent.take(), content };
            origin = Some(last);
            Block { clock, len, item: Some(Box::new(item)) }
        });
        parts.collect()
    }

    /// Joins the next block to this one if both say what one would.
    pub(super) fn join(&mut self, client: u64, next: Block) -> Result<(), Block> {
        let last = Id { client, clock: self.end().saturating_sub(1) };
        if next.clock != self.end() {
            return Err(next);
        }
        let Block { clock, len, item } = next;
        let (own, mut item) = match (&mut self.item, item) {
            (Some(own), Some(item)) => (own, item),
            (None, None) => {
                self.len += len;
                return Ok(());
            }
            (_, item) => return Err(Block { clock, len, item }),
        };
        if item.origin == Some(last) && item.right_origin == own.right_origin {
            match own.content.join(item.content) {
                Ok(()) => {
                    self.len += len;
                    return Ok(());
                }
                Err(content) => item.content = content,
            }
        }
        Err(Block { clock, len, item: Some(item) })
    }

    /// Drops what was inserted. Its place stays, since others may refer to it.
    pub(super) fn delete(&mut self) {
        if let Some(item) = &mut self.item {
            item.content = Content::Deleted(self.len);
        }
    }

    /// By how much a cut makes blocks heavier.
    pub(super) const MOST_WEIGHT_OF_CUT: usize = size_of::<Block>() + size_of::<Item>() + 8;

    /// About how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        let Some(item) = &self.item else { return size_of::<Block>() };
        let names = item.parent.as_ref().map_or(0, Parent::weight);
        size_of::<Block>() + size_of::<Item>() + names + item.content.weight()
    }
}

impl Item {
    fn read(reader: &mut Lib0Reader<'_>, info: u8, kind: u8) -> Result<(u32, Item), MalformedUpdate> {
        let origin = (info & HAS_ORIGIN != 0).then(|| Id::read(reader)).transpose()?;
        let right_origin = (info & HAS_RIGHT_ORIGIN != 0).then(|| Id::read(reader)).transpose()?;
        let parent = match (origin, right_origin) {
            (None, None) => Some(Parent::read(reader, info)?),
            _ => None,
        };
        let (len, content) = Content::read(reader, kind)?;
        Ok((len, Item { origin, right_origin, parent, content }))
    }

    fn write(&self, out: &mut Vec<u8>, origin: Option<Id>, content: &Content) {
        let parent = self.parent.as_ref().filter(|_| origin.is_none() && self.right_origin.is_none());
        let mut info = content.kind();
        for (has, bit) in [
            (origin.is_some(), HAS_ORIGIN),
            (self.right_origin.is_some(), HAS_RIGHT_ORIGIN),
            (parent.is_some_and(|parent| parent.key.is_some()), HAS_PARENT_KEY),
        ] {
            info |= if has { bit } else { 0 };
        }
        out.push(info);
        for id in origin.iter().chain(&self.right_origin) {
            id.write(out);
        }
        if let Some(parent) = parent {
            parent.write(out);
        }
        content.write(out);
    }
}

impl Id {
    fn read(reader: &mut Lib0Reader<'_>) -> Result<Id, MalformedUpdate> {
        Ok(Id { client: reader.number()?, clock: reader.small()? })
    }

    fn write(self, out: &mut Vec<u8>) {
        write_number(out, self.client);
        write_number(out, u64::from(self.clock));
    }
}

impl Parent {
    fn read(reader: &mut Lib0Reader<'_>, info: u8) -> Result<Parent, MalformedUpdate> {
        let container = match reader.number()? {
            1 => Container::Root(reader.text()?.into()),
            _ => Container::Item(Id::read(reader)?),
        };
        let key = (info & HAS_PARENT_KEY != 0).then(|| reader.text()).transpose()?;
        Ok(Parent { container, key: key.map(Box::from) })
    }

    fn write(&self, out: &mut Vec<u8>) {
        match &self.container {
            Container::Root(name) => {
                out.push(1);
                write_bytes(out, name.as_bytes());
            }
            Container::Item(id) => {
                out.push(0);
                id.write(out);
            }
        }
        if let Some(key) = &self.key {
            write_bytes(out, key.as_bytes());
        }
    }

    fn weight(&self) -> usize {
        let name = match &self.container {
            Container::Root(name) => name.len(),
            Container::Item(_) => 0,
        };
        name + self.key.as_ref().map_or(0, |key| key.len())
    }
}

fn check(clock: u32, len: u32) -> Result<(), MalformedUpdate> {
    match clock.checked_add(len) {
        Some(end) if len > 0 && end <= LAST_CLOCK => Ok(()),
        _ => Err(MalformedUpdate("a block has an impossible length")),
    }
}
