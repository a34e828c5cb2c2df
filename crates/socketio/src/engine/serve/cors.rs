//! Which pages may send requests: those that may open WebSockets.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ORIGIN, VARY,
};
use http::{Extensions, HeaderMap, HeaderValue, Response, StatusCode};
use longwire::PageAccess;

use super::reply::{HttpReply, empty};
use crate::engine::fault::Fault;

/// The page that sent a request, if its browser names it.
#[derive(Debug, Clone)]
pub(super) struct Page(Option<HeaderValue>);

impl Page {
    /// The page of a request, if it may send it. Without the verdict of a [`longwire::Server`], no page may.
    pub(super) fn of(headers: &HeaderMap, extensions: &Extensions) -> Result<Page, Fault> {
        let Some(origin) = headers.get(ORIGIN) else { return Ok(Page(None)) };
        match extensions.get() {
            Some(PageAccess::Allowed) => Ok(Page(Some(origin.clone()))),
            _ => Err(Fault::Forbidden),
        }
    }

    /// Lets the page read a response.
    pub(super) fn may_read(self, mut response: HttpReply) -> HttpReply {
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("Origin"));
        if let Page(Some(origin)) = self {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        response
    }
}

/// The response to a browser that asks whether a page of another origin may send a request.
pub(super) fn preflight(asked: &HeaderMap) -> HttpReply {
    let mut response: Response<_> = empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    if let Some(names) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    response
}
