use std::future::Future;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;

use super::*;
use crate::bits::{RSV1, TEXT};
use crate::frame::Mask;
use crate::head::Head;
use crate::len::DeclaredLen;

/// Runs a test on a paused clock, which advances when everything waits for time.
fn run(test: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap().block_on(test);
}

fn pair() -> (Peer<DuplexStream>, Peer<DuplexStream>) {
    let (client, server) = tokio::io::duplex(1 << 16);
    (Peer::client(client), Peer::server(server))
}

#[test]
fn each_role_masks_as_it_has_to() {
    run(async {
        let (mut client, mut server) = pair();
        client.send(RawFrame::text("hi")).await.unwrap();
        assert_eq!(server.frame().await.unwrap().mask, Mask::Key(Mask::RFC_KEY));
        server.send(RawFrame::text("hi")).await.unwrap();
        assert_eq!(client.frame().await.unwrap().mask, Mask::Absent);

        client.send(RawFrame::text("hi").masked(Mask::Absent)).await.unwrap();
        let failure = server.expect(RawFrame::text("hi")).await.unwrap_err();
        assert!(matches!(failure.problem(), Problem::Differs(got) if got == r#"TEXT "hi", not masked"#));
    });
}

#[test]
fn a_failure_shows_the_dialogue() {
    run(async {
        let (mut client, mut server) = pair();
        client.send(RawFrame::text("hi").declaring(DeclaredLen::In64Bits(2))).await.unwrap();
        server.frame().await.unwrap();
        server.send(RawFrame::text("hi")).await.unwrap();
        let failure = client.expect_close(1002).await.unwrap_err();
        assert_eq!(
            format!("{failure:?}"),
            "expected CLOSE with code 1002\n\
             got      TEXT \"hi\"\n\
             the dialogue:\n\
             \x20 sent     TEXT \"hi\", declares 2 bytes in 64 bits\n\
             \x20 received TEXT \"hi\"\n"
        );
        assert_eq!(failure.expected(), "CLOSE with code 1002");
    });
}

#[test]
fn no_expectation_waits_beyond_its_deadline() {
    const TIME: Duration = Duration::from_secs(3);
    run(async {
        let (client, mut server) = pair();
        let mut client = client.deadline(TIME);
        // Half of a frame is not a frame.
        server.send_bytes(b"\x81\x05Hel").await.unwrap();
        let begun = Instant::now();
        let failures = [
            client.frame().await.unwrap_err(),
            client.frame_or_end().await.unwrap_err(),
            client.expect(RawFrame::text("Hello")).await.unwrap_err(),
            client.expect_text("Hello").await.unwrap_err(),
            client.expect_close(1000).await.unwrap_err(),
            client.expect_end().await.unwrap_err(),
            client.expect_bytes([0; 6]).await.unwrap_err(),
            client.head().await.unwrap_err(),
        ];
        assert_eq!(begun.elapsed(), TIME * 8);
        for failure in failures {
            assert!(matches!(failure.problem(), Problem::Late(TIME)), "{failure}");
            assert!(failure.to_string().ends_with("received b\"\\x81\\x05Hel\", incomplete\n"), "{failure}");
        }
        // Nothing was lost.
        server.send_bytes("lo").await.unwrap();
        client.expect_text("Hello").await.unwrap();
    });
}

#[test]
fn a_send_that_is_not_taken_has_a_deadline_too() {
    run(async {
        let (ours, _theirs) = tokio::io::duplex(10);
        let failure = Peer::client(ours).send(RawFrame::binary([0; 100])).await.unwrap_err();
        assert!(matches!(failure.problem(), Problem::Late(_)), "{failure}");
    });
}

#[test]
fn a_message_may_come_in_fragments() {
    run(async {
        let (mut client, mut server) = pair();
        for payload in ["", "grüß"] {
            let (first, last) = payload.as_bytes().split_at(payload.len() / 2);
            server.send(RawFrame::text(first).not_final()).await.unwrap();
            server.send(RawFrame::continuation("").not_final()).await.unwrap();
            server.send(RawFrame::continuation(last)).await.unwrap();
            client.expect_text(payload).await.unwrap();
        }
        for wrong in [
            vec![RawFrame::text("hell")],
            vec![RawFrame::text("hello!")],
            vec![RawFrame::binary("hello")],
            vec![RawFrame { rsv: RSV1, ..RawFrame::text("hello") }],
            vec![RawFrame::text("hel").not_final(), RawFrame::text("lo")],
            vec![RawFrame::text("hel").not_final(), RawFrame::ping("")],
            vec![RawFrame::new(TEXT, "hello"), RawFrame::continuation("!")],
        ] {
            let (mut client, mut server) = pair();
            for frame in wrong {
                server.send(frame).await.unwrap();
            }
            let failure = client.expect_text("hello").await.unwrap_err();
            assert!(matches!(failure.problem(), Problem::Differs(_)), "{failure}");
        }
    });
}

#[test]
fn a_close_frame_is_expected_with_any_reason_but_well_made() {
    run(async {
        let (mut client, mut server) = pair();
        server.send(RawFrame::close_because(1011, "oops")).await.unwrap();
        assert_eq!(client.expect_close(1011).await.unwrap().payload[2..], *b"oops");
        for wrong in [
            RawFrame::close(1000),
            RawFrame::new(0x88, ""),
            RawFrame::close(1011).not_final(),
            RawFrame::close(1011).masked(Mask::Key([0; 4])),
        ] {
            server.send(wrong).await.unwrap();
            let failure = client.expect_close(1011).await.unwrap_err();
            assert!(matches!(failure.problem(), Problem::Differs(_)), "{failure}");
        }
    });
}

#[test]
fn nothing_is_read_ahead() {
    run(async {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let mut client = Peer::client(ours);
        theirs.write_all(b"HTTP/1.1 101 X\r\n\r\n\x81\x02hi\x89\x00rest").await.unwrap();
        assert_eq!(client.head().await.unwrap().status(), Some(101));
        client.expect_text("hi").await.unwrap();
        client.expect_bytes(b"\x89\x00").await.unwrap();
        let mut rest = [0; 4];
        client.into_inner().read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"rest");
    });
}

#[test]
fn the_end_is_expected_and_seen() {
    run(async {
        let (mut client, mut server) = pair();
        server.send(RawFrame::ping("")).await.unwrap();
        server.finish().await.unwrap();
        assert!(client.frame_or_end().await.unwrap().is_some());
        assert!(client.frame_or_end().await.unwrap().is_none());
        client.expect_end().await.unwrap();
        let failure = client.frame().await.unwrap_err();
        assert!(matches!(failure.problem(), Problem::Ended), "{failure}");

        client.send_bytes(b"\x81").await.unwrap();
        client.finish().await.unwrap();
        let failure = server.frame_or_end().await.unwrap_err();
        assert!(matches!(failure.problem(), Problem::Ended), "{failure}");
        let failure = server.expect_end().await.unwrap_err();
        assert!(matches!(failure.problem(), Problem::Differs(_)), "{failure}");
    });
}

#[test]
fn what_is_declared_beyond_the_limit_is_not_waited_for() {
    run(async {
        let (client, mut server) = pair();
        let mut client = client.limit(1000);
        server.send(RawFrame::binary("").declaring(DeclaredLen::Shortest(1 << 62))).await.unwrap();
        let failure = client.frame().await.unwrap_err();
        assert!(matches!(failure.problem(), Problem::TooLong(1000)), "{failure}");
    });
}

#[test]
fn what_is_sent_in_pieces_is_written_in_pieces() {
    run(async {
        let mut transport = tokio_pieces::Recording::default();
        let mut client = Peer::client(&mut transport);
        client.cut_into(Pieces::Bytes);
        client.send_bytes("abc").await.unwrap();
        client.cut_into(Pieces::Of(std::num::NonZeroUsize::new(2).unwrap()));
        client.send_bytes("abc").await.unwrap();
        client.cut_into(Pieces::Whole);
        client.send_bytes("abc").await.unwrap();
        assert_eq!(transport.writes, ["a", "b", "c", "ab", "c", "abc"]);
    });
}

#[test]
fn an_opening_without_the_right_proof_fails() {
    run(async {
        let (mut client, mut server) = pair();
        let request = Head::upgrade("/", "a");
        let forged = Head::switching_protocols(&request).replacing("Sec-WebSocket-Accept", "x");
        let (opened, answered) = tokio::join!(client.open(&request), server.send_head(&forged));
        answered.unwrap();
        let failure = opened.unwrap_err();
        assert!(
            failure.to_string().starts_with("expected a 101 with the right Sec-WebSocket-Accept"),
            "{failure}"
        );
    });
}

/// A transport that records the bytes of each write.
mod tokio_pieces {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    #[derive(Debug, Default)]
    pub(super) struct Recording {
        pub(super) writes: Vec<String>,
    }

    impl AsyncRead for Recording {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Recording {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.writes.push(String::from_utf8_lossy(bytes).into_owned());
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
}
