//! Responses to requests that neither open a WebSocket nor reach a service.

use std::time::Duration;

use http::header::{ALLOW, CONNECTION};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use longwire_proto::handshake::Refusal;

/// After a refusal, the server keeps reading from the client for this long, up to this many bytes. Otherwise the
/// client could see a reset instead of the response.
pub(crate) const LINGER_TIME: Duration = Duration::from_secs(1);
pub(crate) const LINGER_BYTES: usize = 1 << 20;

/// How many rejected clients get a response at a time that the server is full, per server with
/// [`Server::serve`](crate::Server::serve), per event loop otherwise.
pub(crate) const TURNED_AWAY_AT_A_TIME: usize = 64;

/// The response to a plain request where only WebSockets are served. OPTIONS is not refused, because load balancers
/// use it as a health check (RFC 9110 §9.3.7).
pub(crate) fn without_service(request: &Request<()>) -> Result<Response<String>, Refusal> {
    if request.method() != Method::OPTIONS {
        return Err(Refusal::upgrade_required("only WebSockets are served here"));
    }
    let mut response = Response::new(String::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, OPTIONS"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method) -> Request<()> {
        Request::builder().method(method).uri("/").body(()).unwrap()
    }

    #[test]
    fn options_is_answered_where_only_websockets_are_served() {
        let answer = without_service(&request(Method::OPTIONS)).unwrap();
        assert_eq!(
            (answer.status(), &answer.headers()["allow"]),
            (StatusCode::NO_CONTENT, &"GET, OPTIONS".parse().unwrap())
        );
        for method in [Method::GET, Method::HEAD, Method::POST] {
            assert_eq!(without_service(&request(method)).unwrap_err().status(), StatusCode::UPGRADE_REQUIRED);
        }
    }
}
