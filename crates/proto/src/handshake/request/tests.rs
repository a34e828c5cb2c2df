use super::super::head::{HeadError, HeadLimits, HeadReader};
use super::super::recorded::{CHROME, CURL, NGINX, REQUESTS};
use super::super::refusal::Refusal;
use super::encode_request;
use http::{HeaderName, HeaderValue, Method, Request, Uri, Version};

fn parse(head: impl AsRef<[u8]>) -> Result<Request<()>, HeadError> {
    let mut reader = HeadReader::new(HeadLimits::default());
    reader.feed(head.as_ref())?;
    reader.request()
}

fn refused(head: impl AsRef<[u8]>) -> String {
    parse(head).expect_err("refused").to_string()
}

#[test]
fn a_recorded_request() {
    let request = parse(CHROME).unwrap();
    assert_eq!(request.method(), Method::GET);
    assert_eq!(request.uri(), "/chat?room=1");
    assert_eq!(request.version(), Version::HTTP_11);
    assert_eq!(request.headers().len(), 14);
    assert_eq!(request.headers()["cookie"], "theme=dark; session=0123456789abcdef");
}

#[test]
fn every_cut_gives_the_same_request() {
    for head in REQUESTS {
        let whole = parse(head).unwrap();
        for cut in 1..head.len() {
            let (before, after) = head.as_bytes().split_at(cut);
            let mut reader = HeadReader::new(HeadLimits::default());
            reader.feed(before).unwrap();
            reader.feed(after).unwrap();
            let request = reader.request().unwrap();
            assert_eq!((request.method(), request.uri()), (whole.method(), whole.uri()));
            assert_eq!(request.headers(), whole.headers());
        }
    }
}

#[test]
fn what_is_written_reads_the_same() {
    for head in REQUESTS {
        let request = parse(head).unwrap();
        let again = parse(encode_request(&request)).unwrap();
        assert_eq!((again.method(), again.uri()), (request.method(), request.uri()));
        assert_eq!(again.headers(), request.headers());
    }
}

#[test]
fn repeated_headers_and_bytes_beyond_ascii_are_kept() {
    let request =
        parse(b"GET / HTTP/1.1\r\nA: 1\r\na:\t2 \r\nA:\r\nB: caf\xe9 \xf0\x9f\x8e\x89\r\n\r\n").unwrap();
    let values: Vec<_> = request.headers().get_all("a").iter().collect();
    assert_eq!(values, ["1", "2", ""]);
    assert_eq!(request.headers()["b"].as_bytes(), b"caf\xe9 \xf0\x9f\x8e\x89");
}

#[test]
fn an_old_version_is_read_so_that_it_can_be_answered() {
    let request = parse("GET / HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(request.version(), Version::HTTP_10);
}

/// RFC 9110 §2.5, RFC 6455 §4.2.1 (1): "HTTP/1.1 or higher".
#[test]
fn a_higher_minor_version_is_read_as_the_highest_known() {
    for version in ["1.1", "1.2", "1.9"] {
        let mut reader = HeadReader::new(HeadLimits::default());
        reader.feed(format!("\r\nGET /HTTP/1.2 HTTP/{version}\r\nA: HTTP/1.2\r\n\r\n").as_bytes()).unwrap();
        assert_eq!(reader.request().unwrap().version(), Version::HTTP_11, "{version}");
        // Another HTTP server that receives the head may know only older versions.
        assert_eq!(reader.as_bytes(), b"\r\nGET /HTTP/1.2 HTTP/1.1\r\nA: HTTP/1.2\r\n\r\n");
    }
}

#[test]
fn another_major_version_is_told_apart() {
    for head in [
        "PRI * HTTP/2.0\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET / HTTP/0.9\r\n\r\n",
        "\r\nGET / HTTP/3.1\r\n\r\n",
    ] {
        assert_eq!(parse(head).unwrap_err(), HeadError::OtherVersion, "{head}");
    }
}

#[test]
fn the_forms_of_a_target() {
    let target = |line: &str| parse(format!("{line} HTTP/1.1\r\n\r\n")).map(|request| request.uri().clone());
    assert_eq!(target("GET /a?b=c").unwrap(), "/a?b=c");
    assert_eq!(target("GET http://example.com/a").unwrap(), "http://example.com/a");
    assert_eq!(target("GET http://example.com").unwrap().path(), "/");
    assert_eq!(target("CONNECT example.com:443").unwrap().authority().unwrap(), "example.com:443");
    assert_eq!(target("OPTIONS *").unwrap().path(), "*");
    assert_eq!(target("OPTIONS /").unwrap().path(), "/");
    for line in [
        "GET *",
        "GET example.com:443",
        "OPTIONS example.com:443",
        "GET a/b",
        "CONNECT /",
        "CONNECT http://a/",
        "GET ?a",
        "GET http://",
    ] {
        let error = target(line).expect_err(line);
        assert_eq!(error, HeadError::Malformed("the request target is neither a path nor a URL"), "{line}");
    }
    let fragment = target("GET /a#b").unwrap_err();
    assert_eq!(fragment, HeadError::Malformed("the request target has a fragment"));
    let longest = "a".repeat(usize::from(u16::MAX));
    let mut reader = HeadReader::new(HeadLimits { bytes: usize::MAX, ..HeadLimits::default() });
    reader.feed(format!("GET /{longest} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
    assert!(reader.request().is_err());
}

#[test]
fn malformed_requests_say_what_is_wrong() {
    for (head, reason) in [
        ("GET / HTTP/1.x\r\n\r\n", "the version is not HTTP/1.x"),
        ("GET / HTTP/1.10\r\n\r\n", "a line does not end with CR LF"),
        ("GET / http/2.0\r\n\r\n", "the version is not HTTP/1.x"),
        ("GET /\r\n\r\n", "the start line is not an HTTP start line"),
        ("GET\r\n\r\n", "the start line is not an HTTP start line"),
        ("G(T / HTTP/1.1\r\n\r\n", "the start line is not an HTTP start line"),
        ("GET / HTTP/1.1 \r\n\r\n", "a line does not end with CR LF"),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", "the start line is not an HTTP start line"),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "a header name is not a token"),
        ("GET / HTTP/1.1\r\nHost\r\n\r\n", "a header name is not a token"),
        ("GET / HTTP/1.1\r\n: a\r\n\r\n", "a header name is not a token"),
        ("GET / HTTP/1.1\r\nH\u{f6}st: a\r\n\r\n", "a header name is not a token"),
    ] {
        assert_eq!(refused(head), format!("malformed HTTP head: {reason}"), "{head:?}");
    }
}

#[test]
fn no_input_panics() {
    let head = NGINX.as_bytes();
    for position in 0..head.len() {
        for byte in 0..=u8::MAX {
            let mut changed = head.to_vec();
            changed[position] = byte;
            if let Ok(request) = parse(&changed) {
                assert!(request.uri().path().starts_with('/'));
            }
        }
    }
}

#[test]
fn the_request_on_the_wire() {
    let mut request = Request::new(());
    *request.uri_mut() = Uri::from_static("/chat?room=1");
    let headers = request.headers_mut();
    headers.append("upgrade", HeaderValue::from_static("websocket"));
    headers.append("sec-websocket-key", HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
    headers.append("cookie", HeaderValue::from_static("a=1"));
    headers.append("host", HeaderValue::from_static("example.com"));
    headers.append("cookie", HeaderValue::from_static("b=2"));
    let expected = "GET /chat?room=1 HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n";
    assert_eq!(String::from_utf8(encode_request(&request)).unwrap(), expected);
}

#[test]
fn other_targets_are_written_as_they_are() {
    for (method, target) in [(Method::CONNECT, "example.com:443"), (Method::GET, "http://example.com/a?b")] {
        let request = Request::builder().method(method.clone()).uri(target).body(()).unwrap();
        assert_eq!(encode_request(&request), format!("{method} {target} HTTP/1.1\r\n\r\n").into_bytes());
    }
}

#[test]
fn nothing_can_inject_a_header() {
    for hostile in ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\0b"] {
        assert!(HeaderValue::from_str(hostile).is_err());
        assert!(HeaderName::from_bytes(hostile.as_bytes()).is_err());
        assert!(Method::from_bytes(hostile.as_bytes()).is_err());
        assert!(Uri::try_from(format!("/{hostile}")).is_err());
        assert!(Uri::try_from(format!("http://{hostile}/")).is_err());
    }
}

#[test]
fn an_unreadable_head_is_refused_with_its_status() {
    let refusal = Refusal::from(parse(CURL.replace("\r\n", "\n")).unwrap_err());
    assert_eq!(
        refusal.to_string(),
        "400 Bad Request: malformed HTTP head: a line feed stands without a carriage return"
    );
    let refusal = Refusal::from(HeadError::TooLarge);
    assert_eq!(refusal.to_string(), "431 Request Header Fields Too Large: the HTTP head is too large");
}
