//! Ids of clients and sessions, in the few bytes that they have.

use std::fmt;
use std::str;

use bytestring::ByteString;

/// The length of an id as text.
const TEXT_LEN: usize = 36;

/// Where the two digits of each byte are; dashes are in between.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// A UUID (RFC 9562 §4). Nodes keep many; text is made of it when it is sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Uuid([u8; 16]);

impl Uuid {
    /// A UUID of version 4 (RFC 9562 §5.4) with these bits, except those of the version and the variant.
    pub(crate) fn from_random(mut bytes: [u8; 16]) -> Uuid {
        let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
        *version = *version & 0x0f | 0x40;
        *variant = *variant & 0x3f | 0x80;
        Uuid(bytes)
    }

    /// Reads an id as [`text`](Self::text) writes it: in lower case, with dashes.
    pub(crate) fn parse(text: &str) -> Option<Uuid> {
        let text: &[u8; TEXT_LEN] = text.as_bytes().try_into().ok()?;
        let mut bytes = [0; 16];
        for (byte, place) in bytes.iter_mut().zip(PLACES) {
            *byte = value(*text.get(place)?)? << 4 | value(*text.get(place + 1)?)?;
        }
        // Whatever stands for the dashes was not looked at.
        Some(Uuid(bytes)).filter(|id| id.write() == *text)
    }

    fn write(self) -> [u8; TEXT_LEN] {
        let mut text = [b'-'; TEXT_LEN];
        for (byte, place) in self.0.into_iter().zip(PLACES) {
            if let Some([high, low]) = text.get_mut(place..place + 2) {
                (*high, *low) = (digit(byte >> 4), digit(byte & 0x0f));
            }
        }
        text
    }

    /// The id as text.
    pub(crate) fn text(self) -> ByteString {
        ByteString::from(self.to_string())
    }
}

fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}

/// The value of a hexadecimal digit.
fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It is ASCII.
        f.write_str(str::from_utf8(&self.write()).unwrap_or_default())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_it_was_written_and_in_no_other_form() {
        let id = Uuid::from_random(*b"\x00\x12\xab\xff\x10\x20\xff\x40\xff\x60\x70\x80\x90\xa0\xb0\xc0");
        let text = id.text();
        assert_eq!(text, "0012abff-1020-4f40-bf60-708090a0b0c0");
        assert_eq!(Uuid::parse(&text), Some(id));
        let others = [
            &text.to_uppercase(),
            &text.replace('-', ""),
            &text.replace('-', "0"),
            text.strip_prefix('0').unwrap(),
            "",
        ];
        for other in others {
            assert_eq!(Uuid::parse(other), None, "{other}");
        }
    }
}
