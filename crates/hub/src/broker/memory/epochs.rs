//! The names of streams.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::channel::ChannelName;

/// The length of an epoch in characters. 62^8 is 47 bits: that two streams of one channel have the same one by chance
/// does not happen.
const LEN: usize = 8;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Names the streams of a shard's channels.
///
/// An epoch follows from the broker's seed, the channel and the generation. A stream to which nothing was published can
/// be forgotten at once: when it begins again, it has the same epoch, and a position in it is still true. After a stream
/// with publications was forgotten, a new generation makes sure that no later stream has its epoch.
#[derive(Debug)]
pub(super) struct Epochs {
    seed: u64,
    generation: u64,
}

impl Epochs {
    pub(super) fn new(seed: u64) -> Epochs {
        Epochs { seed, generation: 0 }
    }

    /// Makes all epochs that are named from now on new ones.
    pub(super) fn advance(&mut self) {
        self.generation += 1;
    }

    /// The epoch of a stream that begins now.
    pub(super) fn name(&self, channel: &ChannelName) -> Arc<str> {
        let mut hasher = DefaultHasher::new();
        (self.seed, self.generation, channel).hash(&mut hasher);
        let mut rest = hasher.finish();
        let mut name = String::with_capacity(LEN);
        for _ in 0..LEN {
            let digit = usize::try_from(rest % 62).unwrap_or(0);
            name.push(char::from(ALPHABET.get(digit).copied().unwrap_or(b'0')));
            rest /= 62;
        }
        name.into()
    }
}
