//! Accepting connections.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::time::{Sleep, sleep};
use tracing::Span;
use tracing::field::Empty;

use super::listener::ListeningSocket;
use crate::telemetry::{self, NotLetIn};
use crate::transport::{Transport, canonical, is_gone_already};

/// How long a server pauses accepting when the system runs out of a resource, such as descriptors: an immediate retry
/// would fail as well.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The listeners of a server or of an event loop, on tokio. Each pauses after errors.
pub(crate) struct Acceptors {
    acceptors: Vec<Acceptor>,
    /// The one to ask first, so that a busy listener does not keep the others waiting.
    next: usize,
}

struct Acceptor {
    listener: TokioListener,
    /// Whether `TCP_NODELAY` has to be set for each connection.
    needs_nodelay: bool,
    pause: Option<Pin<Box<Sleep>>>,
}

enum TokioListener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// A connection that was accepted.
pub(crate) struct Accepted {
    pub(crate) transport: Transport,
    /// `None` for a Unix socket.
    pub(crate) peer_addr: Option<SocketAddr>,
}

impl Acceptors {
    /// Listens on these sockets, with the runtime that this is called in.
    ///
    /// # Errors
    ///
    /// If the runtime cannot register a socket.
    pub(crate) fn new(sockets: Vec<ListeningSocket>) -> io::Result<Acceptors> {
        let acceptors = sockets.into_iter().map(Acceptor::new).collect::<io::Result<_>>()?;
        Ok(Acceptors { acceptors, next: 0 })
    }

    /// The next connection. Errors are logged and counted, and the listeners continue.
    pub(crate) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Accepted> {
        let count = self.acceptors.len();
        for turn in 0..count {
            let index = (self.next + turn) % count;
            let Some(acceptor) = self.acceptors.get_mut(index) else { continue };
            if let Poll::Ready(accepted) = acceptor.poll_accept(cx) {
                self.next = index + 1;
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    }
}

impl Acceptor {
    fn new(socket: ListeningSocket) -> io::Result<Acceptor> {
        socket.set_nonblocking(true)?;
        let needs_nodelay = socket.needs_nodelay();
        let listener = match socket {
            ListeningSocket::Port(listener) | ListeningSocket::Tcp(listener) => {
                TokioListener::Tcp(TcpListener::from_std(listener)?)
            }
            #[cfg(unix)]
            ListeningSocket::Unix(listener) => TokioListener::Unix(UnixListener::from_std(listener)?),
        };
        Ok(Acceptor { listener, needs_nodelay, pause: None })
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Accepted> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match ready!(self.listener.poll_accept(cx)) {
                Ok(accepted) => match self.set_up(&accepted) {
                    Ok(()) => return Poll::Ready(accepted),
                    Err(error) => {
                        tracing::debug!(%error, "cannot set up a connection");
                        telemetry::refused(NotLetIn::Left);
                    }
                },
                Err(error) => self.pause = pause_after(&error).map(|time| Box::pin(sleep(time))),
            }
        }
    }

    /// Makes a connection send at once.
    fn set_up(&self, accepted: &Accepted) -> io::Result<()> {
        match &accepted.transport {
            Transport::Tcp(stream) if self.needs_nodelay => stream.set_nodelay(true),
            _ => Ok(()),
        }
    }
}

impl TokioListener {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        Poll::Ready(match self {
            TokioListener::Tcp(listener) => ready!(listener.poll_accept(cx)).map(|(stream, peer)| Accepted {
                transport: Transport::Tcp(stream),
                peer_addr: Some(canonical(peer)),
            }),
            #[cfg(unix)]
            TokioListener::Unix(listener) => ready!(listener.poll_accept(cx))
                .map(|(stream, _)| Accepted { transport: Transport::Unix(stream), peer_addr: None }),
        })
    }
}

/// Logs and counts a failed accept, and returns how long to pause. `None`: do not pause, since only a client has
/// left.
pub(crate) fn pause_after(error: &io::Error) -> Option<Duration> {
    if is_gone_already(error) {
        return None;
    }
    // Another loop, without io_uring, shares the socket and has changed its mode.
    if error.kind() == io::ErrorKind::WouldBlock {
        return Some(ACCEPT_PAUSE);
    }
    tracing::warn!(%error, "cannot accept a connection");
    telemetry::accept_failed();
    Some(ACCEPT_PAUSE)
}

/// Creates the span of a connection, when it is accepted. All events about the connection, the handler's included,
/// belong to it.
pub(crate) fn span_of(peer: Option<SocketAddr>) -> Span {
    match peer {
        Some(peer) => tracing::info_span!("connection", %peer, client = Empty),
        None => tracing::info_span!("connection", peer = %"unix", client = Empty),
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::admission::listener::Listener;

    /// Clients that connected before the server ran used to keep Nagle's algorithm.
    #[tokio::test]
    async fn connections_send_at_once_although_they_have_waited_to_be_accepted() {
        let given = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        for listener in [Listener::bind("127.0.0.1:0").await.unwrap(), given.into()] {
            let client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let mut acceptors = Acceptors::new(vec![listener.into_socket()]).unwrap();
            let accepted = poll_fn(|cx| acceptors.poll_accept(cx)).await;
            assert_eq!(accepted.peer_addr, Some(client.local_addr().unwrap()));
            let Transport::Tcp(stream) = accepted.transport else { panic!("not TCP") };
            assert!(stream.nodelay().unwrap());
        }
    }
}
