use super::super::recorded::CURL;
use super::super::{Bootstrap, ClientHandshake, ConnectProtocol, encode_response_head};
use super::*;
use http::{Request, StatusCode, Uri, Version};
use std::time::Duration;

const PLAIN: &str = "POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";

fn handshake() -> ServerHandshake {
    ServerHandshake::begin(&Limits::default(), Instant::now())
}

/// The result of `bytes` arriving in chunks of `chunk` bytes, and how many of them belong to the request.
fn received(bytes: &[u8], chunk: usize) -> (HandshakeProgress, usize) {
    let (mut handshake, mut before) = (handshake(), 0);
    for input in bytes.chunks(chunk) {
        let progress = handshake.receive(input);
        match progress {
            HandshakeProgress::More => before += input.len(),
            HandshakeProgress::WebSocket { consumed, .. } | HandshakeProgress::Http { consumed, .. } => {
                return (progress, before + consumed);
            }
            HandshakeProgress::Refused(_) => return (progress, before),
        }
    }
    (HandshakeProgress::More, before)
}

#[test]
fn a_request_for_a_websocket_waits_for_the_decision_however_it_was_cut() {
    let mut bytes = CURL.as_bytes().to_vec();
    bytes.extend_from_slice(b"\x81\x80\0\0\0\0");
    for chunk in [1, 7, bytes.len()] {
        let (progress, consumed) = received(&bytes, chunk);
        let HandshakeProgress::WebSocket { asked, .. } = progress else { panic!("{progress:?}") };
        assert_eq!((asked.request.uri().path(), consumed), ("/chat", CURL.len()));
        assert!(matches!(asked.offer.bootstrap(), Bootstrap::Upgrade(_)));
        let mut out = Vec::new();
        encode_response_head(&asked.offer.accept(None, &[]).unwrap().0, &mut out);
        assert!(out.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
    }
}

#[test]
fn plain_http_is_handed_on_with_all_that_was_read() {
    let mut handshake = handshake();
    let progress = handshake.receive(format!("{PLAIN}a=b").as_bytes());
    let HandshakeProgress::Http { request, body, consumed } = progress else { panic!("{progress:?}") };
    assert_eq!((request.uri().path(), body, consumed), ("/form", RequestBody::Length(3), PLAIN.len()));
    assert_eq!(handshake.head(), PLAIN.as_bytes());
}

#[test]
fn what_breaks_a_rule_is_refused_at_the_first_byte_that_shows_it() {
    for (bytes, answer) in [
        ("\u{16}\u{3}\u{1}", "HTTP/1.1 400 Bad Request\r\n"),
        ("GET / HTTP/1.1\nHost: a\n\n", "HTTP/1.1 400 Bad Request\r\n"),
        ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 505 HTTP Version Not Supported\r\n"),
        (&CURL.replace("Version: 13", "Version: 8"), "HTTP/1.1 426 Upgrade Required\r\n"),
        (&CURL.replace("GET ", "POST "), "HTTP/1.1 405 Method Not Allowed\r\n"),
        (
            &format!("GET / HTTP/1.1\r\nA: {}", "x".repeat(1 << 14)),
            "HTTP/1.1 431 Request Header Fields Too Large\r\n",
        ),
    ] {
        let (progress, _) = received(bytes.as_bytes(), 1);
        let HandshakeProgress::Refused(refused) = progress else { panic!("{bytes}: {progress:?}") };
        let text = String::from_utf8(refused.encode()).unwrap();
        assert!(text.starts_with(answer), "{bytes}: {text}");
        assert!(text.ends_with(&format!("\r\n\r\n{}\n", refused.refusal.reason())), "{text}");
    }
}

#[test]
fn a_refused_head_request_is_answered_without_content() {
    let (progress, _) = received(CURL.replace("GET ", "HEAD ").as_bytes(), 64);
    let HandshakeProgress::Refused(refused) = progress else { panic!("{progress:?}") };
    assert_eq!(refused.refusal.status(), StatusCode::METHOD_NOT_ALLOWED);
    let answer = String::from_utf8(refused.encode()).unwrap();
    let length = format!("Content-Length: {}\r\n", refused.refusal.response().body().len());
    assert!(answer.contains(&length) && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn the_time_counts_from_the_first_byte_to_the_decision() {
    let (begun, second) = (Instant::now(), Duration::from_secs(1));
    let mut handshake = ServerHandshake::begin(&Limits::default().handshake_time(second), begun);
    assert!(matches!(handshake.receive(CURL.as_bytes()), HandshakeProgress::WebSocket { .. }));
    assert_eq!(handshake.deadline(), Some(begun + second));
    let just_before = begun + second - Duration::from_nanos(1);
    assert_eq!((handshake.is_overdue(just_before), handshake.is_overdue(begun + second)), (false, true));
    let limits = HeadLimits::from(&Limits::default());
    assert!(!ServerHandshake::further(limits).is_overdue(begun + second * 1_000));
}

fn extended_connect(target: &str) -> http::request::Builder {
    Request::connect(target)
        .version(Version::HTTP_2)
        .extension(ConnectProtocol::WEBSOCKET)
        .header("sec-websocket-version", "13")
}

/// RFC 8441 §5: the same offer, without the headers that HTTP/2 lacks, and a response with 200.
#[test]
fn an_extended_connect_is_answered_with_200_and_the_same_agreement() {
    let client = ClientHandshake::extended_connect(&Uri::from_static("wss://example.com/chat?x"))
        .unwrap()
        .subprotocols(["chat.v2", "chat.v1"])
        .unwrap();
    let request = client.request();
    assert_eq!(request.uri(), "https://example.com/chat?x");
    for name in ["host", "upgrade", "connection", "sec-websocket-key"] {
        assert!(!request.headers().contains_key(name), "{name}");
    }
    let asked = UpgradeRequest::read(request).unwrap();
    assert_eq!(asked.offer.bootstrap(), &Bootstrap::ExtendedConnect);
    let (response, _) = asked.offer.accept(Some("chat.v1"), &[]).unwrap();
    assert_eq!((response.status(), response.headers().len()), (StatusCode::OK, 1));
    assert_eq!(client.verify(&response).unwrap().subprotocol.as_deref(), Some("chat.v1"));
}

/// Each side accepts only the response to its own request.
#[test]
fn the_answer_to_the_other_bootstrap_opens_nothing() {
    let stream = ClientHandshake::extended_connect(&Uri::from_static("ws://example.com")).unwrap();
    let upgrade = ClientHandshake::new("example.com".parse().unwrap(), &Uri::from_static("/"));
    let answer = |client: &ClientHandshake| {
        UpgradeRequest::read(client.request()).unwrap().offer.accept(None, &[]).unwrap().0
    };
    assert!(stream.verify(&answer(&stream)).is_ok() && upgrade.verify(&answer(&upgrade)).is_ok());
    assert!(stream.verify(&answer(&upgrade)).is_err());
    assert!(upgrade.verify(&answer(&stream)).is_err());
}

#[test]
fn an_extended_connect_that_breaks_a_rule_is_refused() {
    let refused = |request: http::request::Builder| {
        UpgradeRequest::read(request.body(()).unwrap()).unwrap_err().to_string()
    };
    let target = "https://example.com/chat";
    for (request, answer) in [
        (extended_connect("example.com:443"), "400 Bad Request: an extended CONNECT has a scheme and a path"),
        (
            extended_connect("https://u@example.com/"),
            "400 Bad Request: the request target does not name a host",
        ),
        (
            extended_connect(target).header("sec-websocket-protocol", "a b"),
            "400 Bad Request: Sec-WebSocket-Protocol",
        ),
        (
            extended_connect(target).header("host", "a").header("host", "b"),
            "400 Bad Request: Host is repeated",
        ),
        (
            Request::connect(target).extension(ConnectProtocol::WEBSOCKET),
            "426 Upgrade Required: this server speaks",
        ),
        (Request::connect(target).version(Version::HTTP_2), "505 HTTP Version Not Supported: "),
        (Request::get(target).version(Version::HTTP_2), "505 HTTP Version Not Supported: "),
    ] {
        let text = refused(request);
        assert!(text.starts_with(answer), "{text:?} and not {answer:?}");
    }
    let other = Request::connect(target).extension(ConnectProtocol::new("connect-udp")).body(()).unwrap();
    assert!(!is_upgrade(&other));
}
