use super::super::head::{HeadLimits, HeadReader};
use super::*;

fn read(head: &str) -> HeadReader {
    let mut reader = HeadReader::new(HeadLimits::default());
    reader.feed(head.as_bytes()).unwrap();
    reader
}

fn judged(head: &str) -> Result<RequestBody, String> {
    let request = read(head).request().map_err(Refusal::from);
    request.and_then(|request| check_request(&request)).map_err(|refusal| refusal.to_string())
}

#[test]
fn every_request_names_one_valid_host() {
    let hosts = |lines: &str| judged(&format!("GET / HTTP/1.1\r\n{lines}\r\n"));
    for lines in ["Host: a\r\n", "Host: a:80\r\n", "Host:[::1]:1 \r\n", "host: A.example.\r\n"] {
        assert_eq!(hosts(lines), Ok(RequestBody::None), "{lines}");
    }
    assert_eq!(hosts("").unwrap_err(), "400 Bad Request: Host is missing");
    assert_eq!(hosts("Host: a\r\nHost: a\r\n").unwrap_err(), "400 Bad Request: Host is repeated");
    for value in ["", "a b", "a:b", "user@h", "a/b", "a,\tb", "http://a", "[::1", "a:65536", "\u{e9}"] {
        let refused = hosts(&format!("Host: {value}\r\n")).unwrap_err();
        assert_eq!(refused, "400 Bad Request: Host is not a host with an optional port", "{value}");
    }
}

/// RFC 9112 §3.2 requires `Host` in HTTP/1.1 only; if present, it must be valid in any version.
#[test]
fn http_1_0_may_leave_host_out() {
    assert_eq!(judged("OPTIONS / HTTP/1.0\r\n\r\n"), Ok(RequestBody::None));
    assert!(judged("GET / HTTP/1.0\r\nHost: a b\r\n\r\n").is_err());
    assert!(judged("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n").is_err());
}

#[test]
fn a_target_that_names_a_host_names_a_valid_one() {
    let target = |target: &str| judged(&format!("{target} HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(
        target("GET http://b:81/x").is_ok() && target("CONNECT b:443").is_ok() && target("OPTIONS *").is_ok()
    );
    for wrong in ["GET http://user@b/", "GET http://b:x/", "CONNECT b", "CONNECT user@b:443"] {
        assert!(target(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_host_of_the_target_counts_before_the_header() {
    let host = |line: &str| {
        let reader = read(&format!("{line}\r\nHost: a.example\r\n\r\n"));
        let request = reader.request().unwrap();
        requested_host(request.uri(), request.headers()).map(str::to_owned)
    };
    assert_eq!(host("GET / HTTP/1.1").as_deref(), Some("a.example"));
    assert_eq!(host("GET http://b.example:81/ HTTP/1.1").as_deref(), Some("b.example:81"));
}

#[test]
fn a_body_has_one_end() {
    let body = |lines: &str| judged(&format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n"));
    for (lines, expected) in [
        ("", RequestBody::None),
        ("Content-Length: 0\r\n", RequestBody::None),
        ("Content-Length: 0012\r\n", RequestBody::Length(12)),
        ("Transfer-Encoding: Chunked\r\n", RequestBody::Chunked),
    ] {
        assert_eq!(body(lines), Ok(expected), "{lines}");
    }
    for (lines, expected) in [
        ("Content-Length: 5\r\nContent-Length: 5\r\n", "400 Bad Request: Content-Length is repeated"),
        ("Content-Length: +5\r\n", "400 Bad Request: Content-Length is not a number of bytes"),
        ("Content-Length: 5, 5\r\n", "400 Bad Request: Content-Length is not a number of bytes"),
        ("Content-Length:\r\n", "400 Bad Request: Content-Length is not a number of bytes"),
        (
            "Content-Length: 99999999999999999999\r\n",
            "400 Bad Request: Content-Length is not a number of bytes",
        ),
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "400 Bad Request: the request has both Transfer-Encoding and Content-Length",
        ),
        (
            "Transfer-Encoding: gzip, chunked\r\n",
            "501 Not Implemented: Transfer-Encoding may only be chunked",
        ),
        (
            "Transfer-Encoding: chunked, chunked\r\n",
            "501 Not Implemented: Transfer-Encoding may only be chunked",
        ),
        ("Transfer-Encoding:\r\n", "501 Not Implemented: Transfer-Encoding may only be chunked"),
    ] {
        let refused = body(lines).unwrap_err();
        assert!(refused.starts_with(expected), "{lines}: {refused}");
    }
    let old = judged("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap_err();
    assert_eq!(old, "400 Bad Request: HTTP/1.0 has no Transfer-Encoding");
}

#[test]
fn a_head_that_is_not_http_is_refused_with_its_status() {
    assert!(judged("GET / HTTP/2.0\r\n\r\n").unwrap_err().starts_with("505 HTTP Version Not Supported: "));
    assert!(judged("GET * HTTP/1.1\r\nHost: a\r\n\r\n").unwrap_err().starts_with("400 Bad Request: "));
}
