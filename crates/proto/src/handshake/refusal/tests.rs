use super::Refusal;
use http::header::{HeaderValue, WWW_AUTHENTICATE};
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

/// Such headers used to be dropped silently.
#[test]
fn a_header_that_cannot_be_sent_or_frames_the_response_is_the_servers_mistake() {
    for (name, value, said) in [
        ("content-length", "0", "the refusal sets the header content-length itself"),
        ("Content-Type", "text/html", "the refusal sets the header content-type itself"),
        ("transfer-encoding", "chunked", "the refusal sets the header transfer-encoding itself"),
        ("connection", "keep-alive", "the refusal sets the header connection itself"),
        ("retry after", "30", "\"retry after\" is not the name of a header"),
        ("retry-after", "30\r\nx: y", "the header retry-after has a value that cannot be sent"),
    ] {
        let refusal = Refusal::forbidden("no").header(name, value);
        assert_eq!(refusal.status(), StatusCode::INTERNAL_SERVER_ERROR, "{name}");
        assert!(refusal.reason().ends_with(said), "{refusal}");
        assert!(refusal.headers().is_empty());
    }
}

#[test]
fn control_characters_are_shown_not_sent() {
    let refusal = Refusal::forbidden("no \u{1b}[31m\r\nSet-Cookie: a=b\0\u{9b}é");
    assert_eq!(refusal.reason(), "no \\u{1b}[31m\\r\\nSet-Cookie: a=b\\u{0}\\u{9b}é");
    assert_eq!(refusal.response().body(), &format!("{}\n", refusal.reason()));
    assert!(!refusal.to_string().contains(char::is_control));
}
