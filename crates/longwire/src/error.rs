//! Errors: texts for people, variants for programs.

#[cfg(feature = "client")]
mod proxy;
mod refused;

use std::error::Error as StdError;
use std::fmt;
use std::io;
#[cfg(feature = "client")]
use std::sync::Arc;
use std::time::Duration;

#[cfg(any(feature = "client", feature = "server"))]
use http::{HeaderName, HeaderValue};
use longwire_proto::deflate::DeflateError;
use longwire_proto::handshake::{HeadError, RequestError, ResponseError};
use longwire_proto::{Closed, InvalidClose, InvalidLimit, ProtocolError, SendError};

#[cfg(feature = "client")]
pub use proxy::ProxyError;
pub use refused::RefusedResponse;

/// `Result` with the [`Error`] of this crate.
///
/// ```no_run
/// async fn first(url: &str) -> longwire::Result<String> {
///     let mut socket = longwire::connect(url).await?;
///     Ok(socket.recv().await?.map(|message| message.to_string()).unwrap_or_default())
/// }
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error. A normal end of a connection is not an error; it is a [`Closed`].
///
/// ```no_run
/// use longwire::{Error, connect};
///
/// # async fn try_it() {
/// match connect("wss://example.com/socket").await {
///     Ok(socket) => println!("connected to {}", socket.uri()),
///     Err(Error::Refused(refused)) => println!("the server says {}", refused.status()),
///     Err(Error::Timeout { doing, .. }) => println!("too slow: {doing}"),
///     Err(error) => println!("{error}"), // says what was tried, and what went wrong
/// }
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The address is not a WebSocket URL.
    Url(UrlError),
    /// The operating system or the transport refused something.
    Io {
        /// The failed operation, as in "connect to 127.0.0.1:80".
        doing: Box<str>,
        /// The error that the operating system or the transport returned.
        source: io::Error,
    },
    /// The server answered the opening handshake with a response that does not open a WebSocket.
    Refused(Box<RefusedResponse>),
    /// A proxy did not connect.
    #[cfg(feature = "client")]
    Proxy(Box<ProxyError>),
    /// The peer's opening handshake is invalid.
    Handshake(Box<HandshakeError>),
    /// The peer broke the protocol. A Close frame with the error's close code is sent to it. A program that exits after
    /// this error should first await `close`: otherwise the transport may go away before the peer has read the Close
    /// frame.
    Protocol(ProtocolError),
    /// Something took longer than allowed.
    Timeout {
        /// The operation that took too long.
        doing: Box<str>,
        /// The time limit.
        after: Duration,
    },
    /// Nothing can be sent, because the connection is closing or has ended. Contains how it ended.
    Closed(Box<Closed>),
    /// The connection ended in the middle of a message that was received in parts
    /// ([`recv_stream`](crate::WebSocket::recv_stream)). Contains how it ended.
    CutOff(Box<Closed>),
    /// There is no connection at the moment, and the message was not queued for the next one; see
    /// [`reconnect`](crate::reconnect).
    #[cfg(feature = "client")]
    Disconnected {
        /// How many messages already wait for the next connection.
        queued: usize,
    },
    /// There will be no other connection; see [`reconnect`](crate::reconnect).
    #[cfg(feature = "client")]
    GaveUp(Cause),
    /// The application tried to send what the protocol does not allow, such as a ping of more than 125 bytes.
    Send(SendError),
    /// The application tried to send an invalid Close frame.
    Close(InvalidClose),
    /// A setting is invalid. Nothing was connected or served.
    Setting(Box<InvalidSetting>),
    /// An error of the application, passed through.
    Other(Box<dyn StdError + Send + Sync>),
}

impl Error {
    /// Wraps an error of the application.
    pub fn other(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        Error::Other(error.into())
    }

    pub(crate) fn io(doing: impl Into<Box<str>>, source: io::Error) -> Error {
        Error::Io { doing: doing.into(), source }
    }

    #[cfg(feature = "client")]
    pub(crate) fn timeout(doing: impl Into<Box<str>>, after: Duration) -> Error {
        Error::Timeout { doing: doing.into(), after }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Url(error) => error.fmt(f),
            Error::Io { doing, source } => write!(f, "cannot {doing}: {source}"),
            Error::Refused(refused) => refused.fmt(f),
            #[cfg(feature = "client")]
            Error::Proxy(error) => error.fmt(f),
            Error::Handshake(error) => error.fmt(f),
            Error::Protocol(error) => write!(f, "the peer broke the protocol: {error}"),
            Error::Timeout { doing, after } => {
                write!(f, "cannot {doing}: it took longer than {} s", after.as_secs_f32())
            }
            Error::Closed(closed) => write!(f, "nothing can be sent any more: {closed}"),
            Error::CutOff(closed) => write!(f, "the message was cut off: {closed}"),
            #[cfg(feature = "client")]
            Error::Disconnected { queued: 0 } => f.write_str("not connected at the moment"),
            #[cfg(feature = "client")]
            Error::Disconnected { queued } => {
                write!(f, "not connected at the moment, and the queue is full with {queued} messages")
            }
            #[cfg(feature = "client")]
            Error::GaveUp(cause) => write!(f, "gave up: {cause}"),
            Error::Send(error) => error.fmt(f),
            Error::Close(error) => error.fmt(f),
            Error::Setting(error) => error.fmt(f),
            Error::Other(error) => error.fmt(f),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            // These print their cause as their own text, so the chain continues with the cause's source.
            Error::Other(error) => error.source(),
            #[cfg(feature = "client")]
            Error::GaveUp(Cause::Failed(error)) => error.source(),
            _ => None,
        }
    }
}

/// An invalid setting, such as a server that allows no connections. The message contains the setting, its value and the
/// possible values.
///
/// ```
/// use longwire::{Client, Error};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let client = Client::new().header("x api key", "1234");
/// let error = client.connect("wss://example.com").await.unwrap_err();
/// assert!(matches!(error, Error::Setting(invalid) if invalid.setting == "Client::header"));
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidSetting {
    /// The name of the setting, such as `Server::max_connections` or `Limits::low_water`.
    pub setting: &'static str,
    /// The value that it was set to.
    pub given: String,
    /// The values that are possible.
    pub possible: String,
}

impl fmt::Display for InvalidSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` cannot be {}: it can be {}", self.setting, self.given, self.possible)
    }
}

impl StdError for InvalidSetting {}

impl From<InvalidLimit> for InvalidSetting {
    fn from(limit: InvalidLimit) -> InvalidSetting {
        InvalidSetting {
            setting: limit.setting(),
            given: limit.given().to_owned(),
            possible: limit.possible().to_owned(),
        }
    }
}

impl From<InvalidLimit> for Error {
    fn from(limit: InvalidLimit) -> Error {
        InvalidSetting::from(limit).into()
    }
}

impl From<InvalidSetting> for Error {
    fn from(setting: InvalidSetting) -> Error {
        Error::Setting(Box::new(setting))
    }
}

/// Checks that a number is not 0.
#[cfg(any(feature = "client", feature = "server"))]
pub(crate) fn not_zero(setting: &'static str, given: usize) -> Result<(), InvalidSetting> {
    if given > 0 {
        return Ok(());
    }
    Err(InvalidSetting { setting, given: "0".into(), possible: "1 or more".into() })
}

/// Converts the application's name and value to a header. `setting` is the method that takes them.
#[cfg(any(feature = "client", feature = "server"))]
pub(crate) fn header<V: TryInto<HeaderValue>>(
    setting: &'static str,
    name: &str,
    value: V,
) -> Result<(HeaderName, HeaderValue), InvalidSetting> {
    let Ok(name) = HeaderName::try_from(name) else {
        let possible = "a name of letters, digits and hyphens".into();
        return Err(InvalidSetting { setting, given: format!("{name:?}"), possible });
    };
    match value.try_into() {
        Ok(value) => Ok((name, value)),
        // The value may be a secret.
        Err(_) => Err(InvalidSetting {
            setting,
            given: format!("\"{name}\" with this value"),
            possible: "text without control characters, such as line breaks".into(),
        }),
    }
}

/// An error for two settings of which one would have no effect.
#[cfg(any(feature = "client", feature = "server"))]
pub(crate) fn without_effect(setting: &'static str, beside: &str, since: &str) -> InvalidSetting {
    InvalidSetting {
        setting,
        given: format!("set beside `{beside}`"),
        possible: format!("left out, since {since}"),
    }
}

/// Checks that a number is not above its maximum.
#[cfg(feature = "server")]
pub(crate) fn at_most(setting: &'static str, given: u8, most: u8) -> Result<(), InvalidSetting> {
    if given <= most {
        return Ok(());
    }
    Err(InvalidSetting { setting, given: given.to_string(), possible: format!("0 to {most}") })
}

/// Checks that a time is not 0.
#[cfg(any(feature = "client", feature = "server"))]
pub(crate) fn not_instant(setting: &'static str, given: Duration) -> Result<(), InvalidSetting> {
    if given > Duration::ZERO {
        return Ok(());
    }
    Err(InvalidSetting { setting, given: "0 s".into(), possible: "any time above 0".into() })
}

/// Why there is no connection.
///
/// ```
/// use longwire::{Cause, Error};
///
/// /// Why a socket that reconnects has given up.
/// fn why(error: &Error) -> String {
///     match error {
///         Error::GaveUp(Cause::Closed(closed)) => format!("the server closed it for good: {closed}"),
///         Error::GaveUp(Cause::Failed(error)) => format!("the last try failed: {error}"),
///         other => other.to_string(),
///     }
/// }
/// ```
#[cfg(feature = "client")]
#[derive(Debug, Clone)]
pub enum Cause {
    /// The connection was closed, or its transport vanished.
    Closed(Closed),
    /// The connection failed, or could not be opened.
    Failed(Arc<Error>),
}

#[cfg(feature = "client")]
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Closed(closed) => closed.fmt(f),
            Cause::Failed(error) => error.fmt(f),
        }
    }
}

impl From<ProtocolError> for Error {
    fn from(error: ProtocolError) -> Error {
        Error::Protocol(error)
    }
}

impl From<InvalidClose> for Error {
    fn from(error: InvalidClose) -> Error {
        Error::Close(error)
    }
}

impl From<UrlError> for Error {
    fn from(error: UrlError) -> Error {
        Error::Url(error)
    }
}

impl From<HandshakeError> for Error {
    fn from(error: HandshakeError) -> Error {
        Error::Handshake(Box::new(error))
    }
}

#[cfg(feature = "client")]
impl From<ProxyError> for Error {
    fn from(error: ProxyError) -> Error {
        Error::Proxy(Box::new(error))
    }
}

/// Why an address is not a WebSocket URL. The URLs in these errors never contain a password.
///
/// ```
/// use longwire::{Error, UrlError, connect};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let error = connect("ftp://example.com").await.unwrap_err();
/// assert!(matches!(error, Error::Url(UrlError::Scheme(_))));
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// It is not a URL at all.
    Invalid {
        /// The given address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Its scheme is not `ws`, `wss`, `http` or `https`.
    Scheme(String),
    /// It has a fragment (`#…`), which WebSocket URLs must not have (RFC 6455 §3).
    Fragment(String),
    /// It has no host.
    NoHost(String),
    /// It needs TLS, but this program was built without the feature.
    NoTls(String),
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UrlError::Invalid { url, reason } => write!(f, "{url:?} is not a URL: {reason}"),
            UrlError::Scheme(url) => {
                write!(f, "{url:?} is not a WebSocket URL: it must begin with ws:// or wss://")
            }
            UrlError::Fragment(url) => {
                write!(f, "{url:?} has a fragment, which WebSocket URLs must not have")
            }
            UrlError::NoHost(url) => write!(f, "{url:?} has no host"),
            UrlError::NoTls(url) => write!(f, "{url:?} needs TLS, but this program was built without it"),
        }
    }
}

impl StdError for UrlError {}

/// Why an opening handshake failed.
///
/// ```
/// use longwire::{Error, HandshakeError};
///
/// /// Whether something else than a WebSocket server listens there.
/// fn is_another_service(error: &Error) -> bool {
///     matches!(error, Error::Handshake(why) if matches!(**why, HandshakeError::NotHttp(_) | HandshakeError::Head(_)))
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum HandshakeError {
    /// This end cannot build the request.
    Request(RequestError),
    /// The response is not a valid HTTP/1.1 response head.
    Head(HeadError),
    /// The server does not speak HTTP. Contains the first line that it sent: at most 100 characters, escaped.
    NotHttp(Box<str>),
    /// The response does not accept the request (RFC 6455 §4.1).
    Response(ResponseError),
    /// The server's reply to the compression offer is invalid (RFC 7692 §7.1).
    Deflate(DeflateError),
    /// The server redirects to an address that is not a WebSocket URL.
    Redirect(UrlError),
    /// The server redirects from `wss://` to this address, which is not encrypted.
    InsecureRedirect(String),
    /// The server redirects more often than `Client::max_redirects` allows.
    TooManyRedirects {
        /// How many redirects were followed.
        followed: usize,
        /// The address that redirects once more.
        at: String,
    },
    /// The transport ended before the response was complete.
    Ended,
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HandshakeError::Request(error) => error.fmt(f),
            HandshakeError::Head(error) => {
                write!(f, "the server does not answer as a WebSocket server: {error}")
            }
            HandshakeError::NotHttp(said) => {
                write!(f, "the server does not speak HTTP on this port; it said \"{said}\"")
            }
            HandshakeError::Response(error) => write!(f, "the server's response is invalid: {error}"),
            HandshakeError::Deflate(error) => write!(f, "the server's response is invalid: {error}"),
            HandshakeError::Redirect(error) => {
                write!(f, "the server redirects to an invalid address: {error}")
            }
            HandshakeError::InsecureRedirect(to) => {
                write!(
                    f,
                    "the server redirects to {to}, which is not encrypted; insecure redirects are not followed"
                )
            }
            HandshakeError::TooManyRedirects { followed, at } => {
                write!(f, "too many redirects: followed {followed}, and {at} redirects again")
            }
            HandshakeError::Ended => f.write_str("the server closed the connection instead of answering"),
        }
    }
}

impl StdError for HandshakeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_was_tried_and_what_happened() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(
            Error::io("connect to [::1]:80", refused).to_string(),
            "cannot connect to [::1]:80: connection refused"
        );
        let late = Error::timeout("connect to a:80", Duration::from_millis(1500));
        assert_eq!(late.to_string(), "cannot connect to a:80: it took longer than 1.5 s");
        let ended = Error::Closed(Box::new(Closed::lost()));
        assert_eq!(
            ended.to_string(),
            "nothing can be sent any more: connection lost: 1006 (no closing handshake)"
        );
    }

    #[test]
    fn an_error_is_small_enough_to_be_returned() {
        assert!(size_of::<Error>() <= 72, "{} bytes", size_of::<Error>());
    }

    #[test]
    fn errors_of_the_application_pass_through() {
        let error = Error::other("the database is down");
        assert_eq!(error.to_string(), "the database is down");
    }
}
