//! How long each phase of connecting may take.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use crate::error::{Error, InvalidSetting, Result, not_instant};

/// How long each phase of connecting may take. The text of [`Error::Timeout`](crate::Error::Timeout) names the phase
/// that took too long.
///
/// ```
/// use std::time::Duration;
/// use longwire::{Client, Timeouts};
///
/// # async fn hurry() -> longwire::Result<()> {
/// let second = Duration::from_secs(1);
/// let timeouts = Timeouts::default().lookup(second).connect(2 * second).tls(second).handshake(3 * second);
/// let socket = Client::new().timeouts(timeouts).connect("wss://example.com/socket").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// How long the name lookup may take. 10 s.
    pub lookup: Duration,
    /// How long the TCP connection may take, over all addresses of a name; also applies to a
    /// [connector](crate::Client::connector) and a Unix socket. 10 s.
    pub connect: Duration,
    /// How long a proxy may take to connect to the server, including TLS to an `https://` proxy. The start of a
    /// refusal's body may take up to one second longer. 10 s.
    pub proxy: Duration,
    /// How long the TLS handshake may take. 10 s.
    pub tls: Duration,
    /// How long the opening handshake may take, from the request to the complete head of the response. The start of a
    /// refusal's body may take up to one second longer. `None` uses
    /// [`Limits::handshake_time`](crate::Limits::handshake_time), which is 10 s by default.
    pub handshake: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        let time = Duration::from_secs(10);
        Timeouts { lookup: time, connect: time, proxy: time, tls: time, handshake: None }
    }
}

impl Timeouts {
    /// Sets [`lookup`](Timeouts::lookup).
    #[must_use]
    pub fn lookup(mut self, time: Duration) -> Timeouts {
        self.lookup = time;
        self
    }

    /// Sets [`connect`](Timeouts::connect).
    #[must_use]
    pub fn connect(mut self, time: Duration) -> Timeouts {
        self.connect = time;
        self
    }

    /// Sets [`proxy`](Timeouts::proxy).
    #[must_use]
    pub fn proxy(mut self, time: Duration) -> Timeouts {
        self.proxy = time;
        self
    }

    /// Sets [`tls`](Timeouts::tls).
    #[must_use]
    pub fn tls(mut self, time: Duration) -> Timeouts {
        self.tls = time;
        self
    }

    /// Sets [`handshake`](Timeouts::handshake).
    #[must_use]
    pub fn handshake(mut self, time: impl Into<Option<Duration>>) -> Timeouts {
        self.handshake = time.into();
        self
    }

    /// Rejects a time of zero.
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        not_instant("Timeouts::lookup", self.lookup)?;
        not_instant("Timeouts::connect", self.connect)?;
        not_instant("Timeouts::proxy", self.proxy)?;
        not_instant("Timeouts::tls", self.tls)?;
        self.handshake.map_or(Ok(()), |time| not_instant("Timeouts::handshake", time))
    }
}

/// Limits a phase to `limit`. `doing` names the phase in the error.
pub(super) async fn within<T>(
    limit: Duration,
    doing: impl FnOnce() -> String,
    phase: impl Future<Output = Result<T>>,
) -> Result<T> {
    timeout(limit, phase).await.unwrap_or_else(|_| Err(Error::timeout(doing(), limit)))
}
