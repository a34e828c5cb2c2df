//! The broker that the configuration names.

use std::path::Path;
use std::sync::Arc;

use longwire_hub::{Broker, Fanout, MemoryBroker, MemoryLimits};

#[cfg(not(any(feature = "nats", feature = "redis")))]
pub(super) use super::no_engine::{EngineStart, SharedEngine};
#[cfg(any(feature = "nats", feature = "redis"))]
pub(super) use super::shared_engine::{EngineStart, SharedEngine};
use crate::config::BrokerSection;
use crate::failure::Failure;

/// Where channels are kept.
pub(crate) enum BrokerChoice {
    Memory,
    /// An engine that other nodes may use, too.
    Shared(SharedEngine),
}

impl BrokerChoice {
    /// The broker of `[broker]`. Files are named from `folder`.
    pub(crate) fn of(section: &BrokerSection, folder: &Path) -> Result<BrokerChoice, Failure> {
        let engine = SharedEngine::of(section, folder)?;
        Ok(engine.map_or(BrokerChoice::Memory, BrokerChoice::Shared))
    }

    /// Makes the broker, and begins to connect. Must be called within a runtime.
    pub(super) fn begin(self, fanout: Arc<dyn Fanout>) -> (Arc<dyn Broker>, Option<EngineStart>) {
        match self {
            BrokerChoice::Memory => (Arc::new(MemoryBroker::new(fanout, MemoryLimits::default())), None),
            BrokerChoice::Shared(engine) => engine.begin(fanout),
        }
    }
}
