//! The parameters of permessage-deflate, RFC 7692 §7.1.

use std::error::Error;
use std::fmt;

use super::agreement::{Takeover, WindowBits};
use super::config::Deflate;
use crate::handshake::Extension;

const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// The parameters of one offer or answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Params {
    pub(super) server_takeover: Takeover,
    pub(super) client_takeover: Takeover,
    pub(super) server_window: Option<WindowBits>,
    pub(super) client_window: Option<ClientWindow>,
}

/// `client_max_window_bits`, which has a meaning without a value too (RFC 7692 §7.1.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientWindow {
    /// In an offer: the client can be bound to any window.
    Any,
    /// In an offer: the client can be bound to any window, and uses no larger one than this anyway. In an answer: it
    /// must not use a larger one.
    UpTo(WindowBits),
}

/// Why the server's answer to permessage-deflate cannot be agreed to. The client fails the connection (RFC 7692 §7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeflateError {
    /// The answer names another extension.
    OtherExtension(String),
    /// A parameter that RFC 7692 does not define.
    UnknownParam(String),
    /// A parameter that stands twice.
    RepeatedParam(String),
    /// A parameter with a value that it cannot have, or without the one that it needs.
    InvalidValue {
        /// The parameter's name.
        param: String,
        /// What it has for a value.
        value: Option<String>,
    },
    /// A parameter that is missing although the offer asked for it, or that grants more or asks for more than the offer
    /// allows.
    NotOffered {
        /// The parameter's name.
        param: &'static str,
    },
}

impl Params {
    /// Reads an offer or an answer, whole or not at all: an end must decline an offer and fail on an answer that has a
    /// parameter twice, with a wrong value, or that is not defined (RFC 7692 §7.1).
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

    /// The offer or answer with these parameters.
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

    /// The window that an answer binds the client to. Without a value it binds to nothing, which only an offer may say
    /// (RFC 7692 §7.1.2.2).
    pub(super) fn answered_client_window(&self) -> Result<Option<WindowBits>, DeflateError> {
        match self.client_window {
            None => Ok(None),
            Some(ClientWindow::UpTo(bits)) => Ok(Some(bits)),
            Some(ClientWindow::Any) => {
                Err(DeflateError::InvalidValue { param: CLIENT_MAX_WINDOW_BITS.to_owned(), value: None })
            }
        }
    }

    /// Checks that `answer` accepts this offer and not something else. Whether the client may refer to earlier messages
    /// is not for the offer to say: `client_no_context_takeover` is a hint there, and an answer may have it unasked
    /// (RFC 7692 §7.1.1.2).
    pub(super) fn check_answer(&self, answer: &Params) -> Result<(), DeflateError> {
        // §7.1.1.1: to accept an offer with it, the server has to repeat it.
        if self.server_takeover == Takeover::No && answer.server_takeover == Takeover::Yes {
            return Err(DeflateError::NotOffered { param: SERVER_NO_CONTEXT_TAKEOVER });
        }
        // §7.1.2.1: to accept an offer with it, the server has to answer the same or a smaller window.
        if let Some(bits) = self.server_window
            && answer.server_window.is_none_or(|answered| answered > bits)
        {
            return Err(DeflateError::NotOffered { param: SERVER_MAX_WINDOW_BITS });
        }
        // §7.1.2.2: it must not be answered if it was not offered. With which value does not matter: a server that
        // answers a larger window than was offered does what it should not, but only allows what the client does not
        // use. Autobahn's does so (cases 13.4 and 13.6).
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
                write!(f, "permessage-deflate was answered with another {param} than the offer allows")
            }
        }
    }
}

impl Error for DeflateError {}

#[cfg(test)]
mod tests;
