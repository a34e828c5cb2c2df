//! What a request is answered that opens no WebSocket and reaches no service.

use http::header::{ALLOW, CONNECTION};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use longwire_proto::handshake::{HeadReader, Refusal, RequestBody, check_request, encode_response_head};

/// A request that breaks a rule.
#[derive(Debug)]
pub(crate) struct Rejected {
    pub(crate) refusal: Refusal,
    /// The request, if it could be read.
    pub(crate) request: Option<Box<Request<()>>>,
}

/// Judges a head that is complete: the same for every request of a connection, whatever it asks for.
pub(crate) fn judge(head: &HeadReader) -> Result<(Request<()>, RequestBody), Rejected> {
    let request = head.request().map_err(|error| Rejected { refusal: error.into(), request: None })?;
    match check_request(&request) {
        Ok(body) => Ok((request, body)),
        Err(refusal) => Err(Rejected { refusal, request: Some(Box::new(request)) }),
    }
}

/// The answer to a plain request where only WebSockets are served. OPTIONS is how a load balancer asks whether a server is
/// well, so it is not refused (RFC 9110 §9.3.7).
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

/// An answer on the wire. One to HEAD has no content (RFC 9110 §9.3.2).
pub(crate) fn encode_answer(response: &Response<String>, request: Option<&Request<()>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_response_head(response, &mut bytes);
    if request.is_none_or(|request| request.method() != Method::HEAD) {
        bytes.extend_from_slice(response.body().as_bytes());
    }
    bytes
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

    #[test]
    fn an_answer_to_head_has_no_content_but_tells_its_length() {
        let response = Refusal::not_found("nothing").response();
        let (get, head) = (request(Method::GET), request(Method::HEAD));
        assert!(encode_answer(&response, Some(&get)).ends_with(b"\r\n\r\nnothing\n"));
        assert!(encode_answer(&response, None).ends_with(b"\r\n\r\nnothing\n"));
        let without = encode_answer(&response, Some(&head));
        assert!(
            without.ends_with(b"\r\n\r\n") && without.windows(17).any(|bytes| bytes == b"Content-Length: 8")
        );
    }
}
