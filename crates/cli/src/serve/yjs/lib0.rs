//! The encoding of Yjs's library lib0: numbers in groups of seven bits, the lowest first; strings after their length.

use std::fmt;

/// The bytes are not what they should be; and what they should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MalformedUpdate(pub(super) &'static str);

/// JavaScript's integers end here.
const LARGEST: u64 = (1 << 53) - 1;

/// How deep values may be nested.
const DEEPEST: u32 = 64;

#[derive(Debug, Clone, Copy)]
pub(super) struct Lib0Reader<'a>(&'a [u8]);

impl<'a> Lib0Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Lib0Reader<'a> {
        Lib0Reader(bytes)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> Result<u8, MalformedUpdate> {
        let (first, rest) = self.0.split_first().ok_or(MalformedUpdate("the message ends too early"))?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn number(&mut self) -> Result<u64, MalformedUpdate> {
        let mut number = 0;
        for shift in (0..56).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return if number <= LARGEST {
                    Ok(number)
                } else {
                    Err(MalformedUpdate("a number is too large"))
                };
            }
        }
        Err(MalformedUpdate("a number is too large"))
    }

    pub(super) fn small(&mut self) -> Result<u32, MalformedUpdate> {
        u32::try_from(self.number()?).map_err(|_| MalformedUpdate("a number is too large"))
    }

    /// How many things follow. Each has a byte at least, so a count that is larger than what is left is refused before
    /// anything is reserved for it.
    pub(super) fn count(&mut self) -> Result<usize, MalformedUpdate> {
        let count = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if count <= self.0.len() { Ok(count) } else { Err(MalformedUpdate("the message ends too early")) }
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], MalformedUpdate> {
        let count = self.count()?;
        self.take(count)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, MalformedUpdate> {
        std::str::from_utf8(self.bytes()?).map_err(|_| MalformedUpdate("a string is not UTF-8"))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], MalformedUpdate> {
        let (taken, rest) =
            self.0.split_at_checked(count).ok_or(MalformedUpdate("the message ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// The bytes that `read` goes over.
    pub(super) fn raw(
        &mut self,
        read: impl FnOnce(&mut Lib0Reader<'a>) -> Result<(), MalformedUpdate>,
    ) -> Result<&'a [u8], MalformedUpdate> {
        let before = self.0;
        read(self)?;
        let (raw, _) = before.split_at(before.len() - self.0.len());
        Ok(raw)
    }

    /// Goes over a value of any type, which lib0 writes like JSON.
    pub(super) fn value(&mut self) -> Result<(), MalformedUpdate> {
        self.nested_value(0)
    }

    fn nested_value(&mut self, depth: u32) -> Result<(), MalformedUpdate> {
        if depth > DEEPEST {
            return Err(MalformedUpdate("a value is nested too deeply"));
        }
        match self.byte()? {
            // Undefined, null, false and true.
            127 | 126 | 121 | 120 => {}
            125 => self.signed_number()?,
            124 => drop(self.take(4)?),
            123 | 122 => drop(self.take(8)?),
            119 => drop(self.text()?),
            118 => {
                for _ in 0..self.count()? {
                    self.text()?;
                    self.nested_value(depth + 1)?;
                }
            }
            117 => {
                for _ in 0..self.count()? {
                    self.nested_value(depth + 1)?;
                }
            }
            116 => drop(self.bytes()?),
            _ => return Err(MalformedUpdate("a value has an unknown type")),
        }
        Ok(())
    }

    /// Its first byte has a sign and six bits.
    fn signed_number(&mut self) -> Result<(), MalformedUpdate> {
        for _ in 0..8 {
            if self.byte()? & 0x80 == 0 {
                return Ok(());
            }
        }
        Err(MalformedUpdate("a number is too large"))
    }
}

pub(super) fn write_number(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}

pub(super) fn write_count(out: &mut Vec<u8>, count: usize) {
    write_number(out, count as u64);
}

pub(super) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_count(out, bytes.len());
    out.extend_from_slice(bytes);
}

impl fmt::Display for MalformedUpdate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_as_they_were() {
        for number in [0, 1, 127, 128, 300, 1 << 31, LARGEST] {
            let mut bytes = Vec::new();
            write_number(&mut bytes, number);
            let mut reader = Lib0Reader::new(&bytes);
            assert_eq!(reader.number(), Ok(number));
            assert!(reader.is_at_end());
        }
    }

    #[test]
    fn numbers_that_javascript_does_not_have_are_refused() {
        let mut bytes = Vec::new();
        write_number(&mut bytes, LARGEST + 1);
        assert!(Lib0Reader::new(&bytes).number().is_err());
        assert!(Lib0Reader::new(&[0xff; 20]).number().is_err());
        assert!(Lib0Reader::new(&[0x80]).number().is_err());
    }

    #[test]
    fn counts_and_depths_are_bounded() {
        // A map of 268 million entries, in six bytes.
        assert!(Lib0Reader::new(&[118, 0xff, 0xff, 0xff, 0x7f, 0]).value().is_err());
        let nested = |depth| [[117, 1].repeat(depth), vec![126]].concat();
        assert_eq!(Lib0Reader::new(&nested(64)).value(), Ok(()));
        assert!(Lib0Reader::new(&nested(65)).value().is_err());
        assert!(Lib0Reader::new(&nested(1 << 20)).value().is_err());
    }
}
