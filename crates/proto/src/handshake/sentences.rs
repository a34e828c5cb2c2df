//! RFC 6455 §4.1 and §4.2, sentence by sentence, in the order of the RFC. Each test is named after a sentence, which
//! its comment quotes.
//!
//! Tests that need a transport are in `longwire`: the URL in `client::address`; reaching the server in `connecting`,
//! `proxies` and `tls` of its suite; redirects and 401 in `redirects` and `client_handshake`; `Origin` in
//! `admission::origin`.
//!
//! Like all other libraries, this one ignores one sentence of §4.1: at most one connection to a host may be in the
//! CONNECTING state. Opening several at once is the application's decision.

use super::recorded::CURL;
use super::{
    AcceptError, ClientHandshake, Extension, HeadError, HeadLimits, HeadReader, Offer, Refusal,
    ResponseError, encode_request, encode_response_head, is_upgrade,
};
use http::{HeaderName, HeaderValue, Request, Uri, Version};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const AGREEMENT: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn client() -> ClientHandshake {
    ClientHandshake::new(HeaderValue::from_static("example.com:81"), &Uri::from_static("/chat?a=b"))
        .key(super::ClientKey::parse(KEY.as_bytes()).unwrap())
}

fn offering() -> ClientHandshake {
    client().subprotocols(["v2", "v1"]).unwrap().extensions([Extension::new("x-a")]).unwrap()
}

fn sent(client: &ClientHandshake) -> String {
    String::from_utf8(encode_request(&client.request())).unwrap()
}

fn read(head: &str) -> HeadReader {
    let mut reader = HeadReader::new(HeadLimits::default());
    reader.feed(head.as_bytes()).unwrap();
    reader
}

/// The verdict of a client that offered [two subprotocols and an extension](offering) on [`AGREEMENT`], with `line`
/// replaced.
fn verdict(line: &str, replacement: &str) -> Result<(), ResponseError> {
    assert!(AGREEMENT.contains(line), "{line}");
    let response = read(&AGREEMENT.replacen(line, replacement, 1)).response().unwrap();
    offering().verify(&response).map(|_| ())
}

fn request(head: &str) -> Request<()> {
    read(head).request().unwrap()
}

/// The server's result for curl's request with `line` replaced.
fn offer(line: &str, replacement: &str) -> Result<Offer, Refusal> {
    assert!(CURL.contains(line), "{line}");
    Offer::read(&request(&CURL.replacen(line, replacement, 1)))
}

fn status(line: &str, replacement: &str) -> u16 {
    offer(line, replacement).map_or_else(|refusal| refusal.status().as_u16(), |_| 101)
}

// §4.1, the client's request.

/// "The handshake MUST be a valid HTTP request as specified by [RFC2616]."
#[test]
fn c01_the_handshake_is_a_valid_http_request() {
    let request = request(&sent(&offering()));
    assert!(super::check_request(&request).is_ok());
}

/// "The method of the request MUST be GET, and the HTTP version MUST be at least 1.1."
#[test]
fn c02_the_method_is_get_and_the_version_at_least_1_1() {
    assert!(sent(&client()).starts_with("GET ") && sent(&client()).contains(" HTTP/1.1\r\n"));
}

/// "The "Request-URI" part of the request MUST match the /resource name/ defined in Section 3 (a relative URI) or be an
/// absolute http/https URI that, when parsed, has a /resource name/, /host/, and /port/ that match the corresponding
/// ws/wss URI."
#[test]
fn c03_the_request_uri_matches_the_resource_name() {
    assert!(sent(&client()).starts_with("GET /chat?a=b HTTP"));
}

/// "The request MUST contain a |Host| header field whose value contains /host/ plus optionally ":" followed by /port/
/// (when not using the default port)."
#[test]
fn c04_the_request_contains_host() {
    assert!(sent(&client()).contains("\r\nHost: example.com:81\r\n"));
}

/// "The request MUST contain an |Upgrade| header field whose value MUST include the "websocket" keyword."
#[test]
fn c05_the_request_contains_upgrade() {
    assert!(sent(&client()).contains("\r\nUpgrade: websocket\r\n"));
}

/// "The request MUST contain a |Connection| header field whose value MUST include the "Upgrade" token."
#[test]
fn c06_the_request_contains_connection() {
    assert!(sent(&client()).contains("\r\nConnection: Upgrade\r\n"));
}

/// "The request MUST include a header field with the name |Sec-WebSocket-Key|. The value of this header field MUST be a
/// nonce consisting of a randomly selected 16-byte value that has been base64-encoded."
#[test]
fn c07_the_request_includes_a_key_of_16_bytes() {
    let request = client().request();
    assert!(super::ClientKey::parse(request.headers()["sec-websocket-key"].as_bytes()).is_ok());
}

/// "The nonce MUST be selected randomly for each connection."
#[test]
fn c08_the_nonce_is_random_for_each_connection() {
    let key = || {
        let client = ClientHandshake::new(HeaderValue::from_static("a"), &Uri::from_static("/"));
        client.request().headers()["sec-websocket-key"].clone()
    };
    assert_ne!(key(), key());
}

/// "The request MUST include a header field with the name |Origin| if the request is coming from a browser client. If
/// the connection is from a non-browser client, the request MAY include this header field if the semantics of that
/// client match the use-case described here for browser clients."
#[test]
fn c09_a_program_includes_origin_if_it_wants_to() {
    assert!(!sent(&client()).contains("Origin"));
    let named = client().header(HeaderName::from_static("origin"), HeaderValue::from_static("http://a"));
    assert!(sent(&named.unwrap()).contains("\r\nOrigin: http://a\r\n"));
}

/// "The request MUST include a header field with the name |Sec-WebSocket-Version|. The value of this header field MUST
/// be 13."
#[test]
fn c10_the_request_includes_version_13() {
    assert!(sent(&client()).contains("\r\nSec-WebSocket-Version: 13\r\n"));
}

/// "If present, this value indicates one or more comma-separated subprotocol the client wishes to speak, ordered by
/// preference. The elements that comprise this value MUST be non-empty strings with characters in the range U+0021 to
/// U+007E not including separator characters as defined in [RFC2616] and MUST all be unique strings."
#[test]
fn c11_subprotocols_are_tokens_in_order_and_unique() {
    assert!(sent(&offering()).contains("\r\nSec-WebSocket-Protocol: v2, v1\r\n"));
    for name in [
        "", " ", "a\u{7f}", "(", ")", "<", ">", "@", ",", ";", ":", "\\", "\"", "/", "[", "]", "?", "=", "{",
        "}", "\t",
    ] {
        assert!(client().subprotocols([name]).is_err(), "{name:?}");
    }
    assert!(offering().subprotocols(["v1"]).is_err());
}

/// "The request MAY include a header field with the name |Sec-WebSocket-Extensions|."
#[test]
fn c12_the_request_may_include_extensions() {
    assert!(sent(&offering()).contains("\r\nSec-WebSocket-Extensions: x-a\r\n"));
    assert!(!sent(&client()).contains("Extensions"));
}

/// "The request MAY include any other header fields, for example, cookies [RFC6265] and/or authentication-related header
/// fields such as the |Authorization| header field [RFC2616]."
#[test]
fn c13_the_request_may_include_other_header_fields() {
    let named = client().header(HeaderName::from_static("cookie"), HeaderValue::from_static("a=b"));
    assert!(sent(&named.unwrap()).contains("\r\nCookie: a=b\r\n"));
}

// §4.1, how the client checks the response.

/// "If the status code received from the server is not 101, the client handles the response per HTTP [RFC2616]
/// procedures."
#[test]
fn c14_another_status_than_101_is_a_response_of_http() {
    for line in ["100 Continue", "200 OK", "301 Moved", "401 Unauthorized", "426 Upgrade Required"] {
        let outcome = verdict("101 Switching Protocols", line).unwrap_err();
        assert!(matches!(outcome, ResponseError::Status(_)), "{line}: {outcome}");
    }
}

/// "If the response lacks an |Upgrade| header field or the |Upgrade| header field contains a value that is not an ASCII
/// case-insensitive match for the value "websocket", the client MUST _Fail the WebSocket Connection_."
#[test]
fn c15_upgrade_is_websocket_and_nothing_else() {
    for value in ["websocket", "WebSocket", "WEBSOCKET", " websocket\t"] {
        assert_eq!(verdict("Upgrade: websocket", &format!("Upgrade: {value}")), Ok(()), "{value}");
    }
    assert_eq!(verdict("Upgrade: websocket\r\n", ""), Err(ResponseError::NoUpgrade));
    for value in [
        "",
        "h2c",
        "websocket, foo",
        "foo, websocket",
        "websocket/13",
        "websocket\r\nUpgrade: foo",
        "websocket,",
    ] {
        let outcome = verdict("Upgrade: websocket", &format!("Upgrade: {value}"));
        assert_eq!(outcome, Err(ResponseError::OtherUpgrade), "{value}");
    }
}

/// "If the response lacks a |Connection| header field or the |Connection| header field doesn't contain a token that is an
/// ASCII case-insensitive match for the value "Upgrade", the client MUST _Fail the WebSocket Connection_."
#[test]
fn c16_connection_contains_the_token_upgrade() {
    for value in ["Upgrade", "upgrade", "keep-alive, UPGRADE", "a\r\nConnection: upgrade"] {
        assert_eq!(verdict("Connection: Upgrade", &format!("Connection: {value}")), Ok(()), "{value}");
    }
    for lines in
        ["", "Connection: close\r\n", "Connection: upgraded\r\n", "Connection: keep-alive upgrade\r\n"]
    {
        let outcome = verdict("Connection: Upgrade\r\n", lines);
        assert_eq!(outcome, Err(ResponseError::NoConnectionUpgrade), "{lines}");
    }
}

/// "If the response lacks a |Sec-WebSocket-Accept| header field or the |Sec-WebSocket-Accept| contains a value other than
/// the base64-encoded SHA-1 of the concatenation of the |Sec-WebSocket-Key| (as a string, not base64-decoded) with the
/// string "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" but ignoring any leading and trailing whitespace, the client MUST _Fail
/// the WebSocket Connection_."
#[test]
fn c17_accept_answers_the_key() {
    assert_eq!(verdict("Accept: s3p", "Accept: \t s3p"), Ok(()));
    assert_eq!(verdict("Sec-WebSocket-Accept", "X"), Err(ResponseError::NoAccept));
    for (line, other) in [("s3p", "S3p"), ("xOo=", "xOo"), ("s3p", ""), ("xOo=", "xOo=, a")] {
        assert_eq!(verdict(line, other), Err(ResponseError::WrongAccept), "{other}");
    }
}

/// "If the response includes a |Sec-WebSocket-Extensions| header field and this header field indicates the use of an
/// extension that was not present in the client's handshake (the server has indicated an extension not requested by the
/// client), the client MUST _Fail the WebSocket Connection_."
#[test]
fn c18_no_extension_that_was_not_requested() {
    let with = |value: &str| verdict("\r\n\r\n", &format!("\r\nSec-WebSocket-Extensions: {value}\r\n\r\n"));
    assert_eq!(with("x-a"), Ok(()));
    for value in ["x-b", "x-a, x-b", "X-A"] {
        assert!(matches!(with(value), Err(ResponseError::Extensions(_))), "{value}");
    }
}

/// "If the response includes a |Sec-WebSocket-Protocol| header field and this header field indicates the use of a
/// subprotocol that was not present in the client's handshake (the server has indicated a subprotocol not requested by
/// the client), the client MUST _Fail the WebSocket Connection_."
#[test]
fn c19_no_subprotocol_that_was_not_requested() {
    let with = |value: &str| verdict("\r\n\r\n", &format!("\r\nSec-WebSocket-Protocol: {value}\r\n\r\n"));
    assert_eq!(with("v1"), Ok(()));
    for value in ["v3", "V1", "v1, v2", ""] {
        assert!(matches!(with(value), Err(ResponseError::SubprotocolNotOffered(_))), "{value}");
    }
}

/// "If the server's response does not conform to the requirements for the server's handshake as defined in this section
/// and in Section 4.2.2, the client MUST _Fail the WebSocket Connection_."
#[test]
fn c20_a_response_that_is_not_http_fails() {
    for line in ["HTTP/2.0", "HTTX/1.1", "HTTP/1.x"] {
        assert!(read(&AGREEMENT.replacen("HTTP/1.1", line, 1)).response().is_err(), "{line}");
    }
    // A server may know a later minor version than the client (RFC 9110 §2.5).
    assert_eq!(verdict("HTTP/1.1", "HTTP/1.2"), Ok(()));
}

// §4.2.1, what the server requires of the request.

/// "An HTTP/1.1 or higher GET request, including a "Request-URI" [RFC2616] that should be interpreted as a /resource
/// name/ defined in Section 3 (or an absolute HTTP/HTTPS URI containing the /resource name/)."
#[test]
fn s01_the_request_is_get_over_http_1_1_or_higher() {
    assert_eq!(status("HTTP/1.1", "HTTP/1.2"), 101);
    assert_eq!(status("HTTP/1.1", "HTTP/1.0"), 400);
    assert_eq!(status("GET", "POST"), 405);
    assert_eq!(status("GET /chat", "GET http://localhost:8080/chat"), 101);
    let head = CURL.replacen("HTTP/1.1", "HTTP/2.0", 1);
    assert_eq!(read(&head).request().unwrap_err(), HeadError::OtherVersion);
    let mut later = request(CURL);
    *later.version_mut() = Version::HTTP_2;
    assert_eq!(Offer::read(&later).unwrap_err().status(), 505);
}

/// "A |Host| header field containing the server's authority."
#[test]
fn s02_host_contains_the_authority() {
    assert_eq!(status("Host: localhost:8080\r\n", ""), 400);
    for value in ["a:b", "a b", "u@a", "", "a\r\nHost: a", "http://a"] {
        assert_eq!(status("Host: localhost:8080", &format!("Host: {value}")), 400, "{value}");
    }
}

/// "An |Upgrade| header field containing the value "websocket", treated as an ASCII case-insensitive value."
#[test]
fn s03_upgrade_contains_websocket() {
    for value in ["WebSocket", "foo, websocket", "foo\r\nUpgrade: websocket"] {
        assert_eq!(status("Upgrade: websocket", &format!("Upgrade: {value}")), 101, "{value}");
    }
    for lines in ["", "Upgrade: h2c\r\n", "Upgrade: websocket2\r\n", "Upgrade: websocket/13\r\n"] {
        assert!(!is_upgrade(&request(&CURL.replacen("Upgrade: websocket\r\n", lines, 1))), "{lines}");
        assert_eq!(status("Upgrade: websocket\r\n", lines), 426, "{lines}");
    }
}

/// "A |Connection| header field that includes the token "Upgrade", treated as an ASCII case-insensitive value."
#[test]
fn s04_connection_includes_upgrade() {
    for value in ["upgrade", "keep-alive, Upgrade"] {
        assert_eq!(status("Connection: Upgrade", &format!("Connection: {value}")), 101, "{value}");
    }
    for lines in ["", "Connection: keep-alive\r\n"] {
        assert_eq!(status("Connection: Upgrade\r\n", lines), 400, "{lines}");
    }
}

/// "A |Sec-WebSocket-Key| header field with a base64-encoded (see Section 4 of [RFC4648]) value that, when decoded, is 16
/// bytes in length."
#[test]
fn s05_the_key_is_16_bytes() {
    for key in ["", "dGhl", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZWU=", "dGhlIHNhbXBsZSBub25j!Q=="]
    {
        assert_eq!(status(KEY, key), 400, "{key}");
    }
    assert_eq!(status("Sec-WebSocket-Key", "X"), 400);
}

/// "A |Sec-WebSocket-Version| header field, with a value of 13."
#[test]
fn s06_the_version_is_13() {
    assert_eq!(status("Version: 13", "Version:  13 "), 101);
    for version in ["", "8", "12", "14", "13, 8", "013", "thirteen"] {
        assert_eq!(status("Version: 13", &format!("Version: {version}")), 426, "{version}");
    }
}

/// "Optionally, an |Origin| header field. This header field is sent by all browser clients. A connection attempt lacking
/// this header field SHOULD NOT be interpreted as coming from a browser client."
#[test]
fn s07_origin_is_optional() {
    assert_eq!(status("Accept: */*", "Origin: http://a"), 101);
}

/// "Optionally, a |Sec-WebSocket-Protocol| header field, with a list of values indicating which protocols the client would
/// like to speak, ordered by preference."
#[test]
fn s08_subprotocols_are_a_list_in_order() {
    let read = offer("Accept: */*", "Sec-WebSocket-Protocol: b, a").unwrap();
    assert_eq!(read.subprotocols(), ["b", "a"]);
}

/// "Optionally, a |Sec-WebSocket-Extensions| header field, with a list of values indicating which extensions the client
/// would like to speak."
#[test]
fn s09_extensions_are_a_list() {
    let read = offer("Accept: */*", "Sec-WebSocket-Extensions: x-a; b=1, x-c").unwrap();
    assert_eq!(read.extensions(), [Extension::new("x-a").param("b", Some("1")), Extension::new("x-c")]);
}

/// "Optionally, other header fields, such as those used to send cookies or request authentication to a server. Unknown
/// header fields are ignored, as per [RFC2616]."
#[test]
fn s10_unknown_header_fields_are_ignored() {
    assert_eq!(status("Accept: */*", "Sec-WebSocket-Unheard-Of: \u{1f980}\r\nX: y\r\nX: z"), 101);
}

// §4.2.2, how the server responds.

/// "If the server does not wish to accept this connection, it MUST return an appropriate HTTP error code (e.g., 403
/// Forbidden) and abort the WebSocket handshake described in this section."
#[test]
fn s11_a_refusal_is_an_error_of_http_and_ends_the_connection() {
    let response = Refusal::forbidden("no").response();
    assert_eq!(response.status(), 403);
    assert_eq!(response.headers()["connection"], "close");
}

/// "If this version does not match a version understood by the server, the server MUST abort the WebSocket handshake
/// described in this section and instead send an appropriate HTTP error code (such as 426 Upgrade Required) and a
/// |Sec-WebSocket-Version| header field indicating the version(s) the server is capable of understanding."
#[test]
fn s12_another_version_is_answered_with_those_understood() {
    let response = offer("Version: 13", "Version: 8").unwrap_err().response();
    assert_eq!(response.status(), 426);
    assert_eq!(response.headers()["sec-websocket-version"], "13");
}

/// "If the requested service is not available, the server MUST send an appropriate HTTP error code (such as 404 Not
/// Found) and abort the WebSocket handshake."
#[test]
fn s13_a_service_that_is_not_available_is_not_found() {
    assert_eq!(Refusal::not_found("nothing here").response().status(), 404);
}

/// "The value chosen MUST be derived from the client's handshake, specifically by selecting one of the values from the
/// |Sec-WebSocket-Protocol| field that the server is willing to use for this connection (if any)."
#[test]
fn s14_the_subprotocol_is_one_of_those_offered() {
    let offer = || offer("Accept: */*", "Sec-WebSocket-Protocol: b, a").unwrap();
    assert_eq!(offer().choose_subprotocol(&["a", "b"]), Some("a"));
    for name in ["c", "A", ""] {
        let refused = offer().accept(Some(name), &[]).unwrap_err();
        assert!(matches!(refused, AcceptError::SubprotocolNotOffered(_)), "{name}");
    }
}

/// "The absence of such a field is equivalent to the null value (meaning that if the server does not wish to agree to one
/// of the suggested subprotocols, it MUST NOT send back a |Sec-WebSocket-Protocol| header field in its response)."
#[test]
fn s15_without_a_common_subprotocol_the_field_is_absent() {
    let offer = offer("Accept: */*", "Sec-WebSocket-Protocol: b, a").unwrap();
    assert_eq!(offer.choose_subprotocol(&["c"]), None);
    assert!(!offer.accept(None, &[]).unwrap().0.headers().contains_key("sec-websocket-protocol"));
}

/// "Extensions not listed by the client MUST NOT be listed."
#[test]
fn s16_no_extension_that_the_client_did_not_list() {
    let offer = offer("Accept: */*", "Sec-WebSocket-Extensions: x-a").unwrap();
    assert!(matches!(offer.accept(None, &[Extension::new("x-b")]), Err(AcceptError::Extensions(_))));
}

/// "A Status-Line with a 101 response code as per RFC 2616 [RFC2616]. Such a response could look like "HTTP/1.1 101
/// Switching Protocols"." "An |Upgrade| header field with value "websocket" as per RFC 2616." "A |Connection| header field
/// with value "Upgrade"." "A |Sec-WebSocket-Accept| header field."
#[test]
fn s17_the_response_has_the_four_lines() {
    let offer = Offer::read(&request(&CURL.replacen("GET /chat", "GET /", 1))).unwrap();
    let mut bytes = Vec::new();
    encode_response_head(&offer.accept(None, &[]).unwrap().0, &mut bytes);
    let mut lines: Vec<String> = String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    let mut expected: Vec<&str> = AGREEMENT.lines().collect();
    expected.sort_unstable();
    assert_eq!(lines, expected);
}

/// "Optionally, a |Sec-WebSocket-Protocol| header field, with a value /subprotocol/ as defined in step 4 in Section
/// 4.2.2." "Optionally, a |Sec-WebSocket-Extensions| header field, with a value /extensions/ as defined in step 4."
#[test]
fn s18_the_response_names_what_was_agreed_on() {
    let lines = "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Extensions: x-a";
    let (response, agreed) =
        offer("Accept: */*", lines).unwrap().accept(Some("a"), &[Extension::new("x-a")]).unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "a");
    assert_eq!(response.headers()["sec-websocket-extensions"], "x-a");
    assert_eq!(agreed.subprotocol.as_deref(), Some("a"));
}
