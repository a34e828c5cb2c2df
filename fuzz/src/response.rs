//! A client that receives a response, RFC 6455 §4.1.

use http::{HeaderValue, StatusCode, Uri};
use longwire_proto::handshake::{AcceptKey, ClientHandshake, ClientKey, Extension, encode_response_head};

use crate::head;

/// The nonce of RFC 6455 §1.3.
const NONCE: [u8; 16] = *b"the sample nonce";
const SUBPROTOCOLS: [&str; 2] = ["chat.v2", "chat.v1"];
const EXTENSIONS: [&str; 2] = ["permessage-deflate", "x-other"];

/// A client that receives the bytes as a response. It must accept only what it requested.
pub fn response(data: &[u8]) {
    let Some(reader) = head::read(data) else { return };
    let Ok(response) = reader.response() else { return };

    let mut encoded = Vec::new();
    encode_response_head(&response, &mut encoded);
    let again = head::read_own(&encoded).response().expect("a response that was read can be written");
    assert_eq!(again.status(), response.status());
    assert_eq!(again.headers(), response.headers());

    let key = ClientKey::from_nonce(NONCE);
    let Ok(agreed) = handshake(key.clone()).verify(&response) else { return };
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let accept: AcceptKey = key.accept();
    assert_eq!(response.headers()["sec-websocket-accept"].as_bytes().trim_ascii(), accept.as_bytes());
    assert!(agreed.subprotocol.is_none_or(|name| SUBPROTOCOLS.contains(&name.as_str())));
    let names: Vec<&str> = agreed.extensions.iter().map(|extension| extension.name.as_str()).collect();
    assert!(names.iter().all(|name| EXTENSIONS.contains(name)), "{names:?}");
    assert!(names.len() < 2 || names[0] != names[1], "accepted twice: {names:?}");
}

fn handshake(key: ClientKey) -> ClientHandshake {
    ClientHandshake::new(HeaderValue::from_static("example.com"), &Uri::from_static("/chat"))
        .key(key)
        .subprotocols(SUBPROTOCOLS)
        .and_then(|handshake| handshake.extensions(EXTENSIONS.map(Extension::new)))
        .expect("tokens, each once")
}
