//! Status lines.

use longwire_wire::{Head, RawFrame};

use crate::case::Case;
use crate::rule::Rule;
use crate::step::Step;

const STATUS: Rule = Rule::of_6455(
    "4.1",
    "A response with another status than 101 is one of HTTP: the client may follow it, but the connection is no WebSocket.",
);
const LINE: Rule = Rule::of_6455("4.1", "The status line says HTTP/1.1, 101, and any words or none.");

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        (200, "OK"),
        (204, "No Content"),
        (302, "Found"),
        (307, "Temporary Redirect"),
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "Not Found"),
        (426, "Upgrade Required"),
        (500, "Internal Server Error"),
        (503, "Service Unavailable"),
    ]
    .into_iter()
    .map(other)
    .collect();
    cases.extend(lines());
    cases
}

/// Everything but the status is as in a valid response. The connection ends afterwards, since nobody has to end it otherwise.
fn other((status, words): (u16, &'static str)) -> Case {
    let response = move |_: &Head, valid: Head| {
        let head = Head { start: format!("HTTP/1.1 {status} {words}"), ..valid };
        let head = match status {
            302 | 307 => head.with("Location", "/moved"),
            401 => head.with("WWW-Authenticate", "Basic realm=\"check\""),
            _ => head,
        };
        Ok(head.encode())
    };
    let name = format!("response-status-{status}");
    let title = format!("the status {status} on a response that is valid otherwise");
    Case::answered(
        STATUS,
        name,
        title,
        response,
        vec![Step::Send(RawFrame::ping("open?")), Step::EndWriting, Step::Gone],
    )
}

fn lines() -> Vec<Case> {
    let with = |line: &'static str| move |_: &Head, valid: Head| Ok(Head { start: line.to_owned(), ..valid });
    let accepted = |name: &str, title: &str, line| Case::accepted_response(LINE, name, title, with(line));
    let refused = |name: &str, title: &str, line| Case::refused_response(LINE, name, title, with(line));
    vec![
        accepted(
            "response-other-words",
            "101 with other words",
            "HTTP/1.1 101 Web Socket Protocol Handshake",
        ),
        accepted("response-no-words", "101 without words", "HTTP/1.1 101 "),
        refused("response-http-1.0", "101 of HTTP/1.0", "HTTP/1.0 101 Switching Protocols").should(),
        refused(
            "response-http-lower-case",
            "http/1.1 instead of HTTP/1.1",
            "http/1.1 101 Switching Protocols",
        ),
        refused("response-other-protocol", "another protocol than HTTP", "RTSP/1.1 101 Switching Protocols"),
        refused("response-status-1010", "a status of four digits", "HTTP/1.1 1010 Switching Protocols"),
        refused("response-no-status", "a status line without a status", "HTTP/1.1 Switching Protocols"),
        Case::answered(
            LINE,
            "response-after-early-hints",
            "a response after one with the status 103, which says nothing yet",
            |_, valid| {
                let hints = Head::new("HTTP/1.1 103 Early Hints").with("Link", "</a.css>; rel=preload");
                Ok([hints.encode(), valid.encode()].concat())
            },
            vec![Step::StaysOpen],
        )
        .should(),
    ]
}
