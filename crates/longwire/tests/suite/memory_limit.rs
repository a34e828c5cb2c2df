//! What all connections of `Server::serve` may hold together (`Server::max_buffered`).

use std::time::Duration;

use longwire::{Limits, Sender, Server, TrySendError, WebSocket};
use longwire_wire::bits;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::{
    CLOSE, Frame, PING, PONG, Raw, Serving, TEXT, close, masked, patient, run, serve, settle, upgrade_request,
};

/// The limit of the server, in bytes.
const LIMIT: usize = 4 << 20;

/// Far more than the systems of both ends buffer, and than the limit.
const HIGH_WATER: usize = 24 << 20;

/// Messages that are not copied into a buffer.
const CHUNK: usize = 64 << 10;

/// How many connections end in a test. A quarter of the limit for each would be too much.
const ROUNDS: usize = 8;

/// The code that ended a connection, or `None` if nothing has.
type Reports = UnboundedSender<Option<u16>>;

fn limited(server: Server, limits: Limits) -> Server {
    server.max_buffered(LIMIT).limits(limits.high_water(HIGH_WATER))
}

/// A client with a small receive buffer, after its opening handshake.
async fn narrow(serving: &Serving) -> Raw<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    let mut raw = Raw::new(socket.connect(serving.addr).await.unwrap());
    raw.send(upgrade_request("")).await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    raw
}

/// Sends until a message is refused. Returns the code that ended the connection, or `None` if its queue has no room.
fn flood(sender: &Sender) -> Option<u16> {
    loop {
        match sender.try_send(vec![0; CHUNK]) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return None,
            Err(TrySendError::Closed(closed)) => return Some(closed.code.get()),
        }
    }
}

/// Sends until the transport takes no more and the rest waits for it.
async fn stall(sender: &Sender) {
    while sender.buffered() == 0 {
        while sender.buffered() == 0 {
            sender.send(vec![0; CHUNK]).await.unwrap();
        }
        settle().await;
    }
}

/// The Close frame behind the messages.
async fn close_frame(raw: &mut Raw<TcpStream>) -> Frame {
    loop {
        let frame = raw.frame().await;
        if frame.first == CLOSE {
            return frame;
        }
    }
}

#[test]
fn what_is_queued_behind_a_write_that_waits_counts() {
    run(async {
        let (told, mut outcomes) = unbounded_channel();
        let handler = move |socket: WebSocket| async move {
            let sender = socket.sender();
            stall(&sender).await;
            told.send(flood(&sender)).unwrap();
            Ok(())
        };
        let serving = serve(|server| limited(server, patient()), handler).await;
        let mut raw = narrow(&serving).await;
        assert_eq!(outcomes.recv().await.unwrap(), Some(1013));
        assert_eq!(close_frame(&mut raw).await.payload, close(1013, "this end is short of memory"));
    });
}

/// Replies to messages of one read are written together, later.
#[test]
fn what_is_queued_while_more_of_a_read_is_unparsed_counts_once_it_cannot_be_written() {
    run(async {
        let (told, mut outcomes) = unbounded_channel();
        let handler = move |mut socket: WebSocket| async move {
            let sender = socket.sender();
            socket.recv().await?;
            let at_once = flood(&sender);
            settle().await;
            told.send((at_once, flood(&sender))).unwrap();
            Ok(())
        };
        let serving = serve(|server| limited(server, patient()), handler).await;
        let mut raw = narrow(&serving).await;
        raw.send([masked(TEXT, "first"), masked(TEXT, "second")].concat()).await;
        assert_eq!(outcomes.recv().await.unwrap(), (None, Some(1013)));
        assert_eq!(close_frame(&mut raw).await.payload, close(1013, "this end is short of memory"));
    });
}

/// A server whose handler passes a sender of each connection on when `occupy` has ended. Its other result is what `occupy`
/// reports.
async fn keeping<Fut>(
    limits: Limits,
    occupy: impl FnOnce(WebSocket, Reports) -> Fut + Clone + Send + Sync + 'static,
) -> (Serving, UnboundedReceiver<Option<u16>>, UnboundedReceiver<Sender>)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let (report, reports) = unbounded_channel();
    let (pass_on, senders) = unbounded_channel();
    let handler = move |socket: WebSocket| async move {
        let sender = socket.sender();
        occupy(socket, report).await;
        pass_on.send(sender).unwrap();
        Ok(())
    };
    (serve(|server| limited(server, limits), handler).await, reports, senders)
}

async fn receive_all(mut socket: WebSocket, _: Reports) {
    while let Ok(Some(_)) = socket.recv().await {}
}

/// Queues a quarter of the limit. Returns the code of the end if that is too much.
fn queue_a_quarter(sender: &Sender) -> Option<u16> {
    while sender.buffered() < LIMIT / 4 {
        if let Err(TrySendError::Closed(closed)) = sender.try_send(vec![0; CHUNK]) {
            return Some(closed.code.get());
        }
    }
    None
}

async fn send_and_receive(socket: WebSocket, report: Reports) {
    report.send(queue_a_quarter(&socket.sender())).unwrap();
    receive_all(socket, report).await;
}

async fn send_and_close(mut socket: WebSocket, report: Reports) {
    report.send(queue_a_quarter(&socket.sender())).unwrap();
    socket.close(1000, "").await.unwrap();
}

fn reset(raw: Raw<TcpStream>) {
    raw.into_inner().set_zero_linger().unwrap();
}

/// A few connections that began a long message and were reset used to fill the server's memory for good.
#[test]
fn what_had_arrived_of_a_message_is_given_back_at_the_end_although_a_sender_is_kept() {
    run(async {
        let (serving, _, mut senders) = keeping(patient(), receive_all).await;
        let mut kept = Vec::new();
        for _ in 0..ROUNDS {
            let mut raw = serving.raw_open().await;
            raw.send(masked(bits::BINARY, vec![0; LIMIT / 4])).await;
            raw.send(masked(PING, "")).await;
            assert_eq!(raw.frame().await, Frame::new(PONG, ""));
            reset(raw);
            kept.push(senders.recv().await.unwrap());
        }
        assert!(kept.iter().all(|sender| !sender.is_open()));
    });
}

#[test]
fn what_waited_for_a_client_is_given_back_when_it_resets_although_a_sender_is_kept() {
    run(async {
        let (serving, mut reports, mut senders) = keeping(patient(), send_and_receive).await;
        let mut kept = Vec::new();
        for _ in 0..ROUNDS {
            let raw = narrow(&serving).await;
            assert_eq!(reports.recv().await.unwrap(), None);
            reset(raw);
            kept.push(senders.recv().await.unwrap());
        }
        assert!(kept.iter().all(|sender| sender.buffered() == 0));
    });
}

#[test]
fn what_waited_for_a_client_is_given_back_when_the_time_for_closing_is_up() {
    run(async {
        let limits = patient().close_time(Duration::from_millis(20));
        let (serving, mut reports, mut senders) = keeping(limits, send_and_close).await;
        let (mut kept, mut silent) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            silent.push(narrow(&serving).await);
            assert_eq!(reports.recv().await.unwrap(), None);
            kept.push(senders.recv().await.unwrap());
        }
        assert!(kept.iter().all(|sender| sender.buffered() == 0));
    });
}
