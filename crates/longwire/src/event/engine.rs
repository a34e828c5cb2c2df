//! The I/O engines of an event-driven server.

use std::fmt;

use super::uring_refusal::{UringRefusal, refusal};

/// How an event-driven server does its I/O.
///
/// ```no_run
/// use longwire::{Engine, Handler, Server};
///
/// # async fn serve(handler: impl Handler) -> longwire::Result<()> {
/// println!("event loops over {:?}", Engine::Auto.resolve());
/// Server::bind("127.0.0.1:8080").await?.engine(Engine::Readiness).run(handler).await
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Engine {
    /// io_uring where the system supports and allows it, otherwise readiness.
    #[default]
    Auto,
    /// io_uring, on Linux 6.1 or later. If the system refuses it, the server logs a warning and uses readiness.
    Uring,
    /// Readiness events of the system: epoll on Linux, kqueue on macOS and the BSDs. Each loop waits for them on a thread of its
    /// own, and needs no permission that a container may refuse. On other systems, and on those of 32 bits, the loops use
    /// tokio's transports.
    Readiness,
    /// Tokio's transports, as on systems where [`Readiness`](Engine::Readiness) has nothing else. For Longwire's own tests.
    #[doc(hidden)]
    Tokio,
}

impl Engine {
    /// The engine that this setting selects on this system: [`Uring`](Engine::Uring) or
    /// [`Readiness`](Engine::Readiness). If io_uring cannot be used, the reason is logged.
    #[must_use]
    pub fn resolve(self) -> Engine {
        if matches!(self, Engine::Readiness | Engine::Tokio) {
            return self;
        }
        let Some(refusal) = Engine::why_not_uring() else { return Engine::Uring };
        if self == Engine::Uring {
            tracing::warn!("{refusal}; the event loops use readiness");
        } else {
            tracing::debug!("{refusal}; the event loops use readiness");
        }
        Engine::Readiness
    }

    /// Why event loops cannot use io_uring here, or `None` if they can. It is tried out each time.
    #[must_use]
    pub fn why_not_uring() -> Option<UringRefusal> {
        refusal()
    }
}

/// The name of the engine, as in `io_uring`.
impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Engine::Auto => "auto",
            Engine::Uring => "io_uring",
            Engine::Readiness => "readiness",
            Engine::Tokio => "tokio",
        })
    }
}
