//! Frames byte by byte, right ones and wrong ones.

use std::io::{self, Read};

/// First bytes of frames: FIN, RSV1 and the opcode (RFC 6455 §5.2).
pub(crate) const FIN: u8 = 0x80;
pub(crate) const RSV1: u8 = 0x40;
pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xa;

/// The key that a frame is masked with (§5.3), if it is.
pub(crate) type MaskingKey = Option<[u8; 4]>;

/// A frame that was received, unmasked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

/// The header of a frame that declares `len` bytes.
pub(crate) fn header(first: u8, key: MaskingKey, len: usize) -> Vec<u8> {
    let mask = if key.is_some() { 0x80 } else { 0 };
    let mut header = vec![first];
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..=125), _) => header.push(mask | len),
        (_, Ok(len)) => {
            header.push(mask | 126);
            header.extend(len.to_be_bytes());
        }
        _ => {
            header.push(mask | 127);
            header.extend((len as u64).to_be_bytes());
        }
    }
    header.extend(key.into_iter().flatten());
    header
}

/// Reads the next frame.
pub(crate) fn read_frame(from: &mut impl Read) -> io::Result<Frame> {
    let mut start = [0; 2];
    from.read_exact(&mut start)?;
    let len = match start[1] & 0x7f {
        126 => u64::from(u16::from_be_bytes(read_array(from)?)),
        127 => u64::from_be_bytes(read_array(from)?),
        len => u64::from(len),
    };
    let key: MaskingKey = if start[1] & 0x80 != 0 { Some(read_array(from)?) } else { None };
    let mut payload = Vec::new();
    from.take(len).read_to_end(&mut payload)?;
    if payload.len() as u64 != len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if let Some(key) = key {
        payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    }
    Ok(Frame { first: start[0], payload })
}

fn read_array<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut array = [0; N];
    from.read_exact(&mut array)?;
    Ok(array)
}

impl Frame {
    /// The code of a Close frame.
    pub(crate) fn close_code(&self) -> Option<u16> {
        let (code, _reason) = self.payload.split_first_chunk()?;
        (self.first == FIN | CLOSE).then(|| u16::from_be_bytes(*code))
    }
}

/// The payload of a message in permessage-deflate (RFC 7692 §7.2) that is `len` bytes and inflates to 1,032 times as
/// many, near the most that DEFLATE can do (RFC 1951 §3.2.5): one bit repeats the last byte 258 times, and one more
/// says that it is the last.
pub(crate) fn deflate_bomb(len: usize) -> Vec<u8> {
    // A block with dynamic codes: `0` repeats 258 times, `10` is a zero byte, `11` ends the block; the only distance, 1,
    // is `0`. A zero byte follows, and every zero bit from here on is half of a repetition.
    const CODES: [u8; 14] = [0xec, 0xc0, 0x81, 0, 0, 0, 0, 0x80, 0xa0, 0xfd, 0xa9, 0x17, 0xa9, 0];
    // Half a repetition, the end of the block, and the header of the empty one whose length is not sent (§7.2.1).
    const END: [u8; 1] = [0b0000_0110];
    let repetitions = vec![0; len.checked_sub(CODES.len() + END.len()).unwrap()];
    [&CODES[..], &repetitions, &END].concat()
}
