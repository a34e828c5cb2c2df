//! What messages contain.

use std::fmt::Write as _;

/// The content of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Content {
    /// Text in several scripts.
    #[default]
    Text,
    /// Bytes that are not UTF-8.
    Binary,
    /// JSON like an application's. From about 100 bytes on, it compresses to about a third.
    Json,
}

impl Content {
    /// The message with this number, of this many bytes.
    #[must_use]
    pub fn message(self, number: usize, size: usize) -> Vec<u8> {
        match self {
            Content::Binary => {
                (0..size).map(|at| low_byte(at * 31 + number * 17 + at / 251 + number / 256)).collect()
            }
            Content::Text => text(number, size),
            Content::Json => json(number, size),
        }
    }
}

fn low_byte(number: usize) -> u8 {
    number.to_le_bytes().first().copied().unwrap_or(0)
}

/// The number, followed by a sentence again and again, padded where the last character would not fit.
fn text(number: usize, size: usize) -> Vec<u8> {
    const SENTENCE: &str = "The quick brown fox – größer, быстрее, 速い. ";

    let beginning = format!("{number} ");
    let mut text = String::with_capacity(size);
    for character in beginning.chars().chain(SENTENCE.chars().cycle()) {
        if text.len() + character.len_utf8() > size {
            break;
        }
        text.push(character);
    }
    let mut text = text.into_bytes();
    text.resize(size, b'.');
    text
}

/// A list of quotes, padded with spaces.
fn json(number: usize, size: usize) -> Vec<u8> {
    let mut json = String::from(r#"{"type":"quotes","items":["#);
    for item in number * 1000.. {
        let price = item * 7919 % 99_991;
        let symbol = match item % 4 {
            0 => "ACME",
            1 => "GLOBEX",
            2 => "INITECH",
            _ => "UMBRELLA",
        };
        let before = json.len();
        let _infallible = write!(
            json,
            r#"{{"id":{item},"symbol":"{symbol}","price":{}.{:02},"volume":{},"open":{}}},"#,
            price / 100,
            price % 100,
            item * 104_729 % 10_007,
            item % 3 == 0,
        );
        if json.len() + 1 > size {
            json.truncate(before);
            break;
        }
    }
    if json.ends_with(',') {
        json.pop();
    }
    json.push_str("]}");
    let mut json = json.into_bytes();
    json.resize(size, b' ');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_their_size_differ_and_text_is_utf8() {
        for (content, sizes) in [
            (Content::Binary, [1, 16, 125, 16 * 1024]),
            (Content::Text, [4, 16, 125, 16 * 1024]),
            (Content::Json, [125, 256, 1024, 16 * 1024]),
        ] {
            for size in sizes {
                let [first, second] = [0, 1].map(|number| content.message(number, size));
                assert_eq!((first.len(), second.len()), (size, size));
                assert_ne!(first, second);
                assert!(content == Content::Binary || std::str::from_utf8(&first).is_ok());
            }
        }
    }

    #[test]
    fn json_that_fits_is_json() {
        for size in [30, 100, 125, 1024] {
            let message = Content::Json.message(3, size);
            assert!(serde_json::from_slice::<serde_json::Value>(&message).is_ok(), "{size}");
        }
    }
}
