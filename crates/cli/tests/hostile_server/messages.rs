//! Servers that open a WebSocket and abuse it.

use std::iter;

use longwire_wire::{Mask, RawFrame, Role};

use crate::caller::plain;
use crate::client::{BROKE_THE_PROTOCOL, LOST, suffers};
use crate::frames::{BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, RSV1, TEXT, deflate_bomb};
use crate::process::{KIB, MIB};

/// The client's limit on messages.
const MESSAGE_LIMIT: usize = 16 * MIB;

/// The memory of a message up to its limit, in a buffer that may be twice as large while it grows.
const MESSAGE_MEMORY: usize = 2 * MESSAGE_LIMIT + MIB;

#[test]
fn a_message_of_which_only_the_length_comes() {
    suffers(
        "declares a message of 2⁶² bytes",
        |caller| {
            caller.accept("");
            caller.declare(FIN | BINARY, 1 << 62, b"abc");
            assert_eq!(caller.close_code(), Some(1009));
        },
        BROKE_THE_PROTOCOL,
        "a message is longer than the limit of 16777216 bytes",
        MIB,
    );
}

#[test]
fn pings_whose_answers_nobody_reads() {
    /// 32 MiB of frames.
    const PINGS: usize = 256 << 10;
    suffers(
        "sends 32 MiB of pings and reads nothing",
        |caller| {
            caller.accept("");
            let ping = plain(FIN | PING, [0; 125]).repeat(256);
            assert!(caller.flood(iter::repeat_n(ping, PINGS / 256)), "pings are no reason to end");
            caller.send_frame(FIN | PING, "the newest");
            let mut pongs = 0;
            loop {
                let pong = caller.frame();
                pongs += 1;
                assert_eq!(pong.first_byte(), FIN | PONG);
                if pong.payload == b"the newest" {
                    break;
                }
            }
            assert!(pongs < PINGS / 2, "{pongs} of {PINGS} pings were answered");
        },
        LOST,
        "connection lost: 1006",
        MIB,
    );
}

#[test]
fn a_masked_frame() {
    suffers(
        "masks its frames",
        |caller| {
            caller.accept("");
            caller.send(masked_hello().encode(Role::Server));
            assert_eq!(caller.close_code(), Some(1002));
        },
        BROKE_THE_PROTOCOL,
        "a frame of the server is masked",
        MIB,
    );
}

#[test]
fn garbage_instead_of_frames() {
    suffers(
        "sends garbage",
        |caller| {
            caller.accept("");
            caller.send("HTTP/1.1 200 OK\r\n\r\n");
            assert_eq!(caller.close_code(), Some(1002));
        },
        BROKE_THE_PROTOCOL,
        "the peer broke the protocol",
        MIB,
    );
}

#[test]
fn a_violation_and_then_no_end() {
    suffers(
        "violates the protocol, receives a Close frame, and sends 8 MiB more",
        |caller| {
            caller.accept("");
            caller.send(masked_hello().header(Role::Server));
            assert_eq!(caller.close_code(), Some(1002));
            // If the client had closed, it would have reset the connection, which could cost the server the Close
            // frame.
            let taken =
                caller.flood(iter::repeat_n(plain(FIN | BINARY, [b'x'; 64 * KIB]), 8 * MIB / (64 * KIB)));
            assert!(taken, "the client waits for the server to end the connection, and discards");
        },
        BROKE_THE_PROTOCOL,
        "a frame of the server is masked",
        MIB,
    );
}

#[test]
fn more_fragments_than_there_may_be() {
    suffers(
        "sends one message in a million fragments of no byte or one",
        |caller| {
            caller.accept("");
            caller.send_frame(TEXT, "");
            let fragments = [plain(CONTINUATION, ""), plain(CONTINUATION, "x")].concat().repeat(500);
            caller.flood(iter::repeat_n(fragments, 1_000));
            assert_eq!(caller.close_code(), Some(1008));
        },
        BROKE_THE_PROTOCOL,
        "a message has more than 131072 fragments",
        MIB,
    );
}

#[test]
fn a_message_without_an_end() {
    suffers(
        "never ends a message, and has sent 64 MiB of it",
        |caller| {
            caller.accept("");
            caller.send_frame(BINARY, "");
            let fragment = plain(CONTINUATION, [b'x'; 64 * KIB]);
            caller.flood(iter::repeat_n(fragment, 64 * MIB / (64 * KIB)));
            assert_eq!(caller.close_code(), Some(1009));
        },
        BROKE_THE_PROTOCOL,
        "a message is longer than the limit of 16777216 bytes",
        MESSAGE_MEMORY,
    );
}

#[test]
fn a_deflate_bomb() {
    suffers(
        "sends 512 KiB that inflate to 516 MiB",
        |caller| {
            let offered = caller.header("Sec-WebSocket-Extensions").unwrap_or_default();
            assert!(offered.contains("permessage-deflate"), "compression is not offered: {offered:?}");
            caller.accept("Sec-WebSocket-Extensions: permessage-deflate\r\n");
            caller.send_frame(FIN | RSV1 | BINARY, deflate_bomb(512 * KIB));
            assert_eq!(caller.close_code(), Some(1009));
        },
        BROKE_THE_PROTOCOL,
        "a message is longer than the limit of 16777216 bytes",
        MESSAGE_MEMORY,
    );
}

#[test]
fn an_end_in_the_middle_of_a_frame() {
    suffers(
        "hangs up in the middle of a frame",
        |caller| {
            caller.accept("");
            caller.declare(FIN | TEXT, 1000, b"Once upon a time");
        },
        LOST,
        "connection lost: 1006",
        MIB,
    );
}

#[test]
fn frames_behind_the_close_frame() {
    suffers(
        "closes with 1011 and goes on with 8 MiB of messages",
        |caller| {
            caller.accept("");
            caller.send_frame(FIN | CLOSE, 1011_u16.to_be_bytes());
            caller.flood(iter::repeat_n(plain(FIN | BINARY, [0; 64 * KIB]), 128));
            assert_eq!(caller.close_code(), Some(1011));
        },
        LOST,
        "closed by peer: 1011",
        MIB,
    );
}

/// Only a client may mask.
fn masked_hello() -> RawFrame {
    RawFrame::text("hello").masked(Mask::Key([1, 2, 3, 4]))
}
