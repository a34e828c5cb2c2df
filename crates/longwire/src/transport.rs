//! The transport of a connection.

use std::fmt;
use std::io::{self, IoSlice};
#[cfg(feature = "server")]
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
#[cfg(any(feature = "client", feature = "server"))]
use tokio::net::TcpStream;
#[cfg(all(unix, feature = "server"))]
use tokio::net::UnixStream;

/// Any transport.
pub(crate) trait AnyIo: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> AnyIo for T {}

/// The transport of a connection.
pub(crate) enum Transport {
    #[cfg(any(feature = "client", feature = "server"))]
    Tcp(TcpStream),
    #[cfg(all(unix, feature = "server"))]
    Unix(UnixStream),
    #[cfg(all(feature = "tls", feature = "client"))]
    ClientTls(Box<tokio_rustls::client::TlsStream<Transport>>),
    #[cfg(all(feature = "tls", feature = "server"))]
    ServerTls(Box<tokio_rustls::server::TlsStream<Transport>>),
    Other(Box<dyn AnyIo>),
}

impl Transport {
    fn io(&mut self) -> Pin<&mut dyn AnyIo> {
        match self {
            #[cfg(any(feature = "client", feature = "server"))]
            Transport::Tcp(stream) => Pin::new(stream),
            #[cfg(all(unix, feature = "server"))]
            Transport::Unix(stream) => Pin::new(stream),
            #[cfg(all(feature = "tls", feature = "client"))]
            Transport::ClientTls(stream) => Pin::new(stream),
            #[cfg(all(feature = "tls", feature = "server"))]
            Transport::ServerTls(stream) => Pin::new(stream),
            Transport::Other(stream) => Pin::new(stream),
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.get_mut().io().poll_read(cx, buf)
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().io().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().io().poll_write_vectored(cx, slices)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().io().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().io().poll_shutdown(cx)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            #[cfg(any(feature = "client", feature = "server"))]
            Transport::Tcp(_) => "Tcp",
            #[cfg(all(unix, feature = "server"))]
            Transport::Unix(_) => "Unix",
            #[cfg(all(feature = "tls", feature = "client"))]
            Transport::ClientTls(_) => "ClientTls",
            #[cfg(all(feature = "tls", feature = "server"))]
            Transport::ServerTls(_) => "ServerTls",
            Transport::Other(_) => "Other",
        })
    }
}

/// Whether the error concerns only the client that was about to be accepted, which has left. The next client may be
/// waiting already.
#[cfg(feature = "server")]
pub(crate) fn is_gone_already(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// The IPv4 address of a client that an IPv6 socket shows as a mapped one.
#[cfg(feature = "server")]
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        IpAddr::V6(_) => address,
    }
}
