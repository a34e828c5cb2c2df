//! The source of masking keys (RFC 6455 §5.3, §10.3).

use std::fmt;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Masking keys for the frames of a client.
///
/// RFC 6455 §10.3 requires unpredictable keys. They come from a cryptographically secure generator, which the operating
/// system seeds. There is one per thread, and its output is buffered: a key costs a few nanoseconds.
#[derive(Default)]
pub struct MaskingKeys(Source);

#[derive(Default)]
enum Source {
    #[default]
    Thread,
    Seeded(Box<StdRng>),
}

impl MaskingKeys {
    /// Unpredictable keys, for clients.
    #[must_use]
    pub fn random() -> MaskingKeys {
        MaskingKeys(Source::Thread)
    }

    /// The same keys for the same seed, for simulations and tests.
    #[must_use]
    pub fn seeded(seed: u64) -> MaskingKeys {
        MaskingKeys(Source::Seeded(Box::new(StdRng::seed_from_u64(seed))))
    }

    pub(crate) fn next_key(&mut self) -> [u8; 4] {
        match &mut self.0 {
            Source::Thread => rand::rng().next_u32(),
            Source::Seeded(generator) => generator.next_u32(),
        }
        .to_ne_bytes()
    }
}

/// Shows where the keys come from, not the next ones.
impl fmt::Debug for MaskingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::Thread => "MaskingKeys(random)",
            Source::Seeded(_) => "MaskingKeys(seeded)",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn random_keys_do_not_repeat() {
        let mut keys = MaskingKeys::random();
        let seen: HashSet<[u8; 4]> = (0..100).map(|_| keys.next_key()).collect();
        // Among 100 of 2³² keys, one collision occurs about once in a million runs, two practically never.
        assert!(seen.len() >= 99);
    }

    #[test]
    fn a_seed_gives_its_keys_again() {
        let run = |seed| {
            let mut keys = MaskingKeys::seeded(seed);
            [keys.next_key(), keys.next_key()]
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn debug_output_tells_no_key() {
        assert_eq!(
            format!("{:?} {:?}", MaskingKeys::random(), MaskingKeys::seeded(1)),
            "MaskingKeys(random) MaskingKeys(seeded)"
        );
    }
}
