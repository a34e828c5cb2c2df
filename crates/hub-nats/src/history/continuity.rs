//! Streams that have lost what was acknowledged.
//!
//! NATS does not wait until what it stores is on the disk: when a machine crashes, a stream may go on where it was a minute
//! ago. Offsets would then be given a second time, in the same epoch. So may a backup be restored. With replicas, the other servers
//! still have it.

use std::time::SystemTime;

use super::History;
use crate::failure::Failure;

impl History {
    /// Finds out whether a stream that may have lost what was acknowledged to this node has. If so, it is deleted, and
    /// missing therefore: it begins anew.
    pub(super) async fn confirm(&self, stream: &str) -> Result<(), Failure> {
        if !self.acknowledged.is_doubtful(stream) {
            return Ok(());
        }
        let _one_at_a_time = self.confirming.lock().await;
        if !self.acknowledged.is_doubtful(stream) {
            return Ok(());
        }
        match self.has_lost(stream).await {
            Ok(false) => {
                self.acknowledged.confirm(stream);
                return Ok(());
            }
            Ok(true) => {
                tracing::warn!(
                    stream,
                    "NATS has lost what it had acknowledged: the channels of this stream begin anew"
                );
                self.jetstream.delete_stream(stream).await?;
            }
            Err(Failure::NoStream) => {}
            Err(failure) => return Err(failure),
        }
        self.acknowledged.forget(stream);
        self.lanes.forget();
        Err(Failure::NoStream)
    }

    async fn has_lost(&self, stream: &str) -> Result<bool, Failure> {
        let Some(mark) = self.acknowledged.newest(stream).filter(|_| !self.streams.has_replicas()) else {
            return Ok(false);
        };
        let info = self.jetstream.info(stream).await?;
        if SystemTime::from(info.created) > mark.at {
            // It is another stream, of which nothing was acknowledged yet.
            self.acknowledged.forget(stream);
            return Ok(false);
        }
        if info.state.last_sequence < mark.sequence {
            return Ok(true);
        }
        // A message that is not there any more was trimmed.
        let stored = self.jetstream.at(stream, mark.sequence).await?;
        Ok(stored.is_some_and(|stored| !mark.is_of(&stored.payload)))
    }
}
