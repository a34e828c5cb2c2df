//! Servers that send an invalid response to the opening handshake.

use std::iter;

use crate::caller::switching_protocols;
use crate::client::{REFUSED, suffers};
use crate::process::{KIB, MIB};

#[test]
fn a_response_whose_head_does_not_end() {
    suffers(
        "answers with a head without an end",
        |caller| {
            caller.send("HTTP/1.1 101 Switching Protocols\r\nSet-Cookie: ");
            let took_all = caller.flood(iter::repeat_n([b'x'; 64 * KIB], 64 * MIB / (64 * KIB)));
            assert!(!took_all, "the client reads everything");
        },
        REFUSED,
        "the HTTP head is too large",
        MIB,
    );
}

#[test]
fn a_refusal_whose_body_does_not_end() {
    suffers(
        "refuses with a body without an end",
        |caller| {
            caller.send("HTTP/1.1 403 Forbidden\r\n\r\n");
            let took_all = caller.flood(iter::repeat_n([b'x'; 64 * KIB], 64 * MIB / (64 * KIB)));
            assert!(!took_all, "the client reads everything");
        },
        REFUSED,
        "refused the WebSocket with 403 Forbidden",
        MIB,
    );
}

#[test]
fn something_else_than_http() {
    suffers(
        "does not speak HTTP",
        |caller| caller.send("220 mail.example.com ESMTP\r\n\r\n"),
        REFUSED,
        "the server does not speak HTTP on this port; it said \"220 mail.example.com ESMTP\"",
        MIB,
    );
    suffers(
        "answers with garbage",
        |caller| caller.send([0xff; 64]),
        REFUSED,
        "the server does not speak HTTP on this port",
        MIB,
    );
}

#[test]
fn an_opening_without_proof() {
    suffers(
        "opens without Sec-WebSocket-Accept",
        |caller| caller.send(switching_protocols("")),
        REFUSED,
        "Sec-WebSocket-Accept",
        MIB,
    );
}

#[test]
fn an_opening_with_the_proof_of_another() {
    suffers(
        "opens with a wrong Sec-WebSocket-Accept",
        |caller| caller.send(switching_protocols("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")),
        REFUSED,
        "Sec-WebSocket-Accept",
        MIB,
    );
}

#[test]
fn an_end_instead_of_an_answer() {
    suffers("hangs up", |_| {}, REFUSED, "closed the connection instead of answering", MIB);
}
