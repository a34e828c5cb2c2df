//! Sends the recorded messages again.

use std::sync::Arc;
use std::time::Duration;

use longwire::{Direction, Sender};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use crate::args::Pace;
use crate::har::RecordedMessage;

/// How many messages have arrived.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Arrived {
    pub(super) received: usize,
}

/// What to send, and when.
pub(super) struct Script {
    pub(super) messages: Arc<[RecordedMessage]>,
    pub(super) pace: Pace,
    pub(super) speed: f64,
    pub(super) wait: Duration,
}

impl Script {
    pub(super) fn to_send(&self) -> usize {
        self.messages.iter().filter(|message| message.direction == Direction::Sent).count()
    }

    /// Sends all messages, and keeps in `left` how many are still to be begun. Returns whether all were sent.
    pub(super) async fn send(
        self,
        sender: Sender,
        mut progress: watch::Receiver<Arrived>,
        left: watch::Sender<usize>,
    ) -> bool {
        let begun = Instant::now();
        let mut answers = 0;
        for recorded in self.messages.iter() {
            if recorded.direction == Direction::Received {
                answers += 1;
                continue;
            }
            match self.pace {
                Pace::Max => {}
                Pace::Clock => sleep_until(begun + recorded.at.div_f64(self.speed)).await,
                Pace::Answers => {
                    let have_come = progress.wait_for(|progress| progress.received >= answers);
                    // An answer that does not come will be shown as missing.
                    let _come = timeout(self.wait, have_come).await;
                }
            }
            left.send_modify(|left| *left -= 1);
            if sender.send(recorded.message.clone()).await.is_err() {
                // The receiver learns how the connection ended.
                return false;
            }
        }
        true
    }
}

/// A script that is being sent.
pub(super) struct ScriptRun {
    pub(super) task: JoinHandle<bool>,
    pub(super) unsent: watch::Receiver<usize>,
}

impl ScriptRun {
    /// Whether everything was sent, once the connection has ended.
    pub(super) async fn was_complete(self) -> bool {
        // The last message may have been answered before its sender says that it was sent. It does not wait any more.
        *self.unsent.borrow() == 0 && self.task.await.unwrap_or(false)
    }
}
