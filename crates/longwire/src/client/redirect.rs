//! Where a response sends the client instead (RFC 9110 §15.4).

use http::StatusCode;
use http::header::LOCATION;

use super::address::Address;
use super::credentials::redacted;
use crate::error::{HandshakeError, RefusedResponse};

/// Where the answer from `address` redirects to; `None`: nowhere.
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
    let location = refused.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let Some(location) = location.filter(|_| is_redirect) else { return Ok(None) };
    let target = address.redirected(location).map_err(HandshakeError::Redirect)?;
    // What was to be kept from others would be readable for all.
    if address.is_secure() && !target.is_secure() {
        return Err(HandshakeError::InsecureRedirect(redacted(location).into_owned()));
    }
    Ok(Some(target))
}
