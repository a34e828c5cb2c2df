//! How connections are accepted.

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

/// How long a server waits before it accepts again when the system is out of something, such as descriptors: the next
/// try would fail as well.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener of tokio's.
pub(crate) struct Listener {
    listener: TcpListener,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Listener {
    pub(crate) fn new(listener: TcpListener) -> Listener {
        Listener { listener, pause: None }
    }

    /// The next connection. Errors are logged and counted, and the listener goes on.
    pub(crate) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<(TcpStream, SocketAddr)> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match ready!(self.listener.poll_accept(cx)) {
                Ok((stream, peer)) => {
                    // Messages are gathered here already; Nagle's algorithm would only delay them.
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

/// Logs and counts that a connection could not be accepted, and says how long to wait before the next. `None`: not at
/// all, since only a client has left.
pub(crate) fn pause_after(error: &io::Error) -> Option<Duration> {
    if is_gone_already(error) {
        return None;
    }
    tracing::warn!(%error, "cannot accept a connection");
    telemetry::accept_failed();
    Some(ACCEPT_PAUSE)
}
