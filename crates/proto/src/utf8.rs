//! UTF-8 validation, of whole and of partial text (RFC 6455 §8.1, RFC 3629).

/// The bytes are not UTF-8, whatever follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidUtf8;

/// The text of a complete message.
#[inline]
pub(crate) fn whole(bytes: &[u8]) -> Result<&str, InvalidUtf8> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| InvalidUtf8)
}

/// Text that arrives in pieces, split anywhere, even inside a character.
///
/// Validation fails at the first byte that cannot be part of UTF-8, which may be long before the end of the message
/// (RFC 6455 §8.1). Every byte is checked once.
#[derive(Debug, Default)]
pub(crate) struct Utf8Text {
    text: String,
    /// The first bytes of an incomplete character.
    begun: [u8; 4],
    begun_len: usize,
}

impl Utf8Text {
    /// Takes the next piece.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), InvalidUtf8> {
        let rest = self.complete_begun(piece)?;
        let (body, tail) = rest.split_at(rest.len() - unfinished_len(rest));
        self.text.push_str(whole(body)?);
        self.begin(tail)
    }

    /// The text that has arrived since the last call, without an incomplete character at the end.
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// How many bytes of text it holds.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// How many bytes it has allocated.
    pub(crate) fn capacity(&self) -> usize {
        self.text.capacity()
    }

    /// The text, unless it ends inside a character.
    pub(crate) fn finish(self) -> Result<String, InvalidUtf8> {
        if self.begun_len == 0 { Ok(self.text) } else { Err(InvalidUtf8) }
    }

    /// Completes the character that an earlier piece began, and returns the rest of the piece.
    fn complete_begun<'p>(&mut self, mut piece: &'p [u8]) -> Result<&'p [u8], InvalidUtf8> {
        while self.begun_len > 0 {
            let Some((&byte, rest)) = piece.split_first() else { break };
            piece = rest;
            // A character has at most four bytes. The check after each byte rejects a fifth.
            let Some(slot) = self.begun.get_mut(self.begun_len) else { return Err(InvalidUtf8) };
            *slot = byte;
            self.begun_len += 1;
            if let Some(character) = checked_start(self.begun.get(..self.begun_len).unwrap_or_default())? {
                self.text.push_str(character);
                self.begun_len = 0;
            }
        }
        Ok(piece)
    }

    /// Keeps the first bytes of a character, if they are valid.
    fn begin(&mut self, tail: &[u8]) -> Result<(), InvalidUtf8> {
        if tail.is_empty() {
            return Ok(());
        }
        checked_start(tail)?;
        for (slot, byte) in self.begun.iter_mut().zip(tail) {
            *slot = *byte;
        }
        self.begun_len = tail.len();
        Ok(())
    }
}

/// One character: complete (`Some`), incomplete (`None`), or invalid.
fn checked_start(bytes: &[u8]) -> Result<Option<&str>, InvalidUtf8> {
    match std::str::from_utf8(bytes) {
        Ok(character) => Ok(Some(character)),
        Err(error) if error.error_len().is_none() => Ok(None),
        Err(_) => Err(InvalidUtf8),
    }
}

/// How many bytes at the end belong to an incomplete character. Looks at the leading byte only, so these bytes must
/// still be validated.
fn unfinished_len(bytes: &[u8]) -> usize {
    for (behind, byte) in bytes.iter().rev().take(3).enumerate() {
        let needed = match byte {
            0x80..=0xbf => continue,
            0xf0..=0xff => 4,
            0xe0..=0xef => 3,
            0xc0..=0xdf => 2,
            0x00..=0x7f => 1,
        };
        let present = behind + 1;
        return if present < needed { present } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_pieces(pieces: &[&[u8]]) -> Result<String, InvalidUtf8> {
        let mut text = Utf8Text::default();
        for piece in pieces {
            text.push(piece)?;
        }
        text.finish()
    }

    #[test]
    fn every_cut_of_a_text_with_characters_of_all_lengths_gives_the_text() {
        let source = "aé€𐍈κόσμε\u{10ffff}z\u{7ff}\u{800}\u{ffff}\u{10000}";
        let bytes = source.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(in_pieces(&pieces).as_deref(), Ok(source), "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn byte_by_byte_agrees_with_the_standard_library_on_all_sequences_of_four_bytes() {
        // One byte of each class in RFC 3629.
        let classes = [
            0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
            0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
        ];
        for a in classes {
            for b in classes {
                for c in classes {
                    for d in classes {
                        let bytes = [a, b, c, d];
                        let expected = std::str::from_utf8(&bytes);
                        let mut text = Utf8Text::default();
                        let failed_at = (0..4).find(|&i| text.push(&bytes[i..=i]).is_err());
                        match expected {
                            Ok(expected) => assert_eq!(text.finish().as_deref(), Ok(expected)),
                            // The library reports where the invalid sequence ends; without an `error_len`, the sequence
                            // is only incomplete.
                            Err(error) => match error.error_len() {
                                None => assert!(failed_at.is_none() && text.finish().is_err()),
                                Some(_) => {
                                    let first_bad = (1..=4)
                                        .find(|&n| {
                                            std::str::from_utf8(&bytes[..n])
                                                .is_err_and(|error| error.error_len().is_some())
                                        })
                                        .map(|n| n - 1);
                                    assert_eq!(failed_at, first_bad, "{bytes:x?}");
                                }
                            },
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_character_that_can_only_become_too_large_fails_at_its_second_byte() {
        let mut text = Utf8Text::default();
        assert_eq!(text.push(b"ok \xf4"), Ok(()));
        assert_eq!(text.push(b"\x90"), Err(InvalidUtf8));
        assert_eq!(Utf8Text::default().push(b"ok \xf4\x90"), Err(InvalidUtf8));
    }

    #[test]
    fn a_text_that_ends_inside_of_a_character_fails_at_its_end() {
        let mut text = Utf8Text::default();
        assert_eq!(text.push("€".as_bytes().split_at(2).0), Ok(()));
        assert_eq!(text.finish(), Err(InvalidUtf8));
    }

    #[test]
    fn what_is_taken_on_the_way_is_whole_characters_and_nothing_is_lost() {
        let source = "aé€𐍈z";
        let mut text = Utf8Text::default();
        let mut taken = String::new();
        for byte in source.as_bytes() {
            text.push(&[*byte]).unwrap();
            assert!(text.len() <= 4);
            taken += &text.take();
        }
        assert_eq!((taken.as_str(), text.finish().as_deref()), (source, Ok("")));
    }

    #[test]
    fn empty_pieces_change_nothing() {
        assert_eq!(in_pieces(&[b"", b"\xe2", b"", b"\x82\xac", b""]).as_deref(), Ok("€"));
        assert_eq!(in_pieces(&[]).as_deref(), Ok(""));
        assert_eq!(whole(b"\xff"), Err(InvalidUtf8));
    }
}
