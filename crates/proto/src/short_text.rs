//! Unmasks and validates short text messages in one pass.
//!
//! Validating 16 bytes takes the standard library longer than everything else about reading a frame, and `simdutf8`
//! delegates short inputs to it. Most short texts are ASCII, and unmasking can detect that at almost no cost. The
//! validation can then be skipped, which is what `unsafe` does here. All other texts are validated as usual. Reading a
//! masked message of 16 bytes takes 9 ns instead of 17 ns, of 125 bytes 13 ns instead of 30 ns.

use crate::mask::{repeated, turned};
use crate::utf8::{self, InvalidUtf8};

/// The top bit of each byte: unset in all bytes of ASCII text.
const NOT_ASCII: u64 = 0x8080_8080_8080_8080;

/// Unmasks a complete payload in place with `key`, and returns its text.
#[inline(always)]
pub(crate) fn unmasked(key: [u8; 4], payload: &mut [u8]) -> Result<&str, InvalidUtf8> {
    if unmask(key, payload) & NOT_ASCII != 0 {
        return utf8::whole(payload);
    }
    // SAFETY: `unmask` returns the union of the bits of all bytes that it left in `payload`. No top bit is set, so all
    // bytes are ASCII, and ASCII is UTF-8.
    Ok(unsafe { std::str::from_utf8_unchecked(payload) })
}

/// Unmasks a payload in place, eight bytes at a time. Returns the bits that are set in any of the resulting bytes.
#[inline(always)]
fn unmask(key: [u8; 4], payload: &mut [u8]) -> u64 {
    let word = repeated(key);
    let place = payload.len().wrapping_sub(8);
    let Some(last) = payload.last_chunk::<8>() else { return unmask_bytes(word, payload) };
    // The words may overlap the last eight bytes, so these are read first and written last.
    let last = u64::from_ne_bytes(*last) ^ repeated(turned(key, place));
    let mut bits = last;
    for bytes in payload.as_chunks_mut::<8>().0 {
        let unmasked = u64::from_ne_bytes(*bytes) ^ word;
        *bytes = unmasked.to_ne_bytes();
        bits |= unmasked;
    }
    if let Some(bytes) = payload.last_chunk_mut::<8>() {
        *bytes = last.to_ne_bytes();
    }
    bits
}

/// The same for fewer than eight bytes.
#[inline]
fn unmask_bytes(word: u64, payload: &mut [u8]) -> u64 {
    let mut bits = 0;
    for (byte, key) in payload.iter_mut().zip(word.to_ne_bytes()) {
        *byte ^= key;
        bits |= *byte;
    }
    u64::from(bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Mask;

    const KEY: [u8; 4] = [0x12, 0xb4, 0x56, 0xf8];

    /// The definition: unmask, then validate with the standard library.
    fn oracle(masked: &[u8]) -> Option<String> {
        let mut payload = masked.to_vec();
        Mask::new(KEY).apply(&mut payload);
        std::str::from_utf8(&payload).ok().map(str::to_owned)
    }

    fn check(text: &[u8]) {
        let mut payload = text.to_vec();
        Mask::new(KEY).apply(&mut payload);
        let expected = oracle(&payload);
        assert_eq!(unmasked(KEY, &mut payload).ok(), expected.as_deref(), "{text:x?}");
        assert_eq!(payload, text, "the payload is unmasked even if it is not valid");
    }

    #[test]
    fn ascii_of_every_length() {
        let text: Vec<u8> = (0..=127).cycle().take(300).collect();
        for start in 0..8 {
            for end in start..text.len() {
                check(&text[start..end]);
            }
        }
    }

    #[test]
    fn a_byte_that_is_not_ascii_is_seen_at_every_place_of_every_length() {
        for len in 1..130 {
            for place in 0..len {
                for byte in [0x80, 0xc3, 0xff] {
                    let mut text = vec![b'a'; len];
                    text[place] = byte;
                    check(&text);
                }
                let mut text = "a".repeat(len);
                text.insert(place, 'é');
                check(text.as_bytes());
            }
        }
    }
}
