//! Many concurrent clients of random kinds.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::server::Server;
use crate::{honest, hostile};

/// The number of concurrent clients of each kind.
const HONEST: u64 = 16;
const HOSTILE: u64 = 32;

/// Longer than an honest client takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The clients of one period.
pub(crate) struct Crowd<'a> {
    server: &'a Server,
    seed: u64,
}

/// The number of clients and messages.
#[derive(Debug, Default)]
pub(crate) struct Count {
    /// Messages that honest clients sent and received back.
    messages: AtomicU64,
    hostile: AtomicU64,
}

impl<'a> Crowd<'a> {
    pub(crate) fn new(server: &'a Server, seed: u64) -> Crowd<'a> {
        Crowd { server, seed }
    }

    /// Runs one client after another in each place, until the time is up.
    pub(crate) async fn keep_busy(&self, time: Duration) -> Arc<Count> {
        let (count, until) = (Arc::new(Count::default()), Instant::now() + time);
        let honest = (0..HONEST).map(|number| self.honest(number, until, &count));
        let hostile = (0..HOSTILE).map(|number| self.hostile(HONEST + number, until, &count));
        tokio::join!(futures_util::future::join_all(honest), futures_util::future::join_all(hostile));
        count
    }

    async fn honest(&self, number: u64, until: Instant, count: &Count) {
        let mut random = self.choices(number);
        while Instant::now() < until {
            let kind = honest::Kind::any(&mut random);
            let seed = self.seed;
            let client = honest::come(kind, self.server, &mut random);
            let Ok(messages) = tokio::time::timeout(PATIENCE, client).await else {
                panic!("seed {seed}: an honest client waits for longer than {PATIENCE:?}: {kind:?}");
            };
            count.messages.fetch_add(messages, Ordering::Relaxed);
        }
    }

    async fn hostile(&self, number: u64, until: Instant, count: &Count) {
        let mut random = self.choices(number);
        while Instant::now() < until {
            let kind = hostile::Kind::any(&mut random);
            // The outcome does not matter: the server may end the connection at any moment.
            let _whatever = hostile::come(kind, self.server, &mut random, until).await;
            count.hostile.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn choices(&self, number: u64) -> SmallRng {
        SmallRng::seed_from_u64(self.seed.wrapping_mul(1_000).wrapping_add(number))
    }
}

/// Pauses for up to `most` milliseconds. This varies the speed of a client; nothing waits for it.
pub(crate) async fn dawdle(random: &mut SmallRng, most: u64) {
    tokio::time::sleep(Duration::from_millis(random.random_range(0..=most))).await;
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (messages, hostile) =
            (self.messages.load(Ordering::Relaxed), self.hostile.load(Ordering::Relaxed));
        write!(f, "{messages} honest messages beside {hostile} hostile clients")
    }
}
