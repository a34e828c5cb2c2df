//! Whether it makes sense to try again, and when the server wants it.

use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

use super::policy::Reconnect;
use crate::error::{Cause, Error, HandshakeError, ProxyError, RefusedResponse};

impl Reconnect {
    /// Whether there is to be no other try after this.
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
            // Whoever does not speak the protocol will not have learnt it the next time. One that says nothing at all may
            // just be going down.
            Error::Handshake(error) => !matches!(**error, HandshakeError::Ended),
            Error::Protocol(error) => self.final_codes.contains(&error.close_code()),
            Error::Closed(closed) | Error::CutOff(closed) => self.final_codes.contains(&closed.code),
            // What the application's hook met.
            Error::Send(_) | Error::Close(_) | Error::Disconnected { .. } | Error::Other(_) => false,
            Error::Io { .. } | Error::Timeout { .. } => false,
        }
    }
}

/// Whether the same request would be refused again. A status of success is no WebSocket, but often the page of somebody
/// in between, who goes away.
fn is_final_status(status: StatusCode) -> bool {
    let passes = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    status.is_redirection() || status.is_client_error() && !passes.contains(&status)
}

/// How long the server wants to be left alone (RFC 9110 §10.2.3).
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

/// A number of seconds, or a date.
fn in_headers(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number has are a very long time all the same.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests;
