use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use longwire_proto::{CloseCode, Closed, ProtocolError};

use super::*;
use crate::error::UrlError;

const SECOND: Duration = Duration::from_secs(1);

fn is_final(cause: &Cause) -> bool {
    Reconnect::default().is_final(cause)
}

fn failed(error: impl Into<Error>) -> Cause {
    Cause::Failed(Arc::new(error.into()))
}

fn closed(code: u16) -> Closed {
    let mut closed = Closed::lost();
    closed.code = code.into();
    closed
}

fn response(status: u16, retry_after: Option<&str>) -> Box<RefusedResponse> {
    let mut response = Response::builder().status(status);
    if let Some(value) = retry_after {
        response = response.header(RETRY_AFTER, value);
    }
    Box::new(RefusedResponse(response.body(Bytes::new()).unwrap()))
}

fn refused(status: u16) -> Cause {
    failed(Error::Refused(response(status, None)))
}

fn refused_by_proxy(status: u16, retry_after: Option<&str>) -> Cause {
    let response = response(status, retry_after);
    failed(ProxyError::Refused { proxy: "p:1".into(), to: "a.example:80".into(), response })
}

#[test]
fn codes_that_say_that_the_same_would_happen_again_are_final() {
    for code in [1000, 1002, 1003, 1007, 1008, 1009, 1010] {
        assert!(is_final(&Cause::Closed(closed(code))), "{code}");
        assert!(is_final(&failed(Error::Closed(Box::new(closed(code))))), "{code}");
    }
    for code in [1001, 1005, 1006, 1011, 1012, 1013, 1014, 3000, 4000, 4999] {
        assert!(!is_final(&Cause::Closed(closed(code))), "{code}");
    }
    assert!(is_final(&failed(ProtocolError::NotMasked)));
}

#[test]
fn the_caller_says_which_codes_are_final() {
    let policy = Reconnect::default().final_codes([CloseCode::from(4001)]);
    assert!(policy.is_final(&Cause::Closed(closed(4001))));
    assert!(!policy.is_final(&Cause::Closed(closed(1000))));
    assert!(!policy.is_final(&failed(ProtocolError::NotMasked)));
}

#[test]
fn refusals_that_ask_for_another_request_are_final() {
    for status in [301, 307, 400, 401, 403, 404, 407, 426, 431, 451] {
        assert!(is_final(&refused(status)) && is_final(&refused_by_proxy(status, None)), "{status}");
    }
    for status in [200, 408, 425, 429, 500, 502, 503, 504] {
        assert!(!is_final(&refused(status)) && !is_final(&refused_by_proxy(status, None)), "{status}");
    }
}

#[test]
fn mistakes_are_final_and_troubles_are_not() {
    assert!(is_final(&failed(UrlError::NoHost("ws://".into()))));
    assert!(is_final(&failed(HandshakeError::InsecureRedirect("ws://a.example/".into()))));
    assert!(is_final(&failed(ProxyError::Address { proxy: "x".into(), reason: "bad".into() })));
    assert!(!is_final(&failed(HandshakeError::Ended)));
    assert!(is_final(&failed(ProxyError::Login { proxy: "p:1".into(), reason: "no".into() })));
    assert!(!is_final(&failed(ProxyError::Ended { proxy: "p:1".into() })));
    assert!(!is_final(&failed(Error::timeout("connect", SECOND))));
    assert!(!is_final(&failed(Error::io("connect", io::ErrorKind::ConnectionRefused.into()))));
    assert!(!is_final(&failed(Error::other("the database is down"))));
}

#[test]
fn a_server_that_has_too_much_to_do_says_for_how_long() {
    let now = httpdate::parse_http_date("Fri, 31 Dec 1999 23:59:00 GMT").unwrap();
    for (value, wait) in [
        ("120", Some(120 * SECOND)),
        (" 0 ", Some(Duration::ZERO)),
        ("99999999999999999999999", Some(Duration::from_secs(u64::MAX))),
        ("Fri, 31 Dec 1999 23:59:59 GMT", Some(59 * SECOND)),
        ("Fri, 31 Dec 1999 23:00:00 GMT", Some(Duration::ZERO)),
        ("-1", None),
        ("+1", None),
        ("soon", None),
        ("", None),
    ] {
        for status in [429, 503] {
            let cause = failed(Error::Refused(response(status, Some(value))));
            assert_eq!(retry_after(&cause, now), wait, "{value:?}");
            assert_eq!(retry_after(&refused_by_proxy(status, Some(value)), now), wait, "{value:?}");
        }
    }
}

#[test]
fn nobody_else_is_asked() {
    let now = SystemTime::now();
    assert_eq!(retry_after(&refused(503), now), None);
    assert_eq!(retry_after(&failed(Error::Refused(response(500, Some("9")))), now), None);
    assert_eq!(retry_after(&Cause::Closed(closed(1013)), now), None);
    assert_eq!(retry_after(&failed(HandshakeError::Ended), now), None);
}
