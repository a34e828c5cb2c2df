//! Accepting connections.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};

use crate::telemetry::{self, NotLetIn};
use crate::transport::is_gone_already;

/// How long a server pauses accepting when the system runs out of a resource, such as descriptors: an immediate retry
/// would fail as well.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A tokio listener that pauses after errors.
pub(crate) struct Listener {
    listener: TcpListener,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Listener {
    pub(crate) fn new(listener: TcpListener) -> Listener {
        Listener { listener, pause: None }
    }

    /// The next connection. Errors are logged and counted, and the listener continues.
    pub(crate) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<(TcpStream, SocketAddr)> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match ready!(self.listener.poll_accept(cx)) {
                Ok((stream, peer)) => {
                    // Output is already batched here; Nagle's algorithm would only delay it.
                    match stream.set_nodelay(true) {
                        Ok(()) => return Poll::Ready((stream, peer)),
                        Err(error) => {
                            tracing::debug!(%error, %peer, "cannot set up a connection");
                            telemetry::refused(NotLetIn::Left);
                        }
                    }
                }
                Err(error) => self.pause = pause_after(&error).map(|time| Box::pin(sleep(time))),
            }
        }
    }
}

/// Logs and counts a failed accept, and returns how long to pause. `None`: do not pause, since only a client has
/// left.
pub(crate) fn pause_after(error: &io::Error) -> Option<Duration> {
    if is_gone_already(error) {
        return None;
    }
    tracing::warn!(%error, "cannot accept a connection");
    telemetry::accept_failed();
    Some(ACCEPT_PAUSE)
}
