//! The sockets on which a server listens.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
#[cfg(unix)]
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
#[cfg(unix)]
use std::os::unix::net::UnixListener;

use socket2::SockRef;
#[cfg(unix)]
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::ToSocketAddrs;

use crate::error::{Error, Result};
#[cfg(unix)]
use crate::transport::canonical;

/// The listen backlog of each loop: how many connections may wait to be accepted.
#[cfg(unix)]
const BACKLOG: i32 = 4096;

/// A socket that listens, for [`Server::on`](crate::Server::on) and [`Server::also_on`](crate::Server::also_on): a port, a
/// Unix socket, or one that another program has opened, such as systemd.
///
/// ```no_run
/// use std::os::unix::net::UnixListener;
///
/// # #[cfg(unix)]
/// # async fn listen() -> Result<(), Box<dyn std::error::Error>> {
/// let server = longwire::Server::on(UnixListener::bind("/run/chat/socket")?);
/// # Ok(())
/// # }
/// ```
///
/// The event loops of [`Server::run`](crate::Server::run) take turns accepting from a socket that was opened elsewhere. The
/// system distributes the connections to a port that [`bind`](Listener::bind) has opened.
pub struct Listener {
    socket: ListeningSocket,
    shared: SharedByLoops,
}

/// How the event loops of a server share a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SharedByLoops {
    /// Each opens its own socket on the port.
    Port,
    /// They use one socket. Another process may hold it, too, and take over the connections that wait to be accepted.
    Socket,
}

/// A listening socket that belongs to no runtime.
#[derive(Debug)]
pub(crate) enum ListeningSocket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Listener {
    /// Binds to an address, as [`Server::bind`](crate::Server::bind) does.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing stays bound.
    ///
    /// # Errors
    ///
    /// The address is invalid or already in use.
    pub async fn bind(address: impl ToSocketAddrs + fmt::Debug) -> Result<Listener> {
        // `Debug` puts quotes around a string; the message shows it without.
        let doing = format!("listen on {}", format!("{address:?}").trim_matches('"'));
        let bound = tokio::net::TcpListener::bind(address).await.and_then(tokio::net::TcpListener::into_std);
        let listener = bound.and_then(with_backlog).map_err(|error| Error::io(doing, error))?;
        Ok(Listener { socket: ListeningSocket::Tcp(listener), shared: SharedByLoops::Port })
    }

    /// The address that it listens on. `None` for a Unix socket.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.socket {
            ListeningSocket::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            ListeningSocket::Unix(_) => None,
        }
    }

    /// The socket, for a server without event loops.
    pub(crate) fn into_socket(self) -> ListeningSocket {
        self.socket
    }

    /// A socket for each of `count` event loops.
    pub(crate) fn distribute(self, count: usize) -> io::Result<Vec<ListeningSocket>> {
        let mut sockets = vec![self.socket];
        for _ in 1..count {
            let Some(first) = sockets.first() else { break };
            let next = match self.shared {
                SharedByLoops::Port => first.another()?,
                SharedByLoops::Socket => first.try_clone()?,
            };
            sockets.push(next);
        }
        Ok(sockets)
    }
}

impl ListeningSocket {
    pub(crate) fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match self {
            ListeningSocket::Tcp(listener) => listener.set_nonblocking(nonblocking),
            #[cfg(unix)]
            ListeningSocket::Unix(listener) => listener.set_nonblocking(nonblocking),
        }
    }

    /// Accepts a connection. A Unix socket has no address of its client.
    #[cfg(unix)]
    pub(crate) fn accept(&self) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
        Ok(match self {
            ListeningSocket::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                (stream.into(), Some(canonical(peer)))
            }
            ListeningSocket::Unix(listener) => (listener.accept()?.0.into(), None),
        })
    }

    /// Makes the connections of a listener send at once. They inherit `TCP_NODELAY`.
    #[cfg(unix)]
    pub(crate) fn set_nodelay(&self) -> io::Result<()> {
        match self {
            ListeningSocket::Tcp(listener) => SockRef::from(listener).set_tcp_nodelay(true),
            ListeningSocket::Unix(_) => Ok(()),
        }
    }

    fn try_clone(&self) -> io::Result<ListeningSocket> {
        Ok(match self {
            ListeningSocket::Tcp(listener) => ListeningSocket::Tcp(listener.try_clone()?),
            #[cfg(unix)]
            ListeningSocket::Unix(listener) => ListeningSocket::Unix(listener.try_clone()?),
        })
    }

    /// Another socket on the same port, for which the system distributes the connections. Where that is impossible, the
    /// same socket.
    fn another(&self) -> io::Result<ListeningSocket> {
        match self {
            #[cfg(unix)]
            ListeningSocket::Tcp(first) => another(first).map(ListeningSocket::Tcp),
            _ => self.try_clone(),
        }
    }
}

/// Gives a listener the backlog. Tokio opens it with a shorter one, and clients that all come back at once would have to
/// repeat their first packet after a second.
fn with_backlog(listener: TcpListener) -> io::Result<TcpListener> {
    #[cfg(unix)]
    SockRef::from(&listener).listen(BACKLOG)?;
    Ok(listener)
}

/// Opens another listener on the same port. The port can be shared only during this call, so a second server still gets
/// an error.
#[cfg(unix)]
fn another(first: &TcpListener) -> io::Result<TcpListener> {
    let address = first.local_addr()?;
    let listener = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    let first = SockRef::from(first);
    if address.is_ipv6() {
        listener.set_only_v6(first.only_v6()?)?;
    }
    listener.set_nonblocking(true)?;
    listener.set_reuse_address(true)?;
    first.set_reuse_port(true)?;
    listener.set_reuse_port(true)?;
    listener.bind(&address.into())?;
    listener.listen(BACKLOG)?;
    Ok(listener.into())
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Listener {
        Listener { socket: ListeningSocket::Tcp(listener), shared: SharedByLoops::Socket }
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Listener {
        Listener { socket: ListeningSocket::Unix(listener), shared: SharedByLoops::Socket }
    }
}

#[cfg(all(target_os = "linux", feature = "uring"))]
impl From<ListeningSocket> for OwnedFd {
    fn from(socket: ListeningSocket) -> OwnedFd {
        match socket {
            ListeningSocket::Tcp(listener) => listener.into(),
            ListeningSocket::Unix(listener) => listener.into(),
        }
    }
}

#[cfg(unix)]
impl AsRawFd for ListeningSocket {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            ListeningSocket::Tcp(listener) => listener.as_raw_fd(),
            ListeningSocket::Unix(listener) => listener.as_raw_fd(),
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(&self.socket).finish()
    }
}
