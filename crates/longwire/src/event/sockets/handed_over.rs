//! Sockets on their way between an event loop and tokio.

use std::io;
use std::os::fd::OwnedFd;

use socket2::SockRef;
use tokio::net::{TcpStream, UnixStream};

use super::records::Records;
use crate::event::reactor::Removed;
use crate::transport::Transport;

/// A connection whose first request is not for a WebSocket.
pub(in crate::event) struct HandedOver {
    pub(super) socket: OwnedFd,
    pub(super) tls: Option<Box<dyn Records>>,
    pub(super) removed: Removed<()>,
}

impl HandedOver {
    /// Converts the connection into a tokio transport.
    ///
    /// # Errors
    ///
    /// If the runtime cannot register the socket.
    pub(in crate::event) fn into_transport(self) -> io::Result<(Transport, Removed<()>)> {
        let transport = on_tokio(self.socket)?;
        let transport = match self.tls {
            None => transport,
            Some(tls) => tls.over(transport),
        };
        Ok((transport, self.removed))
    }
}

/// A socket of an event loop as a tokio transport.
///
/// # Errors
///
/// If the runtime cannot register the socket.
pub(super) fn on_tokio(socket: OwnedFd) -> io::Result<Transport> {
    let reference = SockRef::from(&socket);
    reference.set_nonblocking(true)?;
    if reference.local_addr()?.is_unix() {
        return Ok(Transport::Unix(UnixStream::from_std(socket.into())?));
    }
    Ok(Transport::Tcp(TcpStream::from_std(socket.into())?))
}

/// A tokio transport that is a socket, for an event loop.
///
/// # Errors
///
/// If the transport is not a socket, or the system fails to change its mode.
pub(super) fn off_tokio(transport: Transport) -> io::Result<OwnedFd> {
    let socket: OwnedFd = match transport {
        Transport::Tcp(stream) => stream.into_std()?.into(),
        Transport::Unix(stream) => stream.into_std()?.into(),
        _ => return Err(io::ErrorKind::Unsupported.into()),
    };
    SockRef::from(&socket).set_nonblocking(false)?;
    Ok(socket)
}
