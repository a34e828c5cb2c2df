//! Decides whether to try again, and when the server wants that.

use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

use super::policy::Reconnect;
use crate::error::{Cause, Error, HandshakeError, ProxyError, RefusedResponse};

impl Reconnect {
    /// Whether no attempt should follow this.
    pub(super) fn is_final(&self, cause: &Cause) -> bool {
        match cause {
            Cause::Closed(closed) => self.final_codes.contains(&closed.code),
            Cause::Failed(error) => self.is_final_error(error),
        }
    }

    fn is_final_error(&self, error: &Error) -> bool {
        match error {
            Error::Url(_) | Error::Setting(_) | Error::GaveUp(_) => true,
            Error::Refused(refused) => is_final_status(refused.status()),
            Error::Proxy(error) => match &**error {
                ProxyError::Refused { response, .. } => is_final_status(response.status()),
                ProxyError::Address { .. } | ProxyError::Answer { .. } | ProxyError::Login { .. } => true,
                ProxyError::Ended { .. } | ProxyError::Socks { .. } => false,
            },
            // A server that does not speak the protocol will not speak it next time either. A server that closes
            // without a response may just be shutting down.
            Error::Handshake(error) => !matches!(**error, HandshakeError::Ended),
            Error::Protocol(error) => self.final_codes.contains(&error.close_code()),
            Error::Closed(closed) | Error::CutOff(closed) => self.final_codes.contains(&closed.code),
            // Errors of the application's `on_open`.
            Error::Send(_) | Error::Close(_) | Error::Disconnected { .. } | Error::Other(_) => false,
            Error::Io { .. } | Error::Timeout { .. } => false,
        }
    }
}

/// Whether the server would refuse the same request again. A success status does not open a WebSocket, but often comes
/// from an intermediary that is only there for a while.
fn is_final_status(status: StatusCode) -> bool {
    let passes = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    status.is_redirection() || status.is_client_error() && !passes.contains(&status)
}

/// How long the server asks clients to wait (RFC 9110 §10.2.3).
pub(super) fn retry_after(cause: &Cause, now: SystemTime) -> Option<Duration> {
    let Cause::Failed(error) = cause else { return None };
    match &**error {
        Error::Refused(refused) => asked_for(refused, now),
        Error::Proxy(error) => match &**error {
            ProxyError::Refused { response, .. } => asked_for(response, now),
            _ => None,
        },
        _ => None,
    }
}

fn asked_for(refused: &RefusedResponse, now: SystemTime) -> Option<Duration> {
    let asks = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
    if asks.contains(&refused.status()) { in_headers(refused.headers(), now) } else { None }
}

/// Reads a number of seconds, or a date.
fn in_headers(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number with too many digits is still a very long time.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests;
