//! Which pages may use the transports without WebSocket: the same as with it.

use axum::extract::Request;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, HOST, ORIGIN, VARY,
};
use http::{HeaderValue, Method, StatusCode};
use longwire::Origin;

use axum::response::IntoResponse as _;

/// The origins of pages whose scripts may connect.
#[derive(Debug)]
pub(crate) struct OriginRule {
    /// Whether the server's own pages are `https://`.
    pub(crate) is_secure: bool,
    /// The origins beside the server's own.
    pub(crate) allowed: Vec<Origin>,
}

/// A page of an origin that may not connect.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ForeignPage;

impl OriginRule {
    /// The page that a request comes from, if it comes from one.
    pub(super) fn page(&self, request: &Request) -> Result<Option<HeaderValue>, ForeignPage> {
        let mut origins = request.headers().get_all(ORIGIN).iter();
        let page = match (origins.next(), origins.next()) {
            (None, _) => return Ok(None),
            (Some(page), None) => page,
            (Some(_), Some(_)) => return Err(ForeignPage),
        };
        let text = page.to_str().map_err(|_| ForeignPage)?;
        // A wildcard is for settings.
        let origin: Origin = if text.contains('*') { None } else { text.parse().ok() }.ok_or(ForeignPage)?;
        let is_own = self.own(request).is_some_and(|own| own == origin);
        if is_own || self.allowed.iter().any(|allowed| allowed.covers(&origin)) {
            Ok(Some(page.clone()))
        } else {
            Err(ForeignPage)
        }
    }

    /// The server's own origin, if the client reached it at this host.
    fn own(&self, request: &Request) -> Option<Origin> {
        let host = match request.uri().authority() {
            Some(authority) => authority.as_str(),
            None => request.headers().get(HOST)?.to_str().ok()?,
        };
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://{host}").parse().ok()
    }
}

/// Lets the page read the response.
pub(super) fn readable_by(page: Option<HeaderValue>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    if let Some(page) = page {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, page);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    response
}

/// The answer to a browser that asks whether a page of another origin may send a request.
pub(super) fn preflight() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST")),
        (ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("accept, content-type")),
        (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Whether this is such a question.
pub(super) fn is_preflight(method: &Method) -> bool {
    method == Method::OPTIONS
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn page(rule: &OriginRule, origins: &[&str]) -> Result<bool, ForeignPage> {
        let mut request = http::Request::get("/connection/sse").header(HOST, "example.com:8080");
        for origin in origins {
            request = request.header(ORIGIN, *origin);
        }
        rule.page(&request.body(Body::empty()).unwrap()).map(|page| page.is_some())
    }

    #[test]
    fn the_servers_own_pages_and_those_allowed_may_connect() {
        let allowed = vec!["https://*.friends.example".parse().unwrap()];
        let rule = OriginRule { is_secure: false, allowed };
        assert_eq!(page(&rule, &[]), Ok(false));
        for origin in ["http://example.com:8080", "http://EXAMPLE.com:8080", "https://a.friends.example"] {
            assert_eq!(page(&rule, &[origin]), Ok(true), "{origin}");
        }
        for origin in [
            "https://example.com:8080",
            "http://example.com",
            "https://friends.example",
            "https://*.friends.example",
            "http://a.friends.example",
            "null",
            "",
        ] {
            assert_eq!(page(&rule, &[origin]), Err(ForeignPage), "{origin}");
        }
        assert_eq!(page(&rule, &["http://example.com:8080", "http://example.com:8080"]), Err(ForeignPage));
        let secure = OriginRule { is_secure: true, allowed: Vec::new() };
        assert_eq!(page(&secure, &["https://example.com:8080"]), Ok(true));
        assert_eq!(page(&secure, &["http://example.com:8080"]), Err(ForeignPage));
    }
}
