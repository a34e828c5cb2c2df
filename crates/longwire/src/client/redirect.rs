//! Redirects (RFC 9110 §15.4).

use http::StatusCode;
use http::header::LOCATION;
use percent_encoding::{CONTROLS, percent_encode};

use super::address::Address;
use super::credentials::redacted;
use crate::error::{HandshakeError, RefusedResponse};

/// The address that the response from `address` redirects to; `None` if it does not redirect.
pub(super) fn target(
    address: &Address,
    refused: &RefusedResponse,
) -> Result<Option<Address>, HandshakeError> {
    let is_redirect = matches!(
        refused.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let Some(location) = refused.headers().get(LOCATION).filter(|_| is_redirect) else { return Ok(None) };
    // A server should send ASCII only (RFC 3986 §2). Other bytes are percent-encoded unchanged, as in browsers,
    // whatever their encoding.
    let location = percent_encode(location.as_bytes(), CONTROLS).to_string();
    let target = address.redirected(&location).map_err(HandshakeError::Redirect)?;
    // An unencrypted connection would expose the application's secrets.
    if address.is_secure() && !target.is_secure() {
        return Err(HandshakeError::InsecureRedirect(redacted(&location).into_owned()));
    }
    Ok(Some(target))
}
