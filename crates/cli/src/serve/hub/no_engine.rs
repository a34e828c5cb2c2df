//! A build without an engine that several nodes could share.

use std::path::Path;
use std::sync::Arc;

use longwire_hub::{Broker, Fanout};

use crate::config::{BrokerKind, BrokerSection};
use crate::failure::Failure;

/// There is none.
pub(crate) enum SharedEngine {}

/// There is none.
pub(in crate::serve::hub) enum EngineStart {}

impl SharedEngine {
    pub(super) fn of(section: &BrokerSection, _: &Path) -> Result<Option<SharedEngine>, Failure> {
        match section.kind {
            BrokerKind::Memory => Ok(None),
            // The configuration is checked before, so this is not reached.
            kind => Err(Failure::Other(format!("this program was built without {}", kind.name()))),
        }
    }

    pub(super) fn begin(self, _: Arc<dyn Fanout>) -> (Arc<dyn Broker>, Option<EngineStart>) {
        match self {}
    }
}

impl EngineStart {
    #[expect(clippy::unused_async, reason = "as with an engine")]
    pub(super) async fn wait(&self) -> Result<(), Failure> {
        match *self {}
    }

    pub(super) fn is_connected(&self) -> bool {
        match *self {}
    }
}
