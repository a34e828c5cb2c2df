//! The policy for reconnecting.

use std::time::Duration;

use longwire_proto::CloseCode;

use crate::error::{InvalidSetting, not_instant, not_zero};

/// When to reconnect, and what happens to messages in the meantime.
///
/// The wait before an attempt is a random part of a time that starts at [`first_wait`](Reconnect::first_wait) and
/// doubles with every attempt in a row, up to [`max_wait`](Reconnect::max_wait) ("full jitter"). It keeps all clients
/// of a restarting server from coming back at once.
///
/// ```
/// use std::time::Duration;
/// use longwire::Reconnect;
/// use longwire::reconnect::WhileDisconnected;
///
/// let patient = Reconnect::default().max_wait(Duration::from_secs(120)).queue(1 << 20);
/// let brisk = Reconnect::default().tries(3).while_disconnected(WhileDisconnected::Fail);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconnect {
    /// How many attempts in a row to make before giving up; `None` is unlimited. The first connection counts as an
    /// attempt, too. The count starts over after a connection that lived for [`stable_after`](Reconnect::stable_after).
    /// Default: `None`.
    pub tries: Option<u32>,
    /// The longest possible wait before the second attempt. Default: 250 ms.
    pub first_wait: Duration,
    /// The longest possible wait, unless the server asks for a longer one. Default: 30 s.
    pub max_wait: Duration,
    /// How long a connection has to live before waits and attempts start over. Default: 10 s.
    pub stable_after: Duration,
    /// The longest wait that is granted to a server that asks for it with `Retry-After` and a status of 429 or 503. The
    /// random wait is added to it. Default: 5 min.
    pub max_retry_after: Duration,
    /// How long [`on_open`](super::ReconnectingClient::on_open) may take. Default: 30 s.
    pub open_time: Duration,
    /// The close codes that end the socket for good, regardless of the end that sent them. Default: 1000, 1002, 1003,
    /// 1007, 1008, 1009, 1010.
    pub final_codes: Vec<CloseCode>,
    /// What happens to messages that are sent without a connection. By default, up to 1 MiB in 1,024 messages are
    /// queued.
    pub while_disconnected: WhileDisconnected,
    /// The seed of the random waits, for tests; `None` seeds randomly. Default: `None`.
    pub seed: Option<u64>,
}

/// What happens to messages that are sent without a connection.
///
/// ```
/// use longwire::Reconnect;
/// use longwire::reconnect::WhileDisconnected;
///
/// // Only current data is useful: never send messages late.
/// let live = Reconnect::default().while_disconnected(WhileDisconnected::Fail);
/// let patient = Reconnect::default().while_disconnected(WhileDisconnected::Queue { bytes: 1 << 20, messages: 100 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhileDisconnected {
    /// `send` fails with [`Error::Disconnected`](crate::Error::Disconnected).
    Fail,
    /// Messages wait for the next connection. `send` fails when the queue is full.
    Queue {
        /// The most bytes of content in the queue.
        bytes: usize,
        /// The most messages in the queue.
        messages: usize,
    },
}

impl WhileDisconnected {
    /// The default limit of queued messages.
    const MESSAGES: usize = 1024;
}

impl Default for Reconnect {
    fn default() -> Reconnect {
        Reconnect {
            tries: None,
            first_wait: Duration::from_millis(250),
            max_wait: Duration::from_secs(30),
            stable_after: Duration::from_secs(10),
            max_retry_after: Duration::from_secs(300),
            open_time: Duration::from_secs(30),
            final_codes: vec![
                CloseCode::NORMAL,
                CloseCode::PROTOCOL_ERROR,
                CloseCode::UNSUPPORTED,
                CloseCode::INVALID_PAYLOAD,
                CloseCode::POLICY_VIOLATION,
                CloseCode::TOO_BIG,
                CloseCode::MANDATORY_EXTENSION,
            ],
            while_disconnected: WhileDisconnected::Queue {
                bytes: 1 << 20,
                messages: WhileDisconnected::MESSAGES,
            },
            seed: None,
        }
    }
}

impl Reconnect {
    /// Sets [`tries`](Reconnect::tries). 0 is an error of [`connect`](super::ReconnectingClient::connect).
    #[must_use]
    pub fn tries(mut self, tries: impl Into<Option<u32>>) -> Reconnect {
        self.tries = tries.into();
        self
    }

    /// Sets [`first_wait`](Reconnect::first_wait).
    #[must_use]
    pub fn first_wait(mut self, time: Duration) -> Reconnect {
        self.first_wait = time;
        self
    }

    /// Sets [`max_wait`](Reconnect::max_wait).
    #[must_use]
    pub fn max_wait(mut self, time: Duration) -> Reconnect {
        self.max_wait = time;
        self
    }

    /// Sets [`stable_after`](Reconnect::stable_after).
    #[must_use]
    pub fn stable_after(mut self, time: Duration) -> Reconnect {
        self.stable_after = time;
        self
    }

    /// Sets [`max_retry_after`](Reconnect::max_retry_after).
    #[must_use]
    pub fn max_retry_after(mut self, time: Duration) -> Reconnect {
        self.max_retry_after = time;
        self
    }

    /// Sets [`open_time`](Reconnect::open_time).
    #[must_use]
    pub fn open_time(mut self, time: Duration) -> Reconnect {
        self.open_time = time;
        self
    }

    /// Sets [`final_codes`](Reconnect::final_codes), replacing the earlier ones.
    ///
    /// ```
    /// use longwire::{CloseCode, Reconnect};
    ///
    /// // This server closes with 1000 when it restarts, and with 4001 to reject a client.
    /// let reconnect = Reconnect::default().final_codes([CloseCode::POLICY_VIOLATION, 4001.into()]);
    /// ```
    #[must_use]
    pub fn final_codes(mut self, codes: impl IntoIterator<Item = CloseCode>) -> Reconnect {
        self.final_codes = codes.into_iter().collect();
        self
    }

    /// Sets [`while_disconnected`](Reconnect::while_disconnected).
    #[must_use]
    pub fn while_disconnected(mut self, what: WhileDisconnected) -> Reconnect {
        self.while_disconnected = what;
        self
    }

    /// Queues messages with up to `bytes` bytes in total, and at most 1,024 messages, while there is no connection.
    #[must_use]
    pub fn queue(self, bytes: usize) -> Reconnect {
        self.while_disconnected(WhileDisconnected::Queue { bytes, messages: WhileDisconnected::MESSAGES })
    }

    /// Sets [`seed`](Reconnect::seed).
    #[must_use]
    pub fn seed(mut self, seed: impl Into<Option<u64>>) -> Reconnect {
        self.seed = seed.into();
        self
    }

    /// Rejects invalid settings. A wait of 0 is valid: tests and clients of nearby servers may not want to wait.
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        if let Some(tries) = self.tries {
            not_zero("Reconnect::tries", usize::try_from(tries).unwrap_or(usize::MAX))?;
        }
        not_instant("Reconnect::open_time", self.open_time)?;
        if self.first_wait > self.max_wait {
            return Err(InvalidSetting {
                setting: "Reconnect::first_wait",
                given: format!("{:?}", self.first_wait),
                possible: format!("0 to {:?}, which is `Reconnect::max_wait`", self.max_wait),
            });
        }
        Ok(())
    }
}
