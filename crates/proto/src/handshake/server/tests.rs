use super::super::head::{HeadLimits, HeadReader};
use super::super::negotiate::{Extension, ExtensionError};
use super::super::recorded::{CHROME, CURL, NGINX, REQUESTS};
use super::super::refusal::Refusal;
use super::{AcceptError, Offer, is_upgrade};
use http::{Request, Response, StatusCode, Version};

fn request(head: impl AsRef<[u8]>) -> Request<()> {
    let mut reader = HeadReader::new(HeadLimits::default());
    reader.feed(head.as_ref()).unwrap();
    reader.request().unwrap()
}

fn offer(head: impl AsRef<[u8]>) -> Offer {
    Offer::read(&request(head)).unwrap()
}

/// The refusal of curl's request with `line` replaced by `replacement`, which may be empty or several lines.
fn refusal(line: &str, replacement: &str) -> Refusal {
    assert!(CURL.contains(line), "{line}");
    Offer::read(&request(CURL.replace(line, replacement))).expect_err(replacement)
}

fn with(lines: &str) -> Result<Offer, Refusal> {
    Offer::read(&request(CURL.replace("\r\n\r\n", &format!("\r\n{lines}\r\n\r\n"))))
}

fn header(response: &Response<()>, name: &str) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}

#[test]
fn real_clients_are_welcome() {
    for head in REQUESTS {
        let request = request(head);
        assert!(is_upgrade(&request));
        let offer = Offer::read(&request).unwrap();
        if head != CURL {
            assert_eq!(offer.subprotocols(), ["chat.v2", "chat.v1"]);
            assert_eq!(offer.extensions()[0].name, "permessage-deflate");
        }
        let (response, agreed) = offer.accept(None, &[]).unwrap();
        assert_eq!(response.status(), 101);
        assert_eq!(header(&response, "upgrade").as_deref(), Some("websocket"));
        assert_eq!(header(&response, "connection").as_deref(), Some("Upgrade"));
        assert_eq!(
            header(&response, "sec-websocket-accept").as_deref(),
            Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        );
        assert_eq!(response.headers().len(), 3);
        assert_eq!((agreed.subprotocol, agreed.extensions), (None, vec![]));
    }
}

#[test]
fn plain_http_is_told_apart() {
    assert!(!is_upgrade(&request("GET / HTTP/1.1\r\nHost: a\r\n\r\n")));
    assert!(!is_upgrade(&request(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
    )));
    assert!(is_upgrade(&request("POST / HTTP/1.0\r\nUpgrade: h2c\r\nUpgrade: foo, WebSocket\r\n\r\n")));
}

#[test]
fn letter_case_and_lists_as_clients_send_them() {
    for connection in
        ["upgrade", "UPGRADE", "Upgrade, keep-alive", "keep-alive,upgrade", "a\r\nConnection: Upgrade"]
    {
        let head = CURL.replace("Connection: Upgrade", &format!("Connection: {connection}"));
        assert!(Offer::read(&request(head)).is_ok(), "{connection}");
    }
    for upgrade in ["WebSocket", "WEBSOCKET", "h2c, websocket"] {
        let head = CURL.replace("Upgrade: websocket", &format!("Upgrade: {upgrade}"));
        assert!(Offer::read(&request(head)).is_ok(), "{upgrade}");
    }
}

#[test]
fn hosts_as_clients_send_them() {
    for host in ["example.com", "127.0.0.1:8080", "[::1]:8080", "my_service", "xn--bcher-kva.example"] {
        let head = CURL.replace("localhost:8080", host);
        assert!(Offer::read(&request(head)).is_ok(), "{host}");
    }
    let absolute = CURL.replace("GET /chat", "GET http://localhost:8080/chat");
    assert!(Offer::read(&request(absolute)).is_ok());
}

#[test]
fn requests_that_break_a_rule_are_refused_with_the_reason() {
    for (line, replacement, expected) in [
        ("HTTP/1.1", "HTTP/1.0", "400 Bad Request: a WebSocket needs HTTP/1.1"),
        (
            "Upgrade: websocket\r\n",
            "",
            "426 Upgrade Required: this is a WebSocket: the request needs Upgrade",
        ),
        ("Upgrade: websocket", "Upgrade: h2c", "426 Upgrade Required: this is a WebSocket"),
        ("Connection: Upgrade\r\n", "", "400 Bad Request: the request needs Connection: Upgrade"),
        (
            "Connection: Upgrade",
            "Connection: close",
            "400 Bad Request: the request needs Connection: Upgrade",
        ),
        ("Host: localhost:8080\r\n", "", "400 Bad Request: Host is missing"),
        ("Host: localhost:8080", "Host: a\r\nHost: a", "400 Bad Request: Host is repeated"),
        ("Host: localhost:8080", "Host:", "400 Bad Request: Host is not a host"),
        ("Host: localhost:8080", "Host: a, b", "400 Bad Request: Host is not a host"),
        ("Host: localhost:8080", "Host: a@b", "400 Bad Request: Host is not a host"),
        ("Host: localhost:8080", "Host: a/b", "400 Bad Request: Host is not a host"),
        ("Accept: */*", "Content-Length: 5", "400 Bad Request: a WebSocket request must not have a body"),
        (
            "Accept: */*",
            "Content-Length: 0\r\nContent-Length: 5",
            "400 Bad Request: a WebSocket request must not have a",
        ),
        ("Accept: */*", "Content-Length: +0", "400 Bad Request: a WebSocket request must not have a body"),
        (
            "Accept: */*",
            "Transfer-Encoding: chunked",
            "400 Bad Request: a WebSocket request must not have a body",
        ),
        (
            "Sec-WebSocket-Version: 13\r\n",
            "",
            "426 Upgrade Required: this server speaks WebSocket version 13",
        ),
        ("Version: 13", "Version: 8", "426 Upgrade Required: this server speaks WebSocket version 13"),
        ("Version: 13", "Version: 13, 8", "426 Upgrade Required: this server speaks WebSocket version 13"),
        ("Version: 13", "Version: 013", "426 Upgrade Required: this server speaks WebSocket version 13"),
        (
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13",
            "400 Bad Request: Sec-WebSocket-Version is repeated",
        ),
        (
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            "",
            "400 Bad Request: Sec-WebSocket-Key is missing",
        ),
        (
            "Sec-WebSocket-Key:",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key:",
            "400 Bad Request: Sec-WebSocket-Key is repeated",
        ),
        (
            "dGhlIHNhbXBsZSBub25jZQ==",
            "SGVsbG8=",
            "400 Bad Request: Sec-WebSocket-Key is not the base64 of 16 bytes",
        ),
    ] {
        let text = refusal(line, replacement).to_string();
        assert!(text.starts_with(expected), "{replacement:?} in place of {line:?} gave {text:?}");
    }
}

#[test]
fn another_method_is_told_which_is_allowed() {
    for method in ["POST", "HEAD", "OPTIONS", "get"] {
        let refusal = refusal("GET", method);
        assert_eq!(refusal.to_string(), "405 Method Not Allowed: a WebSocket is opened with GET");
        assert_eq!(refusal.response().headers()["allow"], "GET");
    }
}

/// HTTP/2 has neither `Upgrade` nor a key (RFC 8441 §5); a client must use an extended CONNECT.
#[test]
fn http_2_is_told_that_it_is_not_spoken() {
    let mut request =
        Request::builder().method("CONNECT").uri("https://example.com/socket").body(()).unwrap();
    *request.version_mut() = Version::HTTP_2;
    let refusal = Offer::read(&request).unwrap_err();
    assert_eq!(refusal.status(), StatusCode::HTTP_VERSION_NOT_SUPPORTED);
    assert!(refusal.reason().contains("HTTP/1.1 only"), "{refusal}");
}

#[test]
fn another_version_is_told_which_is_spoken() {
    let response = refusal("Version: 13", "Version: 8").response();
    assert_eq!(response.status(), 426);
    assert_eq!(response.headers()["sec-websocket-version"], "13");
}

#[test]
fn a_length_of_zero_is_no_body() {
    assert!(with("Content-Length: 0").is_ok());
}

#[test]
fn subprotocols_are_tokens_and_no_two_the_same() {
    let offered = |lines| with(lines).map(|offer| offer.subprotocols().to_vec());
    let lines = "Sec-WebSocket-Protocol: a,b\r\nSec-WebSocket-Protocol: c";
    assert_eq!(offered(lines).unwrap(), ["a", "b", "c"]);
    assert_eq!(offered("Sec-WebSocket-Protocol: a, A").unwrap(), ["a", "A"]);
    for lines in ["Sec-WebSocket-Protocol:", "Sec-WebSocket-Protocol: a b", "Sec-WebSocket-Protocol: a, b/c"]
    {
        let refusal = offered(lines).expect_err(lines);
        assert_eq!(refusal.to_string(), "400 Bad Request: Sec-WebSocket-Protocol is not a list of tokens");
    }
    let repeated = offered("Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Protocol: a").unwrap_err();
    assert_eq!(repeated.to_string(), "400 Bad Request: Sec-WebSocket-Protocol names a twice");
}

#[test]
fn malformed_extensions_are_refused() {
    let refusal = with("Sec-WebSocket-Extensions: a; b=").unwrap_err();
    assert_eq!(refusal.to_string(), "400 Bad Request: Sec-WebSocket-Extensions is malformed");
    let refusal = with(&format!("Sec-WebSocket-Extensions: {}", "a,".repeat(1000))).unwrap_err();
    let expected = "400 Bad Request: Sec-WebSocket-Extensions names too many extensions or parameters";
    assert_eq!(refusal.to_string(), expected);
}

#[test]
fn the_server_prefers_among_what_is_offered() {
    let offer = offer(NGINX);
    assert_eq!(offer.choose_subprotocol(&["chat.v1", "chat.v2"]), Some("chat.v1"));
    assert_eq!(offer.choose_subprotocol(&["chat.v3".to_owned(), "chat.v2".to_owned()]), Some("chat.v2"));
    assert_eq!(offer.choose_subprotocol(&["CHAT.V1"]), None);
    assert_eq!(offer.choose_subprotocol::<&str>(&[]), None);
}

#[test]
fn agreement_is_told_to_both_sides() {
    let deflate = Extension::new("permessage-deflate").param("server_max_window_bits", Some("12"));
    let (response, agreed) = offer(CHROME).accept(Some("chat.v1"), std::slice::from_ref(&deflate)).unwrap();
    assert_eq!(header(&response, "sec-websocket-protocol").as_deref(), Some("chat.v1"));
    let extensions = header(&response, "sec-websocket-extensions");
    assert_eq!(extensions.as_deref(), Some("permessage-deflate; server_max_window_bits=12"));
    assert_eq!(agreed.subprotocol.as_deref(), Some("chat.v1"));
    assert_eq!(agreed.extensions, [deflate]);
}

#[test]
fn an_answer_that_was_not_offered_is_not_sent() {
    let accept = |subprotocol, extensions: &[Extension]| {
        offer(CHROME).accept(subprotocol, extensions).map(|(_, agreed)| agreed).unwrap_err()
    };
    for name in ["chat.v3", "CHAT.V2", "", "chat.v2\r\nSet-Cookie: a=b"] {
        let error = accept(Some(name), &[]);
        assert_eq!(error, AcceptError::SubprotocolNotOffered(name.into()));
        assert_eq!(error.to_string(), format!("the client did not offer subprotocol {name:?}"));
    }
    let deflate = || Extension::new("permessage-deflate");
    assert_eq!(accept(None, &[Extension::new("other")]).to_string(), "extension \"other\" was not offered");
    assert_eq!(
        accept(None, &[deflate(), deflate()]),
        AcceptError::Extensions(ExtensionError::Repeated("permessage-deflate".into()))
    );
    let injected = deflate().param("a\r\nSet-Cookie: a", Some("b"));
    assert_eq!(
        accept(None, std::slice::from_ref(&injected)),
        AcceptError::Extensions(ExtensionError::NotTokens(injected.to_string()))
    );
}
