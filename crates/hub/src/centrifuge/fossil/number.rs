//! Numbers of the delta format: base 64, the most significant digit first.

use std::fmt;

const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";

/// A 32-bit number as a length. Both fit on every platform that has the hub's memory.
pub(super) fn widen(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Appends a number.
pub(super) fn push(out: &mut Vec<u8>, number: usize) {
    let digits = 1 + number.checked_ilog2().unwrap_or(0) / 6;
    for digit in (0..digits).rev() {
        out.extend(DIGITS.get((number >> (6 * digit)) & 63));
    }
}

/// Reads a delta.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(delta: &'a [u8]) -> Reader<'a> {
        Reader { rest: delta }
    }

    /// A number of at most 32 bits, up to the first byte that is no digit.
    pub(super) fn number(&mut self) -> Result<usize, InvalidDelta> {
        let mut number = 0_u32;
        while let Some((digit, rest)) =
            self.rest.split_first().and_then(|(byte, rest)| Some((value(*byte)?, rest)))
        {
            number = number.checked_mul(64).ok_or(InvalidDelta)? | digit;
            self.rest = rest;
        }
        Ok(widen(number))
    }

    pub(super) fn byte(&mut self) -> Result<u8, InvalidDelta> {
        let (byte, rest) = self.rest.split_first().ok_or(InvalidDelta)?;
        self.rest = rest;
        Ok(*byte)
    }

    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], InvalidDelta> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(InvalidDelta)?;
        self.rest = rest;
        Ok(bytes)
    }
}

/// The value of a digit.
fn value(byte: u8) -> Option<u32> {
    let value = match byte {
        b'0'..=b'9' => byte - b'0',
        b'A'..=b'Z' => byte - b'A' + 10,
        b'_' => 36,
        b'a'..=b'z' => byte - b'a' + 37,
        b'~' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

/// A delta that cannot be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidDelta;

impl fmt::Display for InvalidDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the delta is malformed or belongs to other content")
    }
}

impl std::error::Error for InvalidDelta {}
