//! What a client sends when it connects, and the answer that refuses it.

use std::fmt;

use bytestring::ByteString;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::protocol::ArgumentError;

/// The `auth` object with which a client connects to a namespace: `io({ auth: { token: "abc" } })`.
#[derive(Clone, PartialEq, Eq)]
pub struct Auth {
    object: ByteString,
}

impl Auth {
    pub(super) fn new(object: Option<ByteString>) -> Auth {
        Auth { object: object.unwrap_or_else(|| ByteString::from_static("{}")) }
    }

    /// The object as a value. A client that sends nothing sends `{}`.
    ///
    /// ```
    /// use longwire_socketio::{Auth, ConnectError, Socket};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Login {
    ///     token: String,
    /// }
    ///
    /// async fn check(socket: Socket, auth: Auth) -> Result<(), ConnectError> {
    ///     let login: Login = auth.parse().map_err(|_| "a token is required")?;
    ///     if login.token != "secret" {
    ///         return Err(ConnectError::new("not authorized"));
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// If the object has another form.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ArgumentError> {
        serde_json::from_str(&self.object).map_err(ArgumentError::from)
    }

    /// The object as JSON text.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.object
    }
}

/// Without the content, which may be a password.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Auth({} bytes)", self.object.len())
    }
}

/// Refuses a client. The client gets a `connect_error` event with `message` and `data`, so both are for its user to see.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectError {
    message: String,
    data: Option<serde_json::Value>,
}

impl ConnectError {
    /// An error with a message for the client.
    #[must_use]
    pub fn new(message: impl Into<String>) -> ConnectError {
        ConnectError { message: message.into(), data: None }
    }

    /// Adds details, which the client finds in `error.data`. Data that cannot be JSON is left out.
    #[must_use]
    pub fn data<T: Serialize>(mut self, data: T) -> ConnectError {
        self.data = serde_json::to_value(data).ok();
        self
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.data {
            None => serde_json::json!({ "message": self.message }),
            Some(data) => serde_json::json!({ "message": self.message, "data": data }),
        }
    }
}

impl From<&str> for ConnectError {
    fn from(message: &str) -> ConnectError {
        ConnectError::new(message)
    }
}

impl From<String> for ConnectError {
    fn from(message: String) -> ConnectError {
        ConnectError::new(message)
    }
}

/// For `auth.parse()?`. The client learns no more than that its credentials have another form.
impl From<ArgumentError> for ConnectError {
    fn from(_: ArgumentError) -> ConnectError {
        ConnectError::new("the credentials are not of the expected form")
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConnectError {}
