//! The sockets on which a server listens.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
#[cfg(unix)]
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
#[cfg(unix)]
use std::os::unix::net::UnixListener;

#[cfg(unix)]
use socket2::SockRef;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{ToSocketAddrs, lookup_host};

use crate::error::{Error, Result};
#[cfg(unix)]
use crate::transport::canonical;

/// The listen backlog of each loop: how many connections may wait to be accepted. With a shorter one, clients that all come
/// back at once would have to repeat their first packet after a second.
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
}

/// A listening socket that belongs to no runtime.
///
/// The event loops of a server share one that was opened elsewhere: another process may hold it, too, and take over the
/// connections that wait to be accepted.
#[derive(Debug)]
pub(crate) enum ListeningSocket {
    /// A port that was opened here, on which each event loop opens a socket of its own.
    Port(TcpListener),
    /// A port that was opened elsewhere.
    Tcp(TcpListener),
    /// A Unix socket that was opened elsewhere.
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
        let bound = lookup_host(address).await.and_then(listen_on_first);
        let listener = bound.map_err(|error| Error::io(doing, error))?;
        Ok(Listener { socket: ListeningSocket::Port(listener) })
    }

    /// The address that it listens on. `None` for a Unix socket.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.socket {
            ListeningSocket::Port(listener) | ListeningSocket::Tcp(listener) => listener.local_addr().ok(),
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
            let next = first.another()?;
            sockets.push(next);
        }
        Ok(sockets)
    }
}

impl ListeningSocket {
    pub(crate) fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match self {
            ListeningSocket::Port(listener) | ListeningSocket::Tcp(listener) => {
                listener.set_nonblocking(nonblocking)
            }
            #[cfg(unix)]
            ListeningSocket::Unix(listener) => listener.set_nonblocking(nonblocking),
        }
    }

    /// Accepts a connection, which sends at once. A Unix socket has no address of its client.
    #[cfg(unix)]
    pub(crate) fn accept(&self) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
        Ok(match self {
            ListeningSocket::Port(listener) | ListeningSocket::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                if self.needs_nodelay() {
                    // A socket that cannot be set up has ended, and the first read reports that.
                    let _gone = stream.set_nodelay(true);
                }
                (stream.into(), Some(canonical(peer)))
            }
            ListeningSocket::Unix(listener) => (listener.accept()?.0.into(), None),
        })
    }

    /// Whether `TCP_NODELAY` has to be set for each connection. On Linux, a connection takes it from the listener, but at the
    /// moment when it is established: a listener that was opened elsewhere may have had connections before its options could
    /// be set here.
    pub(crate) fn needs_nodelay(&self) -> bool {
        match self {
            ListeningSocket::Port(_) => cfg!(not(target_os = "linux")),
            ListeningSocket::Tcp(_) => true,
            #[cfg(unix)]
            ListeningSocket::Unix(_) => false,
        }
    }

    /// A socket for another event loop. On a port that was opened here, the system distributes the connections among the
    /// sockets, where it can. Otherwise it is the same socket.
    fn another(&self) -> io::Result<ListeningSocket> {
        Ok(match self {
            #[cfg(unix)]
            ListeningSocket::Port(first) => ListeningSocket::Port(another(first)?),
            #[cfg(not(unix))]
            ListeningSocket::Port(listener) => ListeningSocket::Port(listener.try_clone()?),
            ListeningSocket::Tcp(listener) => ListeningSocket::Tcp(listener.try_clone()?),
            #[cfg(unix)]
            ListeningSocket::Unix(listener) => ListeningSocket::Unix(listener.try_clone()?),
        })
    }
}

/// Listens on the first of these addresses that is free.
fn listen_on_first(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpListener> {
    let mut failed = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
    for address in addresses {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = unbound(address)?;
    listener.bind(&address.into())?;
    listener.listen(BACKLOG)?;
    Ok(listener.into())
}

/// Opens another listener on the same port. The port can be shared only during this call, so a second server still gets
/// an error.
#[cfg(unix)]
fn another(first: &TcpListener) -> io::Result<TcpListener> {
    let address = first.local_addr()?;
    let listener = unbound(address)?;
    let first = SockRef::from(first);
    if address.is_ipv6() {
        listener.set_only_v6(first.only_v6()?)?;
    }
    first.set_reuse_port(true)?;
    listener.set_reuse_port(true)?;
    listener.bind(&address.into())?;
    listener.listen(BACKLOG)?;
    Ok(listener.into())
}

/// A socket for a listener. Output is already batched here; Nagle's algorithm would only delay it. So connections inherit
/// `TCP_NODELAY`, which must be set before the socket listens.
fn unbound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // On Windows, the option would let another program take the port over.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket)
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Listener {
        Listener { socket: ListeningSocket::Tcp(listener) }
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Listener {
        Listener { socket: ListeningSocket::Unix(listener) }
    }
}

#[cfg(all(target_os = "linux", feature = "uring"))]
impl From<ListeningSocket> for OwnedFd {
    fn from(socket: ListeningSocket) -> OwnedFd {
        match socket {
            ListeningSocket::Port(listener) | ListeningSocket::Tcp(listener) => listener.into(),
            ListeningSocket::Unix(listener) => listener.into(),
        }
    }
}

#[cfg(unix)]
impl AsRawFd for ListeningSocket {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            ListeningSocket::Port(listener) | ListeningSocket::Tcp(listener) => listener.as_raw_fd(),
            ListeningSocket::Unix(listener) => listener.as_raw_fd(),
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(&self.socket).finish()
    }
}
