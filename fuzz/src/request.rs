//! A server that receives a request, RFC 6455 §4.2.

use http::header::{HOST, SEC_WEBSOCKET_KEY};
use http::{Request, StatusCode, Version};
use longwire_proto::handshake::{
    ClientHandshake, ClientKey, HostPort, Offer, Refusal, check_request, encode_request,
    encode_response_head, negotiate, requested_host,
};

use crate::head;

/// A server that receives the bytes as a request. Its interpretation must be the one that any server behind it would
/// have, and it must either refuse with a reason or agree in a way that the client must accept.
pub fn request(data: &[u8]) {
    let Some(reader) = head::read(data) else { return };
    let request = match reader.request() {
        Ok(request) => request,
        Err(error) => return check_refusal(&error.into()),
    };
    check_passed_on(&request);
    match check_request(&request) {
        Ok(_body) => check_host(&request),
        Err(refusal) => check_refusal(&refusal),
    }
    match Offer::read(&request) {
        Ok(offer) => check_agreement(&request, offer),
        Err(refusal) => check_refusal(&refusal),
    }
}

/// A valid request names one host.
fn check_host(request: &Request<()>) {
    let host = requested_host(request.uri(), request.headers());
    let may_be_missing = request.version() == Version::HTTP_10;
    assert!(host.is_some() || may_be_missing && !request.headers().contains_key(HOST));
    assert!(host.is_none_or(|host| HostPort::parse(host).is_some()), "{host:?}");
    assert!(request.headers().get_all(HOST).iter().count() <= 1);
}

/// A request that is encoded again must remain equal.
fn check_passed_on(request: &Request<()>) {
    let encoded = encode_request(request);
    let again = head::read_own(&encoded).request();
    let again = again.unwrap_or_else(|error| panic!("{error}: {}", encoded.escape_ascii()));
    assert_eq!(again.method(), request.method());
    assert_eq!(again.uri(), request.uri());
    assert_eq!(again.headers(), request.headers());
    assert_eq!(again.version(), Version::HTTP_11);
}

fn check_refusal(refusal: &Refusal) {
    let response = refusal.response();
    let is_beyond_this_server = [StatusCode::NOT_IMPLEMENTED, StatusCode::HTTP_VERSION_NOT_SUPPORTED];
    let status = response.status();
    assert!(status.is_client_error() || is_beyond_this_server.contains(&status), "{status}");
    assert!(!response.body().trim().is_empty(), "a refusal says why");
    let mut encoded = Vec::new();
    encode_response_head(&response, &mut encoded);
    let again = head::read_own(&encoded).response();
    assert_eq!(again.map(|again| again.status()), Ok(response.status()), "{}", encoded.escape_ascii());
}

fn check_agreement(request: &Request<()>, offer: Offer) {
    let headers = request.headers();
    let key = ClientKey::parse(headers[SEC_WEBSOCKET_KEY].as_bytes().trim_ascii());
    let client = ClientHandshake::new(headers[HOST].clone(), request.uri())
        .key(key.expect("the offer has the key"))
        .subprotocols(offer.subprotocols())
        .expect("the offer has tokens only, each once")
        .extensions(offer.extensions().iter().cloned())
        .expect("the offer has tokens only");
    let subprotocol = offer.subprotocols().last().cloned();
    let extensions = negotiate(offer.extensions(), |extension| Some(extension.clone()));

    let (response, agreed) = offer.accept(subprotocol.as_deref(), &extensions).expect("it was offered");
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let mut encoded = Vec::new();
    encode_response_head(&response, &mut encoded);
    let response = head::read_own(&encoded).response().expect("it is a head of HTTP");
    assert_eq!(client.verify(&response), Ok(agreed));
}
