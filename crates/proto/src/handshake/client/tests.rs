use super::super::negotiate::{Agreed, Extension, ExtensionError};
use super::super::request::encode_request;
use super::{ClientHandshake, RequestError, ResponseError};
use crate::accept_key::ClientKey;
use http::header::{COOKIE, HOST};
use http::{HeaderName, HeaderValue, Response, StatusCode, Uri, Version};

fn handshake() -> ClientHandshake {
    ClientHandshake::new(
        HeaderValue::from_static("example.com"),
        &Uri::from_static("ws://example.com/chat?a=b"),
    )
    .key(ClientKey::from_nonce(*b"the sample nonce"))
}

fn chat() -> ClientHandshake {
    handshake().subprotocols(["chat.v2", "chat.v1"]).unwrap().extensions([Extension::new("x-a")]).unwrap()
}

fn response(lines: &[(&str, &str)]) -> Response<()> {
    let mut response = Response::builder().status(101);
    for (name, value) in lines {
        response = response.header(*name, *value);
    }
    response.body(()).unwrap()
}

const UPGRADE: (&str, &str) = ("Upgrade", "websocket");
const CONNECTION: (&str, &str) = ("Connection", "Upgrade");
const ACCEPT: (&str, &str) = ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");

/// The verdict on a valid response with `lines` added.
fn verdict(client: &ClientHandshake, lines: &[(&str, &str)]) -> Result<Agreed, ResponseError> {
    client.verify(&response(&[&[UPGRADE, CONNECTION, ACCEPT], lines].concat()))
}

#[test]
fn the_request_on_the_wire() {
    let request = chat()
        .extensions([Extension::new("x-a").param("b", Some("1"))])
        .unwrap()
        .header(COOKIE, HeaderValue::from_static("c=d"))
        .unwrap()
        .request();
    let expected = "GET /chat?a=b HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Protocol: chat.v2, chat.v1\r\nSec-WebSocket-Extensions: x-a, x-a; b=1\r\nCookie: c=d\r\n\r\n";
    assert_eq!(String::from_utf8(encode_request(&request)).unwrap(), expected);
}

#[test]
fn nothing_offered_is_nothing_sent() {
    let request = handshake().subprotocols::<&str>([]).unwrap().extensions([]).unwrap().request();
    assert_eq!(request.headers().len(), 5);
}

#[test]
fn targets_are_sent_in_origin_form() {
    let host = || HeaderValue::from_static("a");
    for (url, target) in [("ws://a", "/"), ("ws://a?b=c", "/?b=c"), ("/d", "/d"), ("a:80", "/")] {
        let request = ClientHandshake::new(host(), &Uri::try_from(url).unwrap()).request();
        let head = String::from_utf8(encode_request(&request)).unwrap();
        assert!(head.starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{url} gave {head}");
    }
}

#[test]
fn each_handshake_has_its_own_key() {
    let key = || {
        let client = ClientHandshake::new(HeaderValue::from_static("a"), &Uri::from_static("/"));
        client.request().headers()["sec-websocket-key"].clone()
    };
    assert_ne!(key(), key());
}

#[test]
fn the_host_may_be_another() {
    let request = handshake().host(HeaderValue::from_static("inner:81")).request();
    let hosts: Vec<_> = request.headers().get_all(HOST).iter().collect();
    assert_eq!(hosts, ["inner:81"]);
}

#[test]
fn required_headers_cannot_be_displaced() {
    for name in [
        "host",
        "upgrade",
        "connection",
        "sec-websocket-key",
        "sec-websocket-version",
        "sec-websocket-protocol",
        "sec-websocket-extensions",
        "content-length",
        "transfer-encoding",
    ] {
        let error =
            handshake().header(HeaderName::from_static(name), HeaderValue::from_static("0")).unwrap_err();
        assert_eq!(error.to_string(), format!("header {name} is reserved for the opening handshake"));
    }
}

#[test]
fn other_headers_may_be_repeated_but_not_without_end() {
    let add = |client: ClientHandshake, number: usize| {
        client.header(HeaderName::try_from(format!("x-{number}")).unwrap(), HeaderValue::from(number))
    };
    let client = add(add(handshake(), 1).unwrap(), 1).unwrap();
    assert_eq!(client.request().headers().get_all("x-1").iter().count(), 2);
    let error = (0..40_000).try_fold(handshake(), add).unwrap_err();
    assert_eq!(error, RequestError::TooManyHeaders);
    assert_eq!(error.to_string(), "the request has too many headers");
}

#[test]
fn offers_that_cannot_be_sent() {
    for name in ["", "chat v2", "a,b", "caf\u{e9}", "a\r\nSet-Cookie: b"] {
        let error = handshake().subprotocols([name]).unwrap_err();
        assert_eq!(error, RequestError::InvalidSubprotocol(name.into()));
        let text = format!("subprotocol {name:?} is not a token: letters, digits and !#$%&'*+-.^_`|~ only");
        assert_eq!(error.to_string(), text);
    }
    let error = chat().subprotocols(["chat.v3", "chat.v1"]).unwrap_err();
    assert_eq!(error, RequestError::RepeatedSubprotocol("chat.v1".into()));
    assert_eq!(error.to_string(), "subprotocol \"chat.v1\" is offered twice");
    let error = handshake().extensions([Extension::new("a b")]).unwrap_err();
    assert_eq!(error, RequestError::Extensions(ExtensionError::NotTokens("a b".into())));
    assert_eq!(error.to_string(), "extension \"a b\" has a name or value that is not a token");
}

#[test]
fn the_answer_of_the_rfc() {
    assert_eq!(verdict(&chat(), &[]), Ok(Agreed::default()));
    let shouted = response(&[("Upgrade", "WebSocket"), ("Connection", "keep-alive, UPGRADE"), ACCEPT]);
    assert_eq!(chat().verify(&shouted), Ok(Agreed::default()));

    let agreed =
        verdict(&chat(), &[("Sec-WebSocket-Protocol", "chat.v1"), ("Sec-WebSocket-Extensions", "x-a; b")])
            .unwrap();
    assert_eq!(agreed.subprotocol.as_deref(), Some("chat.v1"));
    assert_eq!(agreed.extensions, [Extension::new("x-a").param("b", None)]);
}

#[test]
fn another_status_is_no_agreement() {
    for status in [200, 301, 401, 426, 503] {
        let mut refused = response(&[UPGRADE, CONNECTION, ACCEPT]);
        *refused.status_mut() = StatusCode::from_u16(status).unwrap();
        assert_eq!(chat().verify(&refused), Err(ResponseError::Status(refused.status())));
    }
    let text = ResponseError::Status(StatusCode::FORBIDDEN).to_string();
    assert_eq!(text, "the server answered 403 Forbidden instead of opening a WebSocket");
}

/// HTTP/1.0 has no 101 (RFC 9110 §15.2).
#[test]
fn an_answer_of_http_1_0_is_no_agreement() {
    let mut old = response(&[UPGRADE, CONNECTION, ACCEPT]);
    *old.version_mut() = Version::HTTP_10;
    assert_eq!(chat().verify(&old), Err(ResponseError::OldHttp));
}

#[test]
fn answers_that_break_a_rule() {
    let wrong = ("Sec-WebSocket-Accept", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let folded = ("Sec-WebSocket-Accept", "S3PPLMBITXAQ9KYGZZHZRBK+XOO=");
    for (lines, error, text) in [
        (&[CONNECTION, ACCEPT][..], ResponseError::NoUpgrade, "the response lacks Upgrade: websocket"),
        (
            &[("Upgrade", "h2c"), CONNECTION],
            ResponseError::OtherUpgrade,
            "the response's Upgrade is not websocket alone",
        ),
        (&[UPGRADE, ACCEPT], ResponseError::NoConnectionUpgrade, "the response lacks Connection: Upgrade"),
        (
            &[UPGRADE, ("Connection", "close"), ACCEPT],
            ResponseError::NoConnectionUpgrade,
            "the response lacks Connection: Upgrade",
        ),
        (&[UPGRADE, CONNECTION], ResponseError::NoAccept, "the response lacks Sec-WebSocket-Accept"),
        (
            &[UPGRADE, CONNECTION, ACCEPT, ACCEPT],
            ResponseError::RepeatedAccept,
            "the response repeats Sec-WebSocket-Accept",
        ),
        (
            &[UPGRADE, CONNECTION, wrong],
            ResponseError::WrongAccept,
            "Sec-WebSocket-Accept does not match the key that was sent",
        ),
        (
            &[UPGRADE, CONNECTION, folded],
            ResponseError::WrongAccept,
            "Sec-WebSocket-Accept does not match the key that was sent",
        ),
    ] {
        let verdict = chat().verify(&response(lines)).expect_err(text);
        assert_eq!((verdict.to_string().as_str(), verdict), (text, error));
    }
}

#[test]
fn a_subprotocol_must_have_been_offered() {
    const PROTOCOL: &str = "Sec-WebSocket-Protocol";
    for name in ["chat.v3", "CHAT.V1", "", "chat.v1, chat.v2"] {
        let error = verdict(&chat(), &[(PROTOCOL, name)]).unwrap_err();
        assert_eq!(error, ResponseError::SubprotocolNotOffered(name.into()));
        assert_eq!(
            error.to_string(),
            format!("the server chose subprotocol {name:?}, which was not offered")
        );
    }
    let unasked = verdict(&handshake(), &[(PROTOCOL, "chat.v1")]).unwrap_err();
    assert_eq!(unasked, ResponseError::SubprotocolNotOffered("chat.v1".into()));
    let repeated = verdict(&chat(), &[(PROTOCOL, "chat.v1"), (PROTOCOL, "chat.v1")]).unwrap_err();
    assert_eq!(repeated, ResponseError::RepeatedSubprotocol);
    assert_eq!(repeated.to_string(), "the response repeats Sec-WebSocket-Protocol");
}

#[test]
fn no_subprotocol_is_a_failure_only_where_one_is_required() {
    let error = verdict(&chat().require_subprotocol(), &[]).unwrap_err();
    assert_eq!(error, ResponseError::NoSubprotocol);
    assert_eq!(error.to_string(), "the server chose none of the offered subprotocols");
    assert!(verdict(&chat().require_subprotocol(), &[("Sec-WebSocket-Protocol", "chat.v2")]).is_ok());
    assert!(verdict(&handshake().require_subprotocol(), &[]).is_ok());
}

#[test]
fn extensions_must_have_been_offered() {
    const EXTENSIONS: &str = "Sec-WebSocket-Extensions";
    for (lines, error) in [
        (&[(EXTENSIONS, "x-b")][..], ExtensionError::NotOffered("x-b".into())),
        (&[(EXTENSIONS, "x-a"), (EXTENSIONS, "x-a; b")], ExtensionError::Repeated("x-a".into())),
        (&[(EXTENSIONS, "x-a;")], ExtensionError::Malformed),
    ] {
        let verdict = verdict(&chat(), lines).unwrap_err();
        assert_eq!(verdict.to_string(), error.to_string());
        assert_eq!(verdict, ResponseError::Extensions(error));
    }
}
