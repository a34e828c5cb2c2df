//! Malicious frames.

/// The first byte of frames: FIN, RSV1 and the opcode (RFC 6455 §5.2).
pub(crate) use longwire_wire::bits::{BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, RSV1, TEXT};

/// A permessage-deflate payload (RFC 7692 §7.2) of `len` bytes that inflates to 1,032 times its length, close to the
/// maximum of DEFLATE (RFC 1951 §3.2.5): one bit repeats the last byte 258 times, and one more bit selects the
/// distance.
pub(crate) fn deflate_bomb(len: usize) -> Vec<u8> {
    // A block with dynamic codes: `0` repeats 258 times, `10` is a zero byte, `11` ends the block; the only distance,
    // 1, is `0`. A zero byte follows, and every zero bit from here on is half of a repetition.
    const CODES: [u8; 14] = [0xec, 0xc0, 0x81, 0, 0, 0, 0, 0x80, 0xa0, 0xfd, 0xa9, 0x17, 0xa9, 0];
    // Half a repetition, the end of the block, and the header of an empty block whose length is not sent (§7.2.1).
    const END: [u8; 1] = [0b0000_0110];
    let repetitions = vec![0; len.checked_sub(CODES.len() + END.len()).unwrap()];
    [&CODES[..], &repetitions, &END].concat()
}
