//! Configurations of connections that may receive only shorter messages than the server's other ones.

use std::sync::{Arc, Mutex, PoisonError};

use longwire_proto::Config;

/// How many are kept to be shared. An application needs one for each kind of its connections.
const KEPT: usize = 16;

/// Configurations with a lower limit on messages. Connections with the same limit share one.
#[derive(Debug, Default)]
pub(crate) struct LoweredLimits(Mutex<Vec<Lowered>>);

#[derive(Debug)]
struct Lowered {
    from: Arc<Config>,
    max_message: usize,
    config: Arc<Config>,
}

impl LoweredLimits {
    /// The configuration `from` with messages of at most `max_message` bytes, whole or in parts.
    pub(super) fn lower(&self, from: &Arc<Config>, max_message: usize) -> Arc<Config> {
        if max_message >= from.limits.message.max(from.limits.streamed) {
            return Arc::clone(from);
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |kept: &&Lowered| kept.max_message == max_message && Arc::ptr_eq(&kept.from, from);
        if let Some(found) = kept.iter().find(is_it) {
            return Arc::clone(&found.config);
        }
        let mut config = Config::clone(from);
        config.limits.message = config.limits.message.min(max_message);
        config.limits.streamed = config.limits.streamed.min(max_message);
        let config = Arc::new(config);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push(Lowered { from: Arc::clone(from), max_message, config: Arc::clone(&config) });
        config
    }
}

#[cfg(test)]
mod tests {
    use longwire_proto::Limits;

    use super::*;

    #[test]
    fn connections_with_the_same_limit_share_a_configuration() {
        let server = Arc::new(Config::new(Limits::default().message(1_000)));
        let lowered = LoweredLimits::default();
        let [first, second] = [0, 1].map(|_| lowered.lower(&server, 10));
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!((first.limits.message, lowered.lower(&server, 11).limits.message), (10, 11));
        assert!(Arc::ptr_eq(&lowered.lower(&server, 1_000), &server));
    }

    #[test]
    fn the_limit_of_messages_in_parts_is_lowered_too() {
        let server = Arc::new(Config::new(Limits::default().message(1_000).streamed(5_000)));
        let lowered = LoweredLimits::default();
        for (max_message, message, streamed) in
            [(100, 100, 100), (2_000, 1_000, 2_000), (9_000, 1_000, 5_000)]
        {
            let limits = lowered.lower(&server, max_message).limits.clone();
            assert_eq!((limits.message, limits.streamed), (message, streamed));
        }
    }

    #[test]
    fn applications_that_choose_many_limits_make_nothing_grow() {
        let server = Arc::new(Config::default());
        let lowered = LoweredLimits::default();
        for max_message in 0..1_000 {
            assert_eq!(lowered.lower(&server, max_message).limits.message, max_message);
        }
        assert_eq!(lowered.0.lock().unwrap().len(), KEPT);
    }
}
