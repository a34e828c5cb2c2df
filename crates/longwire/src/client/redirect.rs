//! Where a response sends the client instead (RFC 9110 §15.4).

use http::StatusCode;
use http::header::LOCATION;
use percent_encoding::{CONTROLS, percent_encode};

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
    let Some(location) = refused.headers().get(LOCATION).filter(|_| is_redirect) else { return Ok(None) };
    // A server should send ASCII only (RFC 3986 §2); what else it sends is asked for as it came, as browsers do, whichever
    // encoding it was meant in.
    let location = percent_encode(location.as_bytes(), CONTROLS).to_string();
    let target = address.redirected(&location).map_err(HandshakeError::Redirect)?;
    // What was to be kept from others would be readable for all.
    if address.is_secure() && !target.is_secure() {
        return Err(HandshakeError::InsecureRedirect(redacted(&location).into_owned()));
    }
    Ok(Some(target))
}
