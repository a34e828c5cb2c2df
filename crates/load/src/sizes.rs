//! How long messages are.

use std::str::FromStr;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// The longest message, in bytes.
pub const LONGEST_MESSAGE: usize = 16 << 20;

/// A distribution of sizes: fixed ones and ranges, each with a weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes(Vec<Share>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Share {
    lowest: usize,
    highest: usize,
    weight: u32,
}

impl Sizes {
    /// Every message has this size, in bytes.
    #[must_use]
    pub fn fixed(size: usize) -> Sizes {
        Sizes(vec![Share { lowest: size, highest: size, weight: 1 }])
    }

    /// The sizes of the messages of a series, the same in each run.
    #[must_use]
    pub fn draw(&self, at_least: usize) -> Vec<usize> {
        /// Keeps a series of messages of one size in the processor's caches.
        const CACHED: usize = 64 << 10;
        /// Makes a series with different sizes represent their distribution.
        const VARIED: usize = 512;
        const TOTAL: usize = 16 << 20;

        let highest = self.0.iter().map(|part| part.highest).max().unwrap_or(0).max(1);
        let is_fixed = matches!(self.0.as_slice(), [part] if part.lowest == part.highest);
        let count =
            if is_fixed { (CACHED / highest).clamp(2, 8) } else { (TOTAL / highest).clamp(16, VARIED) };
        let mut random = StdRng::seed_from_u64(1);
        (0..count.max(at_least)).map(|_| self.one(&mut random)).collect()
    }

    fn one(&self, random: &mut StdRng) -> usize {
        let total: u32 = self.0.iter().map(|part| part.weight).sum();
        let mut point = random.random_range(0..total.max(1));
        for part in &self.0 {
            if point < part.weight {
                return random.random_range(part.lowest..=part.highest);
            }
            point -= part.weight;
        }
        0
    }
}

impl FromStr for Sizes {
    type Err = String;

    /// Reads sizes such as `125`, `16..1024`, or `64*9,4096..65536*1`: nine of ten messages have 64 bytes.
    fn from_str(text: &str) -> Result<Sizes, String> {
        let parts: Option<Vec<Share>> = text.split(',').map(|part| parse(part.trim())).collect();
        let weights = parts.iter().flatten().try_fold(0_u32, |sum, part| sum.checked_add(part.weight));
        parts.filter(|_| weights.is_some_and(|sum| sum > 0)).map(Sizes).ok_or_else(|| {
            format!(
                "{text:?} is not a distribution of sizes of up to 16 MiB; write such as 125, 16..1024 or 64*9,4096*1"
            )
        })
    }
}

fn parse(text: &str) -> Option<Share> {
    let (sizes, weight) = match text.split_once('*') {
        Some((sizes, weight)) => (sizes, weight.parse().ok()?),
        None => (text, 1),
    };
    let (lowest, highest) = sizes.split_once("..").unwrap_or((sizes, sizes));
    let part = Share { lowest: lowest.parse().ok()?, highest: highest.parse().ok()?, weight };
    (part.lowest <= part.highest && part.highest <= LONGEST_MESSAGE).then_some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(text: &str) -> Vec<usize> {
        text.parse::<Sizes>().unwrap().draw(1)
    }

    #[test]
    fn a_fixed_size_needs_few_messages_and_a_range_many() {
        assert_eq!(draw("16384"), [16_384; 4]);
        assert_eq!(Sizes::fixed(16).draw(32), [16; 32]);
        let sizes = draw("16..1024");
        assert_eq!(sizes.len(), 512);
        assert!(sizes.iter().all(|size| (16..=1024).contains(size)));
        let mean = sizes.iter().sum::<usize>() / sizes.len();
        assert!((480..=560).contains(&mean), "{mean}");
    }

    #[test]
    fn weights_are_kept() {
        let sizes = draw("64*9, 4096");
        let long = sizes.iter().filter(|size| **size == 4096).count();
        assert!((30..=75).contains(&long), "{long} of {}", sizes.len());
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "-1", "1..", "9..3", "16777217", "64*0", "64*", "1,,2", "64*4294967295,1"] {
            assert!(text.parse::<Sizes>().is_err(), "{text}");
        }
    }
}
