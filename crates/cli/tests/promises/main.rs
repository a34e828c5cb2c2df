//! The hub's promises under load, against `longwire serve` in its own process. Publishers and many clients that recover
//! are busy while their connections are cut at random moments, or while the server is killed or shut down.
//!
//! `LONGWIRE_PROMISES_SECONDS` sets how long each test keeps the server busy. `LONGWIRE_PROMISES_SEED` repeats a run's
//! choices, though not the order in which the machine runs them.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod backend;
mod client;
mod cuts;
mod load;
mod network;
mod program;
mod record;
mod restarts;
#[path = "../../../longwire/tests/skipped/mod.rs"]
mod skipped;

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::SmallRng;

/// The default duration.
const SECONDS: u64 = 8;

/// What the runs of a test have in common.
struct Run {
    busy: Duration,
    seed: u64,
}

impl Run {
    /// Prints the seed, which the harness shows if the test fails.
    fn start(test: &str) -> Run {
        let setting = |name| std::env::var(name).ok().map(|value| value.parse().unwrap());
        let seed = setting("LONGWIRE_PROMISES_SEED").unwrap_or_else(rand::random);
        println!("{test}: LONGWIRE_PROMISES_SEED={seed}");
        Run { busy: Duration::from_secs(setting("LONGWIRE_PROMISES_SECONDS").unwrap_or(SECONDS)), seed }
    }

    /// The choices of one of those who take part.
    fn choices(&self, number: u64) -> SmallRng {
        SmallRng::seed_from_u64(self.seed.wrapping_mul(1_000).wrapping_add(number))
    }
}
