//! An engine that several nodes share: Redis or NATS.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use longwire_hub::{
    BoxFuture, Broker, FallbackBroker, Fanout, MemoryLimits, RemoteBroker, RemoteOptions, Runtime,
};
use tokio::runtime::Handle;

use super::late_store::{Connect, FirstConnection, LateStore};
use crate::config::{BrokerKind, BrokerSection};
use crate::failure::Failure;

/// An engine that other nodes may use, too.
pub(crate) struct SharedEngine {
    connect: Connect,
    start_timeout: Duration,
    /// After which time without the engine the node goes on alone, if it does.
    alone_after: Option<Duration>,
    options: RemoteOptions,
}

/// The first connection to a shared engine.
#[derive(Debug)]
pub(in crate::serve::hub) struct EngineStart {
    first: FirstConnection,
    timeout: Duration,
}

impl SharedEngine {
    /// The engine of `[broker]`, if it is not this process itself. Files are named from `folder`.
    pub(super) fn of(section: &BrokerSection, folder: &Path) -> Result<Option<SharedEngine>, Failure> {
        let connect = match section.kind {
            BrokerKind::Memory => return Ok(None),
            BrokerKind::Redis => redis(section, folder)?,
            BrokerKind::Nats => nats(section, folder)?,
        };
        let (start_timeout, alone_after) = (section.start_timeout.0, section.goes_alone_after());
        let mut options = RemoteOptions::default();
        options.check = section.check_interval.0;
        Ok(Some(SharedEngine { connect, start_timeout, alone_after, options }))
    }

    /// Makes its broker, and begins to connect. Must be called within a runtime.
    pub(super) fn begin(self, fanout: Arc<dyn Fanout>) -> (Arc<dyn Broker>, Option<EngineStart>) {
        let SharedEngine { connect, start_timeout, alone_after, options } = self;
        let runtime = Arc::new(TokioRuntime { handle: Handle::current(), start: Instant::now() });
        let mut start = None;
        let shared = |fanout| -> Arc<dyn Broker> {
            let broker = RemoteBroker::new(fanout, runtime.clone(), options, |events| {
                let (store, first) = LateStore::begin(connect, events);
                start = Some(EngineStart { first, timeout: start_timeout });
                Arc::new(store)
            });
            Arc::new(broker)
        };
        let broker = match alone_after {
            None => shared(fanout),
            Some(after) => {
                let limits = MemoryLimits::default();
                Arc::new(FallbackBroker::new(fanout, runtime.clone(), after, limits, shared))
            }
        };
        (broker, start)
    }
}

impl EngineStart {
    /// Waits for the connection as long as the start may.
    ///
    /// # Errors
    ///
    /// The engine cannot be used as it is configured.
    pub(super) async fn wait(&self) -> Result<(), Failure> {
        match self.first.clone().within(self.timeout).await {
            Ok(None) => Ok(()),
            Ok(Some(problem)) => {
                tracing::warn!(
                    "serving without the broker until it can be reached (/health/ready says so): {problem}"
                );
                Ok(())
            }
            Err(problem) => Err(Failure::Other(format!("[broker]: {problem}"))),
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.first.is_there()
    }
}

struct TokioRuntime {
    handle: Handle,
    start: Instant,
}

impl Runtime for TokioRuntime {
    fn spawn(&self, work: BoxFuture<()>) {
        self.handle.spawn(work);
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

#[cfg(feature = "redis")]
fn redis(section: &BrokerSection, folder: &Path) -> Result<Connect, Failure> {
    super::redis::connect(section, folder)
}

#[cfg(not(feature = "redis"))]
fn redis(_: &BrokerSection, _: &Path) -> Result<Connect, Failure> {
    Err(not_built("redis"))
}

#[cfg(feature = "nats")]
fn nats(section: &BrokerSection, folder: &Path) -> Result<Connect, Failure> {
    Ok(super::nats::connect(section, folder))
}

#[cfg(not(feature = "nats"))]
fn nats(_: &BrokerSection, _: &Path) -> Result<Connect, Failure> {
    Err(not_built("nats"))
}

/// The configuration is checked before, so that nobody gets to see this.
#[cfg(not(all(feature = "nats", feature = "redis")))]
fn not_built(name: &str) -> Failure {
    Failure::Other(format!("this program was built without {name}: build it with --features {name}"))
}

#[cfg(all(test, feature = "nats"))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::values::Period;

    #[test]
    fn the_check_interval_is_that_of_the_section() {
        let check_interval = Period::seconds(7);
        let section = BrokerSection { kind: BrokerKind::Nats, check_interval, ..BrokerSection::default() };
        let engine = SharedEngine::of(&section, Path::new("")).unwrap().unwrap();
        assert_eq!(engine.options.check, Duration::from_secs(7));
    }
}
