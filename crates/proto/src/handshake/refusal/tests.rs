use super::Refusal;
use http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use http::{Response, StatusCode};

fn header(response: &Response<String>, name: &str) -> Vec<String> {
    response.headers().get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

#[test]
fn each_constructor_has_its_status() {
    for (refusal, text) in [
        (Refusal::new(StatusCode::TOO_MANY_REQUESTS, "slower"), "429 Too Many Requests: slower"),
        (Refusal::bad_request("no key"), "400 Bad Request: no key"),
        (Refusal::unauthorized("who are you?"), "401 Unauthorized: who are you?"),
        (Refusal::forbidden("not from there"), "403 Forbidden: not from there"),
        (Refusal::not_found("no such room"), "404 Not Found: no such room"),
        (Refusal::upgrade_required("version 13"), "426 Upgrade Required: version 13"),
    ] {
        assert_eq!(refusal.to_string(), text);
        assert_eq!(refusal.response().status(), refusal.status());
    }
}

#[test]
fn the_response_is_short_text_and_closes() {
    let response = Refusal::not_found("no café here").response();
    assert_eq!(response.body(), "no café here\n");
    assert_eq!(header(&response, "content-type"), ["text/plain; charset=utf-8"]);
    assert_eq!(header(&response, "content-length"), ["14"]);
    assert_eq!(header(&response, "connection"), ["close"]);
    assert_eq!(response.headers().len(), 3);
}

#[test]
fn upgrade_required_says_to_what() {
    let response = Refusal::upgrade_required("version 13").response();
    assert_eq!(header(&response, "upgrade"), ["websocket"]);
    assert_eq!(header(&response, "sec-websocket-version"), ["13"]);
    assert_eq!(header(&response, "connection"), ["close, Upgrade"]);
}

#[test]
fn headers_are_added_and_may_be_repeated() {
    let refusal = Refusal::unauthorized("who are you?")
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"a\""))
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    assert_eq!(refusal.headers().len(), 2);
    assert_eq!(header(&refusal.response(), "www-authenticate"), ["Basic realm=\"a\"", "Bearer"]);
}

#[test]
fn the_framing_is_the_refusals_own() {
    let response = Refusal::forbidden("no")
        .header(CONTENT_LENGTH, HeaderValue::from_static("0"))
        .header(CONTENT_TYPE, HeaderValue::from_static("text/html"))
        .header(TRANSFER_ENCODING, HeaderValue::from_static("chunked"))
        .header(HeaderName::from_static("connection"), HeaderValue::from_static("keep-alive"))
        .response();
    assert_eq!(response.headers(), Refusal::forbidden("no").response().headers());
}

#[test]
fn control_characters_are_shown_not_sent() {
    let refusal = Refusal::forbidden("no \u{1b}[31m\r\nSet-Cookie: a=b\0\u{9b}é");
    assert_eq!(refusal.reason(), "no \\u{1b}[31m\\r\\nSet-Cookie: a=b\\u{0}\\u{9b}é");
    assert_eq!(refusal.response().body(), &format!("{}\n", refusal.reason()));
    assert!(!refusal.to_string().contains(char::is_control));
}
