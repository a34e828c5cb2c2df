//! Bytes as text.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// An encoding of bytes as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Encoding {
    Hex,
    Base64,
}

impl Encoding {
    pub(super) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Encoding::Base64 => STANDARD.encode(bytes),
            Encoding::Hex => bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
                let _infallible = write!(text, "{byte:02x}");
                text
            }),
        }
    }
}

/// The bytes of hexadecimal digits.
///
/// # Errors
///
/// A sentence, if the text has anything else, or an odd number of digits.
pub(super) fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let wrong = || "data is not an even number of hexadecimal digits".to_owned();
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(wrong()) };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect::<Option<_>>()
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_are_pairs() {
        assert_eq!(from_hex("00fFa0").unwrap(), [0, 255, 160]);
        assert_eq!(Encoding::Hex.encode(&[0, 255, 160]), "00ffa0");
        for text in ["0", "0g", "+1", "é"] {
            assert!(from_hex(text).is_err(), "{text}");
        }
    }
}
