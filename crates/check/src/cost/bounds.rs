//! How much an attack may take, and cost.

use std::time::Duration;

use super::memory::MemoryMeter;

/// What an attack may take, and what it may cost the endpoint.
///
/// ```
/// use std::time::Duration;
/// use longwire_check::AttackBounds;
///
/// let bounds = AttackBounds::default().time(Duration::from_secs(2)).memory(32 << 20);
/// ```
#[derive(Debug, Clone)]
pub struct AttackBounds {
    pub(crate) time: Duration,
    pub(crate) bytes: u64,
    pub(crate) memory: u64,
    pub(crate) meter: Option<MemoryMeter>,
}

impl Default for AttackBounds {
    /// 5 s and 256 MiB for each attack, and 64 MiB of memory that it may cost.
    fn default() -> AttackBounds {
        AttackBounds { time: Duration::from_secs(5), bytes: 256 << 20, memory: 64 << 20, meter: None }
    }
}

impl AttackBounds {
    /// How long each attack takes at most.
    #[must_use]
    pub fn time(self, time: Duration) -> AttackBounds {
        AttackBounds { time, ..self }
    }

    /// How many bytes each attack sends at most, and how long the messages of the bomb are.
    #[must_use]
    pub fn bytes(self, bytes: u64) -> AttackBounds {
        AttackBounds { bytes, ..self }
    }

    /// How many bytes of memory an attack may cost.
    #[must_use]
    pub fn memory(self, bytes: u64) -> AttackBounds {
        AttackBounds { memory: bytes, ..self }
    }

    /// Measures the memory of the endpoint with this.
    #[must_use]
    pub fn meter(self, meter: MemoryMeter) -> AttackBounds {
        AttackBounds { meter: Some(meter), ..self }
    }
}
