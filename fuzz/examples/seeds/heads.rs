//! HTTP heads.

use crate::Seed;

const HANDSHAKE: &str = "Host: localhost:8080\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

/// Requests of browsers and other clients, valid and invalid.
pub(crate) fn requests() -> Vec<Seed> {
    let chat = "Sec-WebSocket-Protocol: chat.v2, chat.v1\r\n";
    let deflate = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let requests = [
        (
            "chrome",
            format!("GET /chat?room=1 HTTP/1.1\r\n{HANDSHAKE}Origin: http://a\r\n{deflate}{chat}\r\n"),
        ),
        ("curl", format!("GET /chat HTTP/1.1\r\n{HANDSHAKE}User-Agent: curl/8.14.1\r\nAccept: */*\r\n\r\n")),
        ("lower-case", format!("GET / HTTP/1.1\r\n{}\r\n", HANDSHAKE.to_lowercase())),
        ("followed-by-a-frame", format!("GET / HTTP/1.1\r\n{HANDSHAKE}\r\n\x01\x05Hello")),
        (
            "subprotocols-on-two-lines",
            format!("GET / HTTP/1.1\r\n{HANDSHAKE}{chat}Sec-WebSocket-Protocol: x\r\n\r\n"),
        ),
        ("version-8", format!("GET / HTTP/1.1\r\n{}\r\n", HANDSHAKE.replace("13", "8"))),
        ("http-1.0", format!("GET / HTTP/1.0\r\n{HANDSHAKE}\r\n")),
        ("http-1.2", format!("GET / HTTP/1.2\r\n{HANDSHAKE}\r\n")),
        ("http-3.0", format!("GET / HTTP/3.0\r\n{HANDSHAKE}\r\n")),
        ("host-without-a-port", format!("GET / HTTP/1.1\r\n{}\r\n", HANDSHAKE.replace("8080", "b"))),
        (
            "two-lengths",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
                .to_owned(),
        ),
        ("post-with-body", format!("POST / HTTP/1.1\r\n{HANDSHAKE}Content-Length: 4\r\n\r\nbody")),
        (
            "two-keys",
            format!("GET / HTTP/1.1\r\n{HANDSHAKE}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"),
        ),
        ("absolute-form", format!("GET http://user@[::1]:80/a?b HTTP/1.1\r\n{HANDSHAKE}\r\n")),
        ("connect", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n".to_owned()),
        ("options", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
        ("fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
        ("empty-lines-first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
        ("folded", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n".to_owned()),
        ("line-feed-alone", "GET / HTTP/1.1\nHost: a\n\n".to_owned()),
        ("http-2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        ("tls", "\x16\x03\x01\x02\0\x01".to_owned()),
        ("too-many-headers", format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(25))),
        ("too-large", format!("GET / HTTP/1.1\r\nCookie: {}\r\n\r\n", "x".repeat(2100))),
    ];
    requests.map(|(name, head)| (name, head.into_bytes())).to_vec()
}

/// Responses of servers, valid and invalid.
pub(crate) fn responses() -> Vec<Seed> {
    let responses = [
        ("switching", format!("{SWITCHING}\r\n")),
        (
            "subprotocol-and-extension",
            format!(
                "{SWITCHING}Sec-WebSocket-Protocol: chat.v2\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
            ),
        ),
        (
            "both-extensions",
            format!("{SWITCHING}Sec-WebSocket-Extensions: x-other; a=\"b\", permessage-deflate\r\n\r\n"),
        ),
        ("followed-by-a-frame", format!("{SWITCHING}\r\n\x01\x05Hello")),
        ("subprotocol-not-offered", format!("{SWITCHING}Sec-WebSocket-Protocol: chat.v3\r\n\r\n")),
        ("extension-not-offered", format!("{SWITCHING}Sec-WebSocket-Extensions: x-unknown\r\n\r\n")),
        ("wrong-accept", format!("{}\r\n", SWITCHING.replace("s3p", "S3P"))),
        ("accept-twice", format!("{SWITCHING}Sec-WebSocket-Accept: AAAA\r\n\r\n")),
        ("no-reason", format!("{}\r\n", SWITCHING.replace(" Switching Protocols", ""))),
        ("redirect", "HTTP/1.1 302 Found\r\nLocation: wss://example.com/\r\n\r\n".to_owned()),
        (
            "bad-gateway",
            "HTTP/1.1 502 Bad Gateway\r\nServer: nginx\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
        ),
        ("status-099", "HTTP/1.1 099 Low\r\n\r\n".to_owned()),
        ("http-1.0", "HTTP/1.0 200 OK\r\n\r\n".to_owned()),
        ("tls-alert", "\x15\x03\x01\0\x02\x02\x28".to_owned()),
    ];
    responses.map(|(name, head)| (name, head.into_bytes())).to_vec()
}

/// Values of `Sec-WebSocket-Extensions`; line feeds separate several header lines.
pub(crate) fn extensions() -> Vec<Seed> {
    let values = [
        ("chrome", "permessage-deflate; client_max_window_bits".to_owned()),
        ("firefox", "permessage-deflate".to_owned()),
        ("safari-old", "x-webkit-deflate-frame".to_owned()),
        (
            "variants",
            "permessage-deflate; server_max_window_bits=10, permessage-deflate; a, permessage-deflate"
                .to_owned(),
        ),
        (
            "all-parameters",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
            server_max_window_bits=15; client_max_window_bits=8"
                .to_owned(),
        ),
        ("quoted", "permessage-deflate; server_max_window_bits=\"1\\0\"".to_owned()),
        ("quoted-comma", "a; b=\"c,d\"".to_owned()),
        ("spaces", " a ;b = c\t,, d;e".to_owned()),
        ("two-lines", "a; b\nc; d=e".to_owned()),
        ("empty", String::new()),
        ("no-name", "; a".to_owned()),
        ("no-value", "a; b=".to_owned()),
        ("repeated-parameter", "a; b=1; b=2".to_owned()),
        ("too-many", "a,".repeat(33)),
        ("too-many-parameters", format!("a{}", ";b".repeat(33))),
    ];
    values.map(|(name, value)| (name, value.into_bytes())).to_vec()
}
