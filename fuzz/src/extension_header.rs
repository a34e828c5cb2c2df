//! `Sec-WebSocket-Extensions`, RFC 6455 §9.1.

use http::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Request};
use longwire_proto::handshake::{Extension, Offer, Refusal, negotiate};

/// A server that receives the bytes as `Sec-WebSocket-Extensions`, with a header line for each line. The parsed
/// extensions must consist of tokens, be bounded, and remain equal when they are encoded and parsed again.
pub fn extension_header(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|&byte| byte == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        headers.append(SEC_WEBSOCKET_EXTENSIONS, value);
    }
    let Ok(extensions) = offered(headers) else { return };
    assert!((1..=32).contains(&extensions.len()), "{} extensions", extensions.len());
    for Extension { name, params } in &extensions {
        assert!(params.len() <= 32, "{} parameters", params.len());
        let values = params.iter().filter_map(|(_, value)| value.as_ref());
        for text in params.iter().map(|(name, _)| name).chain(values).chain([name]) {
            assert!(is_token(text), "{text:?}");
        }
    }

    let list = extensions.iter().map(Extension::to_string).collect::<Vec<_>>().join(", ");
    let value = HeaderValue::from_str(&list).expect("a list of tokens");
    let again = offered(HeaderMap::from_iter([(SEC_WEBSOCKET_EXTENSIONS, value)]));
    assert_eq!(again.as_ref(), Ok(&extensions), "{list}");

    // Whatever the hook returns, at most one variant per name is accepted: the first that the hook accepts.
    let with_params = |extension: &Extension| !extension.params.is_empty();
    let accepted = negotiate(&extensions, |offer| with_params(offer).then(|| offer.clone()));
    for extension in &accepted {
        let first = extensions.iter().find(|offer| offer.name == extension.name && with_params(offer));
        assert_eq!(first, Some(extension));
        assert_eq!(accepted.iter().filter(|other| other.name == extension.name).count(), 1);
    }
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&byte))
}

/// The extensions that a server reads from an otherwise valid handshake with these headers.
fn offered(mut headers: HeaderMap) -> Result<Vec<Extension>, Refusal> {
    let others = [
        (HOST, "example.com"),
        (UPGRADE, "websocket"),
        (CONNECTION, "Upgrade"),
        (SEC_WEBSOCKET_VERSION, "13"),
        (SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    headers.extend(others.map(|(name, value)| (name, HeaderValue::from_static(value))));
    let mut request = Request::new(());
    *request.headers_mut() = headers;
    Offer::read(&request).map(|offer| offer.extensions().to_vec())
}
