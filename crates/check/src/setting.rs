//! What all cases of a run share.

use std::sync::Arc;
use std::time::Duration;

use crate::cost::bounds::AttackBounds;
use crate::endpoint::Endpoint;
use crate::target::Target;
use crate::transport::Dial;

/// What all cases of a run share.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) dialer: Arc<dyn Dial>,
    pub(crate) target: Target,
    pub(crate) endpoint: Endpoint,
    pub(crate) patience: Duration,
    pub(crate) attack: AttackBounds,
}
