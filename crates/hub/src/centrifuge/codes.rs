//! The codes of errors, of disconnecting and of ending a subscription.

use std::borrow::Cow;
use std::fmt;

/// Why a command failed.
///
/// ```
/// use longwire_hub::centrifuge::ErrorCode;
///
/// assert_eq!(ErrorCode::TokenExpired.code(), 109);
/// assert_eq!(ErrorCode::TooManyRequests.message(), "too many requests");
/// assert!(ErrorCode::Internal.is_temporary() && !ErrorCode::PermissionDenied.is_temporary());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// Something went wrong in the hub or its back end. Clients try again.
    Internal = 100,
    /// The client has to authenticate first.
    Unauthorized = 101,
    /// There is no such channel or namespace.
    UnknownChannel = 102,
    /// The client may not do this.
    PermissionDenied = 103,
    /// The command has no request that the hub knows.
    MethodNotFound = 104,
    /// The client is subscribed already.
    AlreadySubscribed = 105,
    /// A limit of the connection or the channel is reached.
    LimitExceeded = 106,
    /// The request makes no sense.
    BadRequest = 107,
    /// The channel or the hub does not offer this.
    NotAvailable = 108,
    /// The token has expired. Clients fetch a new one and try again.
    TokenExpired = 109,
    /// The connection has expired.
    Expired = 110,
    /// The client sends requests too fast. Clients try again.
    TooManyRequests = 111,
    /// What follows the position cannot be read any more, or it is of another epoch.
    UnrecoverablePosition = 112,
    /// The token was revoked.
    TokenRevoked = 113,
}

impl ErrorCode {
    /// The number.
    #[must_use]
    pub fn code(self) -> u32 {
        self as u32
    }

    /// The text that clients see.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            ErrorCode::Internal => "internal server error",
            ErrorCode::Unauthorized => "unauthorized",
            ErrorCode::UnknownChannel => "unknown channel",
            ErrorCode::PermissionDenied => "permission denied",
            ErrorCode::MethodNotFound => "method not found",
            ErrorCode::AlreadySubscribed => "already subscribed",
            ErrorCode::LimitExceeded => "limit exceeded",
            ErrorCode::BadRequest => "bad request",
            ErrorCode::NotAvailable => "not available",
            ErrorCode::TokenExpired => "token expired",
            ErrorCode::Expired => "expired",
            ErrorCode::TooManyRequests => "too many requests",
            ErrorCode::UnrecoverablePosition => "unrecoverable position",
            ErrorCode::TokenRevoked => "token revoked",
        }
    }

    /// Whether the same request may succeed later. Clients then repeat subscribing and refreshing by themselves.
    #[must_use]
    pub fn is_temporary(self) -> bool {
        matches!(self, ErrorCode::Internal | ErrorCode::TooManyRequests)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message(), self.code())
    }
}

/// Why a client is disconnected: the code and the reason of a WebSocket's closing handshake, or of a push.
///
/// ```
/// use longwire_hub::centrifuge::Disconnect;
///
/// assert!(Disconnect::SLOW.reconnects() && !Disconnect::BAD_REQUEST.reconnects());
/// assert_eq!(Disconnect::new(4501, "banned").unwrap().to_string(), "banned (4501)");
/// assert_eq!(Disconnect::new(1000, "not one of the hub's codes"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Disconnect {
    code: u16,
    reason: Cow<'static, str>,
}

/// The constants of [`Disconnect`], and the list of them.
macro_rules! disconnects {
    ($($(#[$about:meta])* $name:ident = $code:literal, $reason:literal;)*) => {
        impl Disconnect {
            $($(#[$about])*
            pub const $name: Disconnect = Disconnect { code: $code, reason: Cow::Borrowed($reason) };)*

            /// All predefined ones.
            pub const ALL: &[Disconnect] = &[$(Disconnect::$name),*];
        }
    };
}

disconnects! {
    /// The connection was closed, without a reason from the hub.
    CONNECTION_CLOSED = 3000, "connection closed";
    /// The node shuts down.
    SHUTDOWN = 3001, "shutdown";
    /// An error in the hub or its back end.
    SERVER_ERROR = 3004, "internal server error";
    /// The connection has expired.
    EXPIRED = 3005, "connection expired";
    /// A subscription has expired.
    SUB_EXPIRED = 3006, "subscription expired";
    /// The client does not read fast enough.
    SLOW = 3008, "slow";
    /// Writing to the client failed.
    WRITE_ERROR = 3009, "write error";
    /// Publications may be missing. The client recovers when it returns.
    INSUFFICIENT_STATE = 3010, "insufficient state";
    /// The back end wants the client to connect again.
    FORCE_RECONNECT = 3011, "force reconnect";
    /// The client did not answer a ping in time.
    NO_PONG = 3012, "no pong";
    /// The client sends too many requests.
    TOO_MANY_REQUESTS = 3013, "too many requests";
    /// The client's token and positions are no longer valid. It drops both and returns.
    STATE_INVALIDATED = 3014, "state invalidated";
    /// The token is not valid.
    INVALID_TOKEN = 3500, "invalid token";
    /// A frame is malformed, or commands come in the wrong order.
    BAD_REQUEST = 3501, "bad request";
    /// The client did not connect in time.
    STALE = 3502, "stale";
    /// The back end has disconnected the client for good.
    FORCE_NO_RECONNECT = 3503, "force disconnect";
    /// The user has too many connections.
    CONNECTION_LIMIT = 3504, "connection limit";
    /// The client has too many subscriptions.
    CHANNEL_LIMIT = 3505, "channel limit";
    /// The client speaks another protocol.
    INAPPROPRIATE_PROTOCOL = 3506, "inappropriate protocol";
    /// The client may not connect.
    PERMISSION_DENIED = 3507, "permission denied";
    /// What the client needs is not available.
    NOT_AVAILABLE = 3508, "not available";
    /// The client has caused too many errors.
    TOO_MANY_ERRORS = 3509, "too many errors";
}

impl Disconnect {
    /// The longest reason, in bytes: the closing handshake of a WebSocket has no place for more.
    pub const MAX_REASON_LEN: usize = 123;

    /// A code of the back end's own, 3000 to 4999, where applications should take 4000 to 4999. `None` for other codes. A
    /// longer reason is cut to [`MAX_REASON_LEN`](Disconnect::MAX_REASON_LEN).
    #[must_use]
    pub fn new(code: u16, reason: &str) -> Option<Disconnect> {
        let end =
            (0..=Disconnect::MAX_REASON_LEN.min(reason.len())).rfind(|end| reason.is_char_boundary(*end))?;
        let reason = Cow::Owned(reason.get(..end)?.to_owned());
        (3000..=4999).contains(&code).then_some(Disconnect { code, reason })
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The reason.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether clients come back: those with 3000 to 3499 and 4000 to 4499 do.
    #[must_use]
    pub fn reconnects(&self) -> bool {
        !matches!(self.code, 3500..=3999 | 4500..=4999)
    }
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.code)
    }
}

/// Why the hub ends a subscription.
///
/// ```
/// use longwire_hub::centrifuge::UnsubscribeCode;
///
/// assert!(!UnsubscribeCode::Server.resubscribes() && UnsubscribeCode::InsufficientState.resubscribes());
/// assert_eq!(UnsubscribeCode::Expired.code(), 2501);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnsubscribeCode {
    /// The back end wants it. The client stays unsubscribed.
    Server = 2000,
    /// Publications may be missing. The client subscribes again and recovers.
    InsufficientState = 2500,
    /// The subscription has expired. The client subscribes again, with a new token.
    Expired = 2501,
    /// The client's token and position are no longer valid. It drops both and subscribes again.
    StateInvalidated = 2502,
}

impl UnsubscribeCode {
    /// The number.
    #[must_use]
    pub fn code(self) -> u32 {
        self as u32
    }

    /// The text that clients see.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            UnsubscribeCode::Server => "server unsubscribe",
            UnsubscribeCode::InsufficientState => "insufficient state",
            UnsubscribeCode::Expired => "subscription expired",
            UnsubscribeCode::StateInvalidated => "state invalidated",
        }
    }

    /// Whether the client subscribes again.
    #[must_use]
    pub fn resubscribes(self) -> bool {
        self.code() >= 2500
    }
}
