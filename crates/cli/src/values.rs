//! Values as people write them: times and sizes with their unit.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// The longest time: 30 years, as for the flags.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 86_400);

const TIMES: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

const SIZES: [(&str, u64); 4] = [("", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// A time with its unit, such as `90s`, `30m` or `1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(crate) struct Period(pub(crate) Duration);

/// A number of bytes, such as `65536` or `"64KiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) usize);

/// A value that is written as a string.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parsed<T>(pub(crate) T);

impl Period {
    pub(crate) const fn seconds(seconds: u64) -> Period {
        Period(Duration::from_secs(seconds))
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Period, String> {
        let millis = with_unit(text, &TIMES).map(Duration::from_millis).filter(|time| *time <= LONGEST);
        millis.map(Period).ok_or_else(|| {
            format!("{text:?} is not a time; write a number with its unit: 500ms, 90s, 30m, 1h or 7d")
        })
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let bytes = with_unit(text, &SIZES).and_then(|bytes| usize::try_from(bytes).ok());
        bytes
            .map(Size)
            .ok_or_else(|| format!("{text:?} is not a size; write a number of bytes, 64KiB, 16MiB or 1GiB"))
    }
}

/// A whole number, multiplied by its unit.
fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
        deserializer.deserialize_any(Text::<Period> {
            expected: "a time such as \"30s\"",
            number: |_| None,
            of: PhantomData,
        })
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        let number = |number| usize::try_from(number).ok().map(Size);
        deserializer.deserialize_any(Text {
            expected: "a number of bytes, or a size such as \"64KiB\"",
            number,
            of: PhantomData,
        })
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Parsed<T>, D::Error> {
        deserializer
            .deserialize_any(Text { expected: "a string", number: |_| None, of: PhantomData })
            .map(Parsed)
    }
}

/// Reads a string, or perhaps a number.
struct Text<T> {
    expected: &'static str,
    number: fn(i64) -> Option<T>,
    of: PhantomData<T>,
}

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        (self.number)(number).ok_or_else(|| E::invalid_type(serde::de::Unexpected::Signed(number), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        for (text, millis) in
            [("500ms", 500), ("90s", 90_000), ("30m", 1_800_000), ("1h", 3_600_000), ("7 d", 604_800_000)]
        {
            assert_eq!(text.parse(), Ok(Period(Duration::from_millis(millis))), "{text}");
        }
        for text in ["", "90", "s", "1.5h", "-1s", "1y", "1hh", "99999999999999999999s", "999999d", "ä"] {
            let error = text.parse::<Period>().unwrap_err();
            assert!(error.contains("90s"), "{error}");
        }
    }

    #[test]
    fn sizes_may_have_a_unit() {
        for (text, bytes) in
            [("0", 0), ("65536", 65_536), ("64KiB", 65_536), ("16 MiB", 16 << 20), ("1GiB", 1 << 30)]
        {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "64kb", "1TiB", "-1", "KiB", "99999999999999GiB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
