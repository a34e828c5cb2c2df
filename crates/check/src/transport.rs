//! Connections to the endpoint, whatever carries them.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream of any kind.
///
/// ```
/// fn takes(stream: impl longwire_check::ByteStream + 'static) {}
/// takes(tokio::io::duplex(1).0);
/// ```
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// A connection to the endpoint, before the opening handshake.
///
/// ```
/// let stream: longwire_check::Transport = Box::new(tokio::io::duplex(1).0);
/// ```
pub type Transport = Box<dyn ByteStream>;

/// Makes connections to the endpoint.
///
/// ```
/// use longwire_check::{Dial, Dialing};
///
/// /// An endpoint that ends each connection at once.
/// #[derive(Debug)]
/// struct Gone;
///
/// impl Dial for Gone {
///     fn dial(&self) -> Dialing<'_> {
///         Box::pin(async { Ok(Box::new(tokio::io::duplex(1).0) as _) })
///     }
/// }
/// ```
pub trait Dial: fmt::Debug + Send + Sync {
    /// Connects, including TLS and proxies.
    fn dial(&self) -> Dialing<'_>;
}

/// A connection that is being made.
///
/// ```
/// let made: longwire_check::Dialing<'_> = Box::pin(async { Err(std::io::ErrorKind::NotFound.into()) });
/// ```
pub type Dialing<'d> = Pin<Box<dyn Future<Output = io::Result<Transport>> + Send + 'd>>;
