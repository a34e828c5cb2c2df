//! Panics in code that the application runs for a socket.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use longwire::event_socket::EventSocket;
use longwire::{Client, Limits};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

use super::{FAILED, Heard, later};
use crate::support::{ROOMY, Raw, TEXT, agreement, plain, run_paused};

const URL: &str = "ws://a.example/";

/// A connector that panics is reported to the listeners like one that fails.
#[test]
fn a_connector_that_panics_fails_the_connection() {
    run_paused(async {
        let client = Client::new().connector(|_| async {
            tokio::task::yield_now().await;
            if true {
                panic!("this is what is tested");
            }
            Ok(tokio::io::empty())
        });
        let socket = EventSocket::from_client(&client, URL, &[], later).unwrap();
        let mut heard = Heard::by(&socket);
        assert_eq!(heard.rest().await, FAILED);
        assert_eq!(socket.ended().await.code().get(), 1006);
    });
}

/// The same holds for a connector that panics before it waits, while the socket is being created.
#[test]
fn what_panics_at_once_fails_the_connection_too() {
    run_paused(async {
        let refuse = || {
            if true {
                panic!("this is what is tested")
            }
        };
        let connector = Client::new().connector(move |_| async move {
            refuse();
            Ok(tokio::io::empty())
        });
        let resolver = Client::new().proxy(None).resolver(move |_| async move {
            refuse();
            Ok(Vec::new())
        });
        let eager = Client::new().connector(move |_| {
            refuse();
            std::future::ready(Ok(tokio::io::empty()))
        });
        for client in [connector, resolver, eager] {
            let socket = EventSocket::from_client(&client, URL, &[], later).unwrap();
            let mut heard = Heard::by(&socket);
            assert_eq!(heard.rest().await, FAILED);
            assert_eq!(socket.ended().await.code().get(), 1006);
        }
    });
}

/// A transport that panics when a certain byte arrives.
struct Fussy(DuplexStream);

impl AsyncRead for Fussy {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.0).poll_read(cx, buf);
        assert!(!buf.filled().contains(&b'!'), "this is what is tested");
        polled
    }
}

impl AsyncWrite for Fussy {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// The same holds for a transport of the application.
#[test]
fn a_transport_that_panics_fails_the_connection() {
    run_paused(async {
        let (dial, mut dialled) = tokio::sync::mpsc::unbounded_channel();
        let client = Client::new().limits(Limits::default().keepalive(None)).connector(move |_| {
            let (ours, theirs) = duplex(ROOMY);
            dial.send(theirs).unwrap();
            async { Ok(Fussy(ours)) }
        });
        let socket = EventSocket::from_client(&client, URL, &[], later).unwrap();
        let mut heard = Heard::by(&socket);
        let mut raw = Raw::new(dialled.recv().await.unwrap());
        let answer = agreement(&raw.head().await, "");
        raw.send(answer).await;
        heard.expect("open").await;
        raw.send(plain(TEXT, "!")).await;
        assert_eq!(heard.rest().await, FAILED);
        assert_eq!(socket.ended().await.code().get(), 1006);
    });
}
