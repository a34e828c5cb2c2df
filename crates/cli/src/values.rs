//! Values as people write them: times and sizes with their unit.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// The longest time: 30 years, as for the flags.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 86_400);

/// The units of times, in seconds.
const TIMES: [(&str, f64); 6] =
    [("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("min", 60.0), ("h", 3_600.0), ("d", 86_400.0)];

const SIZES: [(&str, u64); 4] = [("", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// A time with its unit, such as `90s`, `1.5s`, `30m` or `1h`.
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
        let time = time_with_unit(text).filter(|time| *time <= LONGEST);
        time.map(Period).ok_or_else(|| {
            format!("{text:?} is not a time; write a number with its unit: 500ms, 90s, 30m, 1h or 7d")
        })
    }
}

/// Reads the time of a flag: a number with its unit, or a number of seconds.
pub(crate) fn parse_time(text: &str) -> Result<Duration, String> {
    let seconds = || Duration::try_from_secs_f64(text.parse().ok()?).ok();
    time_with_unit(text).or_else(seconds).filter(|time| *time <= LONGEST).ok_or_else(|| {
        format!("{text:?} is not a time up to 30 years; write such as 500ms, 1.5s, 30m or 1h, or a number of seconds")
    })
}

/// Reads the time of a flag, as [`parse_time`] does. It cannot be zero.
pub(crate) fn parse_time_above_0(text: &str) -> Result<Duration, String> {
    let time = parse_time(text)?;
    if time.is_zero() { Err("the time must be above 0".to_owned()) } else { Ok(time) }
}

/// A number, perhaps with a fraction, and the unit of a time.
fn time_with_unit(text: &str) -> Option<Duration> {
    let is_number = |character: char| character.is_ascii_digit() || character == '.';
    let (number, unit) = text.split_at_checked(text.find(|character| !is_number(character))?)?;
    let (_, factor) = TIMES.into_iter().find(|(name, _)| *name == unit.trim_start())?;
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * factor).ok()
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
        for (text, millis) in [
            ("500ms", 500),
            ("90s", 90_000),
            ("1.1s", 1_100),
            ("30m", 1_800_000),
            ("5min", 300_000),
            ("1.5h", 5_400_000),
            ("7 d", 604_800_000),
        ] {
            assert_eq!(text.parse(), Ok(Period(Duration::from_millis(millis))), "{text}");
            assert_eq!(parse_time(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in
            ["", "90", "s", ".", "1.1.1s", "-1s", "1y", "1hh", "99999999999999999999s", "999999d", "ä"]
        {
            let error = text.parse::<Period>().unwrap_err();
            assert!(error.contains("90s"), "{error}");
        }
    }

    #[test]
    fn the_time_of_a_flag_may_be_a_number_of_seconds() {
        assert_eq!(parse_time("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!((parse_time("0"), parse_time("0s")), (Ok(Duration::ZERO), Ok(Duration::ZERO)));
        for text in ["-1", "NaN", "inf", "1e30", "", "s", "946080001", "many"] {
            assert!(parse_time(text).unwrap_err().contains("1.5s"), "{text}");
        }
        for text in ["0", "0ms", "-1", "946080001s"] {
            assert!(parse_time_above_0(text).is_err(), "{text}");
        }
        assert_eq!(parse_time_above_0("3s"), Ok(Duration::from_secs(3)));
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
