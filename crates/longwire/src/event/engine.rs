//! The I/O engines of an event-driven server.

use std::fmt;

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
    /// Readiness events from tokio, on every platform.
    Readiness,
}

impl Engine {
    /// The engine that this setting selects on this system: [`Uring`](Engine::Uring) or
    /// [`Readiness`](Engine::Readiness). If io_uring cannot be used, the reason is logged.
    #[must_use]
    pub fn resolve(self) -> Engine {
        if self == Engine::Readiness {
            return self;
        }
        match available() {
            Ok(()) => Engine::Uring,
            Err(error) if self == Engine::Uring => {
                tracing::warn!(%error, "io_uring cannot be used; the event loops use readiness");
                Engine::Readiness
            }
            Err(error) => {
                tracing::debug!(%error, "io_uring cannot be used; the event loops use readiness");
                Engine::Readiness
            }
        }
    }
}

#[cfg(all(target_os = "linux", feature = "uring"))]
fn available() -> std::io::Result<()> {
    super::uring::available()
}

#[cfg(not(all(target_os = "linux", feature = "uring")))]
fn available() -> std::io::Result<()> {
    Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "this build has no io_uring"))
}

/// The name of the engine, as in `io_uring`.
impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Engine::Auto => "auto",
            Engine::Uring => "io_uring",
            Engine::Readiness => "readiness",
        })
    }
}
