//! Writes a delta.

use super::number;

/// A delta that is being written. What is not copied is inserted.
pub(super) struct Builder<'a> {
    new: &'a [u8],
    out: Vec<u8>,
    /// Where the part of the new content begins that is not written yet.
    pending: usize,
}

impl<'a> Builder<'a> {
    pub(super) fn new(new: &'a [u8]) -> Builder<'a> {
        let mut out = Vec::new();
        number::push(&mut out, new.len());
        out.push(b'\n');
        Builder { new, out, pending: 0 }
    }

    /// Copies `new[start..end]`, which stands in the old content at `offset`.
    pub(super) fn copy(&mut self, offset: usize, start: usize, end: usize) {
        self.insert(start);
        number::push(&mut self.out, end - start);
        self.out.push(b'@');
        number::push(&mut self.out, offset);
        self.out.push(b',');
        self.pending = end;
    }

    /// Whether the delta is still shorter than the new content.
    pub(super) fn is_shorter(&self) -> bool {
        self.out.len() < self.new.len()
    }

    /// The delta, if it is shorter than the new content.
    pub(super) fn finish(mut self) -> Option<Vec<u8>> {
        if self.out.len() + (self.new.len() - self.pending) >= self.new.len() {
            return None;
        }
        self.insert(self.new.len());
        number::push(&mut self.out, number::widen(checksum(self.new)));
        self.out.push(b';');
        self.is_shorter().then_some(self.out)
    }

    /// Inserts everything up to `end`.
    fn insert(&mut self, end: usize) {
        if let Some(literal @ [_, ..]) = self.new.get(self.pending..end) {
            number::push(&mut self.out, literal.len());
            self.out.push(b':');
            self.out.extend_from_slice(literal);
        }
    }
}

/// The checksum of the format: the sum of the content as 32-bit numbers in network order, padded with zeros.
pub(super) fn checksum(content: &[u8]) -> u32 {
    content.chunks(4).fold(0, |sum: u32, chunk| {
        let mut word = [0; 4];
        word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        sum.wrapping_add(u32::from_be_bytes(word))
    })
}
