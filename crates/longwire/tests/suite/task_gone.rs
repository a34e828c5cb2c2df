//! Connections whose task is gone, with its runtime or after a panic: no holder of a handle hangs.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use longwire::{By, Closed, Error, Limits, Role, Server, WebSocket};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::runtime::Builder;
use tokio::sync::mpsc;

use crate::support::{
    CLOSE, Frame, ROOMY, Raw, TEXT, close, config, end, masked, poll_once, run, run_paused, settle,
    upgrade_request,
};

/// Runs `make` on a runtime that is gone afterwards.
fn of_a_runtime_that_is_gone<T: Send + 'static>(make: impl Future<Output = T> + Send + 'static) -> T {
    let on_its_thread = thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let made = runtime.block_on(make);
        drop(runtime);
        made
    });
    on_its_thread.join().unwrap()
}

/// A server's end that has not needed a task so far, and its client.
fn orphan(capacity: usize) -> (WebSocket, Raw<DuplexStream>) {
    let (ours, theirs) = tokio::io::duplex(capacity);
    let socket = of_a_runtime_that_is_gone(async move {
        WebSocket::over(ours, Role::Server, config(Limits::default()), Vec::new())
    });
    (socket, Raw::new(theirs))
}

/// Like [`orphan`], but its task was writing the queue. The transport holds a hundred bytes.
fn orphan_amid_writing() -> (WebSocket, Raw<DuplexStream>) {
    let (ours, theirs) = tokio::io::duplex(100);
    let socket = of_a_runtime_that_is_gone(async move {
        let mut socket = WebSocket::over(ours, Role::Server, config(Limits::default()), Vec::new());
        socket.send(vec![0; 1000]).await.unwrap();
        tokio::task::yield_now().await;
        socket
    });
    (socket, Raw::new(theirs))
}

fn is_lost(closed: &Closed) -> bool {
    matches!(end(closed), (1006, "", By::Nobody | By::Local, false))
}

#[test]
fn close_tells_that_the_connection_is_lost() {
    run_paused(async {
        for (mut socket, _peer) in [orphan(ROOMY), orphan_amid_writing()] {
            assert!(is_lost(&socket.close(1000, "").await.unwrap()));
        }
    });
}

#[test]
fn close_of_a_sender_tells_that_the_connection_is_lost() {
    run_paused(async {
        for (socket, _peer) in [orphan(ROOMY), orphan_amid_writing()] {
            let (sender, _receiver) = socket.split();
            assert!(is_lost(&sender.close(1000, "").await.unwrap()));
        }
    });
}

#[test]
fn close_without_a_receiver_tells_that_the_connection_is_lost() {
    run_paused(async {
        for (socket, _peer) in [orphan(ROOMY), orphan_amid_writing()] {
            let (sender, receiver) = socket.split();
            drop(receiver);
            assert!(is_lost(&sender.close(1000, "").await.unwrap()));
        }
    });
}

#[test]
fn what_was_not_written_is_not_flushed() {
    run_paused(async {
        let (mut socket, _peer) = orphan_amid_writing();
        assert!(matches!(socket.flush().await, Err(Error::Closed(closed)) if is_lost(&closed)));

        let (mut socket, _peer) = orphan(100);
        socket.feed(vec![0; 1000]).await.unwrap();
        assert!(matches!(socket.flush().await, Err(Error::Closed(closed)) if is_lost(&closed)));
    });
}

#[test]
fn nobody_waits_for_room() {
    run_paused(async {
        let (mut socket, _peer) = orphan(100);
        let more_than_fits = vec![0; Limits::default().high_water + 1000];
        socket.feed(more_than_fits).await.unwrap();
        assert!(matches!(socket.send("more").await, Err(Error::Closed(closed)) if is_lost(&closed)));
    });
}

/// As long as only reading and writing are needed, no runtime is needed.
#[test]
fn the_peers_close_is_answered_and_told() {
    run_paused(async {
        let (mut socket, mut peer) = orphan(ROOMY);
        peer.send([masked(TEXT, "last"), masked(CLOSE, close(4000, "enough"))].concat()).await;
        assert_eq!(socket.recv().await.unwrap(), Some("last".into()));
        assert_eq!(socket.recv().await.unwrap(), None);
        assert_eq!(end(&socket.closed()), (4000, "enough", By::Peer, true));
        assert_eq!(peer.frame().await, Frame::new(CLOSE, close(4000, "enough")));
        peer.expect_end().await;
    });
}

#[test]
fn who_waits_when_the_runtime_goes_is_told() {
    run_paused(async {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (ours, _theirs) = tokio::io::duplex(100);
        let mut socket = {
            let _on_it = runtime.enter();
            WebSocket::over(ours, Role::Server, config(Limits::default()), Vec::new())
        };
        // More than the transport holds, so the task is needed.
        socket.send(vec![0; 1000]).await.unwrap();
        let (sender, mut receiver) = socket.split();
        let mut received = Box::pin(receiver.recv());
        let mut flushed = Box::pin(sender.flush());
        let mut closed = Box::pin(sender.close(1000, ""));
        assert!(poll_once(&mut received).await.is_pending());
        assert!(poll_once(&mut flushed).await.is_pending());
        assert!(poll_once(&mut closed).await.is_pending());
        runtime.shutdown_background();
        assert_eq!(received.await.unwrap(), None);
        assert!(matches!(flushed.await, Err(Error::Closed(closed)) if is_lost(&closed)));
        assert!(is_lost(&closed.await.unwrap()));
    });
}

#[test]
fn its_handles_can_be_dropped() {
    run_paused(async {
        let (socket, mut peer) = orphan(ROOMY);
        drop(socket);
        assert_eq!(peer.frame().await, Frame::new(CLOSE, close(1001, "")));
        peer.expect_end().await;

        let (socket, mut peer) = orphan_amid_writing();
        drop(socket);
        // The part of the message that the transport had accepted.
        let written = peer.rest().await;
        assert_eq!(written[..4], [0x82, 126, 3, 0xe8]);
        assert_eq!(written.len(), 100);
    });
}

/// A server's session drives its connection, as long as its runtime runs.
#[test]
fn a_sender_that_outlives_its_server_is_told() {
    run(async {
        let (sender, _client) = of_a_runtime_that_is_gone(async {
            let (lend, mut lent) = mpsc::unbounded_channel();
            let server = Server::bind("127.0.0.1:0").await.unwrap();
            let addr = server.local_addr();
            tokio::spawn(server.serve(move |mut socket: WebSocket| {
                lend.send(socket.sender()).unwrap();
                async move {
                    while socket.recv().await?.is_some() {}
                    Ok(())
                }
            }));
            let mut client = Raw::new(tokio::net::TcpStream::connect(addr).await.unwrap());
            client.send(upgrade_request("")).await;
            (lent.recv().await.unwrap(), client)
        });
        assert!(is_lost(&sender.close(1000, "").await.unwrap()));
    });
}

/// A transport that accepts nothing, and then panics.
#[derive(Default)]
struct Broken {
    was_tried: bool,
}

impl AsyncRead for Broken {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Broken {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        assert!(!self.was_tried, "this is what is tested");
        self.was_tried = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

fn over_a_broken_transport() -> WebSocket {
    WebSocket::over(Broken::default(), Role::Server, config(Limits::default()), Vec::new())
}

#[test]
fn a_transport_that_panics_in_the_background_is_the_end() {
    run_paused(async {
        let (sender, mut receiver) = over_a_broken_transport().split();
        sender.send("never written").await.unwrap();
        settle().await;
        assert!(matches!(sender.flush().await, Err(Error::Closed(closed)) if is_lost(&closed)));
        assert_eq!(receiver.recv().await.unwrap(), None);
        assert!(is_lost(&sender.close(1000, "").await.unwrap()));
    });
}

/// Handles that are dropped during its panic do not call it again, which would abort the process.
#[test]
fn a_transport_that_panics_at_whoever_writes_is_the_end_for_the_others() {
    run_paused(async {
        let mut socket = over_a_broken_transport();
        let sender = socket.sender();
        let writing = tokio::spawn(async move {
            socket.send("never written").await.unwrap();
            socket.flush().await
        });
        assert!(writing.await.unwrap_err().is_panic());
        assert!(is_lost(&sender.close(1000, "").await.unwrap()));
    });
}
