//! Parses frames without checking them.

use std::io::{self, ErrorKind, Read};
use std::num::NonZeroUsize;

use crate::frame::{Mask, RawFrame, apply};
use crate::len::DeclaredLen;

/// A frame is incomplete.
///
/// ```
/// use longwire_wire::RawFrame;
///
/// let incomplete = RawFrame::parse(b"\x81\x05Hel").unwrap_err();
/// assert_eq!(incomplete.needed.get(), 2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incomplete {
    /// At least this many more bytes are needed, all of which belong to this frame.
    pub needed: NonZeroUsize,
}

impl RawFrame {
    /// Parses the first frame in `bytes`, and returns its length in bytes.
    ///
    /// The payload is unmasked. [`mask`](RawFrame::mask) is the key, or [`Mask::Absent`].
    /// [`declared_len`](RawFrame::declared_len) is [`DeclaredLen::OfPayload`] if the length has the shortest form.
    ///
    /// ```
    /// use longwire_wire::{DeclaredLen, Mask, RawFrame};
    ///
    /// let (frame, used) = RawFrame::parse(b"\x83\x7e\0\x02hi\x81")?;
    /// assert_eq!((frame.opcode, frame.mask, frame.payload.as_slice()), (3, Mask::Absent, &b"hi"[..]));
    /// assert_eq!((frame.declared_len, used), (DeclaredLen::In16Bits(2), 6));
    /// # Ok::<(), longwire_wire::Incomplete>(())
    /// ```
    ///
    /// # Errors
    /// [`Incomplete`] if the frame is not complete. No bytes are invalid.
    pub fn parse(bytes: &[u8]) -> Result<(RawFrame, usize), Incomplete> {
        let mut rest = bytes;
        let [first, second] = take_array(&mut rest)?;
        let (declared, len) = match second & 0x7f {
            126 => {
                let len = u16::from_be_bytes(take_array(&mut rest)?);
                (DeclaredLen::In16Bits(len), u64::from(len))
            }
            127 => {
                let len = u64::from_be_bytes(take_array(&mut rest)?);
                (DeclaredLen::In64Bits(len), len)
            }
            len => (DeclaredLen::In7Bits(len), u64::from(len)),
        };
        let mask = if second & 0x80 == 0 { Mask::Absent } else { Mask::Key(take_array(&mut rest)?) };
        let payload = take(&mut rest, usize::try_from(len).unwrap_or(usize::MAX))?;
        let payload = match mask {
            Mask::Key(key) if key != [0; 4] => apply(key, payload).collect(),
            _ => payload.to_vec(),
        };
        let frame = RawFrame { mask, declared_len: declared.as_read(len), ..RawFrame::new(first, payload) };
        Ok((frame, bytes.len() - rest.len()))
    }

    /// Reads one frame from a blocking transport, and nothing after it.
    ///
    /// Memory grows with the bytes received, not with the declared length.
    ///
    /// ```
    /// use longwire_wire::RawFrame;
    ///
    /// let mut transport = &b"\x89\0\x81\x02hi"[..];
    /// assert_eq!(RawFrame::read_from(&mut transport)?.payload, b"");
    /// assert_eq!(RawFrame::read_from(&mut transport)?.payload, b"hi");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of the transport, and `UnexpectedEof` if it ends before the frame does.
    pub fn read_from(transport: &mut impl Read) -> io::Result<RawFrame> {
        let mut bytes = Vec::new();
        loop {
            let needed = match RawFrame::parse(&bytes) {
                Ok((frame, _used)) => return Ok(frame),
                Err(incomplete) => incomplete.needed.get(),
            };
            if transport.take(needed as u64).read_to_end(&mut bytes)? < needed {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

fn take<'b>(rest: &mut &'b [u8], count: usize) -> Result<&'b [u8], Incomplete> {
    match rest.split_at_checked(count) {
        Some((taken, after)) => {
            *rest = after;
            Ok(taken)
        }
        // The count exceeds what is there, so the difference is not 0.
        None => {
            let missing = count.saturating_sub(rest.len());
            Err(Incomplete { needed: NonZeroUsize::new(missing).unwrap_or(NonZeroUsize::MIN) })
        }
    }
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Incomplete> {
    let mut array = [0; N];
    array.copy_from_slice(take(rest, N)?);
    Ok(array)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::{FIN, RSV1};
    use crate::role::Role;

    #[test]
    fn every_frame_is_read_back() {
        let short = (0..=u8::MAX).map(|first| (first, 1));
        let long = [0, 125, 126, 65_535, 65_536].map(|len| (0x82, len));
        for (first, len) in short.chain(long) {
            for mask in [Mask::Absent, Mask::Key([1, 2, 3, 4])] {
                let frame = RawFrame::new(first, vec![first; len]).masked(mask);
                let bytes = [frame.encode(Role::Server), b"next".to_vec()].concat();
                assert_eq!(RawFrame::parse(&bytes), Ok((frame, bytes.len() - 4)));
            }
        }
    }

    #[test]
    fn a_length_that_is_longer_than_it_needs_to_be_is_kept() {
        for len in [DeclaredLen::In16Bits(5), DeclaredLen::In64Bits(5)] {
            let frame = RawFrame::new(FIN | RSV1 | 3, "Hello").masked(Mask::Absent).declaring(len);
            let bytes = frame.encode(Role::Server);
            assert_eq!(RawFrame::parse(&bytes), Ok((frame, bytes.len())));
        }
    }

    #[test]
    fn what_is_needed_is_never_more_than_the_frame() {
        let bytes = RawFrame::text("x".repeat(300)).encode(Role::Client);
        let mut there = 0;
        let mut reads = Vec::new();
        while let Err(Incomplete { needed }) = RawFrame::parse(&bytes[..there]) {
            reads.push(needed.get());
            there += needed.get();
        }
        assert_eq!(reads, [2, 2, 4, 300]);
    }

    #[test]
    fn a_length_beyond_memory_is_waited_for() {
        let bytes = RawFrame::text("hi").declaring(DeclaredLen::In64Bits(u64::MAX)).encode(Role::Client);
        assert!(RawFrame::parse(&bytes).unwrap_err().needed.get() > 1 << 30);
        let error = RawFrame::read_from(&mut bytes.as_slice()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }
}
