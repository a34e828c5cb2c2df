//! Both sides of the opening handshake, over bytes.

use super::{
    ClientHandshake, Extension, HeadLimits, HeadReader, HeadStatus, Offer, Refusal, ResponseError,
    encode_request, encode_response_head, negotiate,
};
use http::{HeaderValue, Response, Uri};

fn client() -> ClientHandshake {
    ClientHandshake::new(HeaderValue::from_static("example.com"), &Uri::from_static("/chat"))
}

/// Reads one head in chunks of `chunk` bytes.
fn received(bytes: &[u8], chunk: usize) -> HeadReader {
    let mut reader = HeadReader::new(HeadLimits::default());
    for input in bytes.chunks(chunk) {
        if reader.feed(input) == Ok(HeadStatus::Complete { consumed: input.len() }) {
            return reader;
        }
    }
    panic!("no complete head in {}", bytes.escape_ascii());
}

/// Answers `client` as a server that knows `chat.v1` and any extension named `x-a` with a parameter.
fn serve(client: &ClientHandshake, chunk: usize) -> Vec<u8> {
    let request = received(&encode_request(&client.request()), chunk).request().unwrap();
    let offer = Offer::read(&request).unwrap();
    let subprotocol = offer.choose_subprotocol(&["chat.v1"]);
    let extensions = negotiate(offer.extensions(), |offer| {
        (offer.name == "x-a" && !offer.params.is_empty()).then(|| offer.clone())
    });
    let (response, _) = offer.accept(subprotocol, &extensions).unwrap();
    wire(&response)
}

fn wire<B>(response: &Response<B>) -> Vec<u8> {
    let mut out = Vec::new();
    encode_response_head(response, &mut out);
    out
}

#[test]
fn both_sides_agree() {
    let client = client()
        .subprotocols(["chat.v2", "chat.v1"])
        .unwrap()
        .extensions([
            Extension::new("x-b"),
            Extension::new("x-a"),
            Extension::new("x-a").param("b", Some("1")),
        ])
        .unwrap();
    for chunk in [1, 3, 4096] {
        let response = received(&serve(&client, chunk), chunk).response().unwrap();
        let agreed = client.verify(&response).unwrap();
        assert_eq!(agreed.subprotocol.as_deref(), Some("chat.v1"));
        assert_eq!(agreed.extensions, [Extension::new("x-a").param("b", Some("1"))]);
    }
}

#[test]
fn the_answer_to_another_key_is_not_accepted() {
    let response = received(&serve(&client(), 4096), 4096).response().unwrap();
    assert_eq!(client().verify(&response), Err(ResponseError::WrongAccept));
}

#[test]
fn a_refusal_reaches_the_client_with_its_status() {
    let refusal = Refusal::forbidden("this Origin may not connect");
    let response = received(&wire(&refusal.response()), 4096).response().unwrap();
    assert_eq!(client().verify(&response), Err(ResponseError::Status(refusal.status())));
}
