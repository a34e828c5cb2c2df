//! What a connection costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use longwire::{Direction, FrameObserver};
use serde::Serialize;

/// The bytes of all frames of one device, in both directions: headers and payloads, as they are sent. TLS, TCP and the
/// opening handshake are not counted.
#[derive(Debug, Clone, Default)]
pub(super) struct WireBytes(Arc<DirectionCounters>);

#[derive(Debug, Default)]
struct DirectionCounters {
    up: AtomicU64,
    down: AtomicU64,
}

/// How many bytes there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct ByteCounts {
    pub(super) up: u64,
    pub(super) down: u64,
}

impl WireBytes {
    pub(super) fn observer(&self) -> FrameObserver {
        let counted = Arc::clone(&self.0);
        FrameObserver::new(move |frame| {
            let mut header = Vec::with_capacity(14);
            frame.header.encode(&mut header);
            let bytes = header.len() as u64 + frame.header.payload_len();
            let count = match frame.direction {
                Direction::Sent => &counted.up,
                Direction::Received => &counted.down,
            };
            count.fetch_add(bytes, Ordering::Relaxed);
        })
    }

    pub(super) fn counts(&self) -> ByteCounts {
        ByteCounts { up: self.0.up.load(Ordering::Relaxed), down: self.0.down.load(Ordering::Relaxed) }
    }
}

impl std::ops::AddAssign for ByteCounts {
    fn add_assign(&mut self, other: ByteCounts) {
        self.up = self.up.saturating_add(other.up);
        self.down = self.down.saturating_add(other.down);
    }
}
