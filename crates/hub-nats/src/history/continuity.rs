//! Streams that have lost what was acknowledged.
//!
//! NATS does not wait until what it stores is on the disk: when a machine crashes, a stream may go on where it was a minute
//! ago. Offsets would then be given a second time, in the same epoch. So may a backup be restored. With replicas, the other servers
//! still have it.

use std::time::SystemTime;

use super::History;
use crate::failure::Failure;

impl History {
    /// Makes streams begin anew that have lost what was acknowledged to this node.
    pub(crate) async fn check_continuity(&self) -> Result<(), Failure> {
        for stream in self.acknowledged.streams() {
            self.has_begun_anew(&stream).await?;
        }
        Ok(())
    }

    /// Makes a stream begin anew if it has lost what was acknowledged to this node. Says whether it did.
    pub(super) async fn has_begun_anew(&self, stream: &str) -> Result<bool, Failure> {
        let has_lost = match self.has_lost(stream).await {
            Ok(has_lost) => has_lost,
            // It begins by itself.
            Err(Failure::NoStream) => {
                self.acknowledged.forget(stream);
                false
            }
            Err(failure) => return Err(failure),
        };
        if has_lost {
            tracing::warn!(
                stream,
                "NATS has lost what it had acknowledged; the channels of this stream begin anew"
            );
            self.jetstream.delete_stream(stream).await?;
            self.acknowledged.forget(stream);
            self.streams.forget();
            self.lanes.forget();
        }
        Ok(has_lost)
    }

    async fn has_lost(&self, stream: &str) -> Result<bool, Failure> {
        let Some(mark) = self.acknowledged.newest(stream).filter(|_| !self.streams.has_replicas()) else {
            return Ok(false);
        };
        let info = self.jetstream.info(stream).await?;
        if SystemTime::from(info.created) > mark.at {
            // It is another stream.
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
