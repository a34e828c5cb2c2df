//! The parameters of permessage-deflate (RFC 7692 §7.1).

use std::error::Error;
use std::fmt;

use super::agreement::{Takeover, WindowBits};
use super::config::Deflate;
use crate::handshake::Extension;

const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// The parameters of one offer or response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Params {
    pub(super) server_takeover: Takeover,
    pub(super) client_takeover: Takeover,
    pub(super) server_window: Option<WindowBits>,
    pub(super) client_window: Option<ClientWindow>,
}

/// `client_max_window_bits`, which may also occur without a value (RFC 7692 §7.1.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientWindow {
    /// In an offer: the client accepts any limit.
    Any,
    /// In an offer: the client accepts any limit, and in any case uses no larger window than this. In a response: it
    /// must not use a larger one.
    UpTo(WindowBits),
}

/// Why the client cannot accept the server's permessage-deflate response. The client fails the connection (RFC 7692
/// §7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeflateError {
    /// The response names another extension.
    OtherExtension(String),
    /// A parameter that RFC 7692 does not define.
    UnknownParam(String),
    /// A parameter that occurs twice.
    RepeatedParam(String),
    /// A parameter with an invalid value, or without the value that it needs.
    InvalidValue {
        /// The parameter's name.
        param: String,
        /// Its value.
        value: Option<String>,
    },
    /// The response lacks a parameter that the offer demands, or has one that the offer does not allow.
    NotOffered {
        /// The parameter's name.
        param: &'static str,
    },
}

impl Params {
    /// Parses an offer or a response. An endpoint must decline the offer, or fail on the response, if a parameter
    /// occurs twice, has an invalid value, or is unknown (RFC 7692 §7.1).
    pub(super) fn read(extension: &Extension) -> Result<Params, DeflateError> {
        if extension.name != Deflate::NAME {
            return Err(DeflateError::OtherExtension(extension.name.clone()));
        }
        let mut params = Params::default();
        for (index, (name, value)) in extension.params.iter().enumerate() {
            if extension.params.iter().take(index).any(|(earlier, _)| earlier == name) {
                return Err(DeflateError::RepeatedParam(name.clone()));
            }
            params.read_param(name, value.as_deref())?;
        }
        Ok(params)
    }

    fn read_param(&mut self, name: &str, value: Option<&str>) -> Result<(), DeflateError> {
        let invalid =
            || DeflateError::InvalidValue { param: name.to_owned(), value: value.map(str::to_owned) };
        let window = || value.and_then(WindowBits::parse).ok_or_else(invalid);
        let no_takeover = || value.is_none().then_some(Takeover::No).ok_or_else(invalid);
        match name {
            SERVER_NO_CONTEXT_TAKEOVER => self.server_takeover = no_takeover()?,
            CLIENT_NO_CONTEXT_TAKEOVER => self.client_takeover = no_takeover()?,
            SERVER_MAX_WINDOW_BITS => self.server_window = Some(window()?),
            CLIENT_MAX_WINDOW_BITS if value.is_none() => self.client_window = Some(ClientWindow::Any),
            CLIENT_MAX_WINDOW_BITS => self.client_window = Some(ClientWindow::UpTo(window()?)),
            _ => return Err(DeflateError::UnknownParam(name.to_owned())),
        }
        Ok(())
    }

    /// The offer or response with these parameters.
    pub(super) fn extension(&self) -> Extension {
        let mut extension = Extension::new(Deflate::NAME);
        if self.server_takeover == Takeover::No {
            extension = extension.param(SERVER_NO_CONTEXT_TAKEOVER, None);
        }
        if self.client_takeover == Takeover::No {
            extension = extension.param(CLIENT_NO_CONTEXT_TAKEOVER, None);
        }
        if let Some(bits) = self.server_window {
            extension = extension.param(SERVER_MAX_WINDOW_BITS, Some(&bits.to_string()));
        }
        match self.client_window {
            None => extension,
            Some(ClientWindow::Any) => extension.param(CLIENT_MAX_WINDOW_BITS, None),
            Some(ClientWindow::UpTo(bits)) => {
                extension.param(CLIENT_MAX_WINDOW_BITS, Some(&bits.to_string()))
            }
        }
    }

    /// The client window in a response. The parameter without a value is valid in an offer only (RFC 7692 §7.1.2.2).
    pub(super) fn answered_client_window(&self) -> Result<Option<WindowBits>, DeflateError> {
        match self.client_window {
            None => Ok(None),
            Some(ClientWindow::UpTo(bits)) => Ok(Some(bits)),
            Some(ClientWindow::Any) => {
                Err(DeflateError::InvalidValue { param: CLIENT_MAX_WINDOW_BITS.to_owned(), value: None })
            }
        }
    }

    /// Checks that `answer` accepts this offer. `client_no_context_takeover` is only a hint in an offer, and a response
    /// may contain it unasked (RFC 7692 §7.1.1.2).
    pub(super) fn check_answer(&self, answer: &Params) -> Result<(), DeflateError> {
        // §7.1.1.1: a server that accepts an offer with it must repeat it.
        if self.server_takeover == Takeover::No && answer.server_takeover == Takeover::Yes {
            return Err(DeflateError::NotOffered { param: SERVER_NO_CONTEXT_TAKEOVER });
        }
        // §7.1.2.1: a server that accepts an offer with it must respond with the same or a smaller window.
        if let Some(bits) = self.server_window
            && answer.server_window.is_none_or(|answered| answered > bits)
        {
            return Err(DeflateError::NotOffered { param: SERVER_MAX_WINDOW_BITS });
        }
        // §7.1.2.2: the response must not contain it if the offer does not. The value is not checked: a larger window
        // than the client offered is wrong, but only permits what the client does not use. Autobahn's server does this
        // (cases 13.4 and 13.6).
        let allowed = self.client_window.is_some() || answer.answered_client_window()?.is_none();
        if allowed { Ok(()) } else { Err(DeflateError::NotOffered { param: CLIENT_MAX_WINDOW_BITS }) }
    }
}

impl fmt::Display for DeflateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeflateError::OtherExtension(name) => write!(f, "extension {name:?} is not permessage-deflate"),
            DeflateError::UnknownParam(name) => {
                write!(f, "permessage-deflate has no parameter {name:?}")
            }
            DeflateError::RepeatedParam(name) => {
                write!(f, "permessage-deflate has the parameter {name:?} twice")
            }
            DeflateError::InvalidValue { param, value: Some(value) } => {
                write!(f, "permessage-deflate has {value:?} for {param}")
            }
            DeflateError::InvalidValue { param, value: None } => {
                write!(f, "permessage-deflate has no value for {param}")
            }
            DeflateError::NotOffered { param } => {
                write!(f, "the permessage-deflate response does not match the offer in {param}")
            }
        }
    }
}

impl Error for DeflateError {}

#[cfg(test)]
mod tests;
