use super::super::head::{HeadError, HeadLimits, HeadReader, HeadStatus};
use super::super::recorded::{BAD_GATEWAY, RESPONSES, SWITCHING};
use super::super::refusal::Refusal;
use super::encode_response_head;
use http::{Response, StatusCode, Version};

fn parse(head: impl AsRef<[u8]>) -> Result<Response<()>, HeadError> {
    let mut reader = HeadReader::new(HeadLimits::default());
    reader.feed(head.as_ref())?;
    reader.response()
}

fn encode<B>(response: &Response<B>) -> String {
    let mut out = Vec::new();
    encode_response_head(response, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_recorded_response() {
    let response = parse(SWITCHING).unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(response.version(), Version::HTTP_11);
    assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(encode(&response), SWITCHING);
}

#[test]
fn every_cut_gives_the_same_response() {
    for head in RESPONSES {
        let whole = parse(head).unwrap();
        for cut in 1..head.len() {
            let (before, after) = head.as_bytes().split_at(cut);
            let mut reader = HeadReader::new(HeadLimits::default());
            reader.feed(before).unwrap();
            reader.feed(after).unwrap();
            let response = reader.response().unwrap();
            assert_eq!(response.status(), whole.status());
            assert_eq!(response.headers(), whole.headers());
        }
    }
}

#[test]
fn the_body_is_not_of_the_head() {
    let mut reader = HeadReader::new(HeadLimits::default());
    let input = format!("{BAD_GATEWAY}<html>");
    assert_eq!(reader.feed(input.as_bytes()), Ok(HeadStatus::Complete { consumed: BAD_GATEWAY.len() }));
    assert_eq!(reader.response().unwrap().status(), StatusCode::BAD_GATEWAY);
}

#[test]
fn what_servers_write_in_their_status_line() {
    for (line, version, status) in [
        ("HTTP/1.0 503 Service Unavailable", Version::HTTP_10, 503),
        ("HTTP/1.1 101", Version::HTTP_11, 101),
        ("HTTP/1.1 101 ", Version::HTTP_11, 101),
        ("HTTP/1.1 101 Web Socket Protocol Handshake", Version::HTTP_11, 101),
        ("HTTP/1.1 999 No Name", Version::HTTP_11, 999),
        ("HTTP/1.1 403 Interdit \u{e0} tous", Version::HTTP_11, 403),
    ] {
        let response = parse(format!("{line}\r\n\r\n")).unwrap();
        assert_eq!((response.version(), response.status().as_u16()), (version, status), "{line}");
    }
}

#[test]
fn malformed_responses_say_what_is_wrong() {
    for (line, reason) in [
        ("HTTP/2 101", "the version is not HTTP/1.x"),
        ("GET / HTTP/1.1", "the version is not HTTP/1.x"),
        ("HTTP/1.1 1x1 No", "the status is not three digits and a reason"),
        ("HTTP/1.1 1010 No", "the status is not three digits and a reason"),
        ("HTTP/1.1 099 No", "the status is below 100"),
        ("HTTP/1.1 101 OK\r\nUpgrade : websocket", "a header name is not a token"),
    ] {
        let error = parse(format!("{line}\r\n\r\n")).expect_err(line);
        assert_eq!(error, HeadError::Malformed(reason), "{line}");
    }
}

#[test]
fn no_input_panics() {
    let head = SWITCHING.as_bytes();
    for position in 0..head.len() {
        for byte in 0..=u8::MAX {
            let mut changed = head.to_vec();
            changed[position] = byte;
            if let Ok(response) = parse(&changed) {
                assert!(response.status().as_u16() >= 100);
            }
        }
    }
}

#[test]
fn a_refusal_on_the_wire() {
    let expected = "HTTP/1.1 426 Upgrade Required\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 11\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nConnection: close, Upgrade\r\n\r\n";
    assert_eq!(encode(&Refusal::upgrade_required("version 13").response()), expected);
}

#[test]
fn a_status_without_a_name_has_no_reason_phrase() {
    let response = Response::builder().status(499).body(()).unwrap();
    assert_eq!(encode(&response), "HTTP/1.1 499 \r\n\r\n");
}

#[test]
fn the_head_is_appended() {
    let mut out = b"before".to_vec();
    encode_response_head(&Response::new(()), &mut out);
    assert_eq!(out, b"beforeHTTP/1.1 200 OK\r\n\r\n");
}
