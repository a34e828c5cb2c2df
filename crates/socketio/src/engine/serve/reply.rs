//! Responses.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

use crate::engine::fault::Fault;

pub(super) type HttpReply = Response<Full<Bytes>>;

pub(super) fn empty(status: StatusCode) -> HttpReply {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// A response with text.
pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> HttpReply {
    with_type(status, "text/plain; charset=UTF-8", body.into())
}

pub(super) fn fault(fault: Fault) -> HttpReply {
    with_type(fault.status(), "application/json", fault.to_string().into())
}

fn with_type(status: StatusCode, content_type: &'static str, body: Bytes) -> HttpReply {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Clients choose what others receive here.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
