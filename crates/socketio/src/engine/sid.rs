//! The identifiers of sessions.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// How many random bytes an identifier has.
const BYTES: usize = 15;

/// How many characters that are in base64.
const CHARACTERS: usize = 20;

/// The identifier of a session: 120 random bits, as 20 characters of base64. Who knows it can take part in the session, so do
/// not show it to other clients.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sid([u8; CHARACTERS]);

impl Sid {
    /// A new identifier that nobody can guess.
    #[must_use]
    pub fn random() -> Sid {
        let bytes: [u8; BYTES] = rand::random();
        let mut text = [b'A'; CHARACTERS];
        let written = BASE64_URL_SAFE_NO_PAD.encode_slice(bytes, &mut text);
        debug_assert_eq!(written, Ok(CHARACTERS), "15 bytes are 20 characters");
        Sid(text)
    }

    /// The identifier that a client names, if it can be one.
    pub(crate) fn parse(text: &str) -> Option<Sid> {
        let is_possible = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let bytes = <[u8; CHARACTERS]>::try_from(text.as_bytes()).ok()?;
        bytes.iter().all(is_possible).then_some(Sid(bytes))
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Both constructors take ASCII only.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Only the beginning: a log must not let its reader into the session.
impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.as_str().get(..4).unwrap_or_default();
        write!(f, "Sid({start}…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_twenty_characters_and_differ() {
        let (one, other) = (Sid::random(), Sid::random());
        assert_ne!(one, other);
        assert_eq!(one.as_str().len(), 20);
        assert_eq!(Sid::parse(one.as_str()), Some(one));
        assert_eq!(format!("{one:?}"), format!("Sid({}…)", one.as_str().get(..4).unwrap()));
    }

    #[test]
    fn other_texts_are_no_identifiers() {
        for text in [
            "",
            "abc",
            "lv_VI97HAXpY6yYWAAA",
            "lv_VI97HAXpY6yYWAAACC",
            "lv_VI97HAXpY6yYWAAA ",
            "ééééééééé\u{e9}",
        ] {
            assert_eq!(Sid::parse(text), None, "{text}");
        }
    }
}
