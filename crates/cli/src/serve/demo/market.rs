//! A market that nobody trades in: prices that go up and down at random.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

/// What is traded. The page has the same list.
const NAMES: [&str; 24] = [
    "alder", "ash", "aspen", "bay", "beech", "birch", "box", "cedar", "cherry", "cypress", "elder", "elm",
    "fig", "fir", "hazel", "holly", "juniper", "larch", "lime", "maple", "oak", "pine", "rowan", "yew",
];

pub(super) struct Market {
    instruments: Vec<Instrument>,
    random: SmallRng,
}

struct Instrument {
    channel: String,
    price: f64,
    updates: u64,
}

/// One update. Updates of an instrument are numbered without gaps, so a reader sees how many it has missed.
#[derive(Debug, Serialize)]
pub(super) struct Quote {
    n: u64,
    p: f64,
    /// When, in milliseconds since 1970.
    t: u64,
}

impl Market {
    pub(super) fn new(seed: u64) -> Market {
        let mut random = SmallRng::seed_from_u64(seed);
        let instruments = NAMES.into_iter().map(|name| Instrument {
            channel: format!("demo-ticker:{name}"),
            price: random.random_range(20.0..400.0),
            updates: 0,
        });
        Market { instruments: instruments.collect(), random }
    }

    /// The channel of each instrument, with its next update. An instrument whose update is not asked for stands still.
    pub(super) fn updates(&mut self, now: u64) -> impl Iterator<Item = (&str, impl FnOnce() -> Quote)> {
        let random = &mut self.random;
        self.instruments.iter_mut().map(move |instrument| {
            let change = random.random_range(-0.002..0.002);
            let Instrument { channel, price, updates } = instrument;
            let quote = move || {
                *price = (*price * (1.0 + change)).clamp(1.0, 10_000.0);
                *updates += 1;
                Quote { n: *updates, p: (*price * 100.0).round() / 100.0, t: now }
            };
            (&**channel, quote)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_are_numbered_without_gaps_for_those_who_ask() {
        let mut market = Market::new(7);
        for expected in 1..=3 {
            let (channel, quote) = market.updates(5).next().unwrap();
            let quote = quote();
            assert_eq!((channel, quote.n, quote.t), ("demo-ticker:alder", expected, 5));
            assert!(quote.p >= 1.0);
        }
        let last = market.updates(6).last().unwrap().1();
        assert_eq!(last.n, 1, "nobody asked for it before");
    }
}
