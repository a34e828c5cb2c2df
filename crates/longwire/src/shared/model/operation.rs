//! The operations that can wait on a connection.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::bytes;
use super::scheduler::{once_in, pick, progressed};
use crate::byte_stream::ByteStream;
use crate::error::Result;
use crate::halves::{Receiver, Sender};
use crate::message::Message;
use crate::websocket::WebSocket;

/// How many messages an operation sends.
const MESSAGES: u8 = 6;

/// An operation that can wait on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// `recv`, or the `Stream`.
    Receive,
    /// `recv_stream`.
    ReceivePieces,
    /// `send`, which waits for room.
    Send,
    /// `feed` and `flush`.
    Flush,
    /// `send_ping`, which waits for room.
    Ping,
    /// `ping`, which waits for the pong.
    AskForPong,
    /// `stream_binary`, which makes other messages wait.
    SendPieces,
    /// `Sender::close`, which waits for the end.
    Close,
    /// `poll_ready`, `start_send` and `poll_flush`.
    SinkSend,
    /// `poll_close`.
    SinkClose,
    /// `AsyncRead` of a `ByteStream`.
    ReadBytes,
    /// `AsyncWrite` of a `ByteStream`.
    WriteBytes,
    /// `poll_shutdown` of a `ByteStream`.
    ShutDown,
}

/// What a task waits for, apart from incoming data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    Room,
    Flush,
    End,
}

pub(super) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

thread_local! {
    static WAITING: Cell<[usize; 3]> = const { Cell::new([0; 3]) };
    /// How many messages the far end has sent, and how many the near end has received, up to its clean end.
    pub(super) static SENT: Cell<usize> = const { Cell::new(0) };
    pub(super) static RECEIVED: Cell<Option<usize>> = const { Cell::new(None) };
}

/// While it exists, a task is waiting.
struct Waits(Awaited);

impl Waits {
    fn change(awaited: Awaited, change: impl FnOnce(usize) -> usize) {
        let mut waiting = WAITING.get();
        waiting[awaited as usize] = change(waiting[awaited as usize]);
        WAITING.set(waiting);
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        Waits::change(self.0, |count| count - 1);
    }
}

/// Whether any task waits for this.
pub(super) fn is_awaited(awaited: Awaited) -> bool {
    WAITING.get()[awaited as usize] > 0
}

/// Resets the counters of the previous schedule.
pub(super) fn forget() {
    WAITING.set([0; 3]);
    SENT.set(0);
    RECEIVED.set(None);
}

async fn wait<T>(awaited: Awaited, work: impl Future<Output = T>) -> T {
    Waits::change(awaited, |count| count + 1);
    let waits = Waits(awaited);
    let outcome = work.await;
    drop(waits);
    progressed();
    outcome
}

/// A message whose first byte identifies the operation, and whose second byte is its number.
fn message(operation: u8, number: u8) -> Vec<u8> {
    let mut message = vec![0; 2 + pick(100)];
    message[0] = operation;
    message[1] = number;
    message
}

impl Operation {
    pub(super) fn reads(self) -> bool {
        matches!(self, Operation::Receive | Operation::ReceivePieces | Operation::ReadBytes)
    }

    fn is_of_sink(self) -> bool {
        matches!(self, Operation::SinkSend | Operation::SinkClose)
    }

    fn is_of_bytes(self) -> bool {
        matches!(self, Operation::ReadBytes | Operation::WriteBytes | Operation::ShutDown)
    }

    /// Whether both may be used at the same time and complete without a timeout.
    pub(super) fn goes_with(self, other: Operation) -> bool {
        let of_both = |is: fn(Operation) -> bool| is(self) && is(other);
        let of_either = |is: fn(Operation) -> bool| is(self) || is(other);
        // Only one task uses each half.
        let is_one_half = of_both(Operation::reads)
            || of_both(Operation::is_of_sink)
            || of_both(|operation| matches!(operation, Operation::WriteBytes | Operation::ShutDown));
        let is_another_type = of_either(Operation::is_of_sink) && of_either(Operation::is_of_bytes)
            || of_either(Operation::is_of_sink)
                && of_either(|operation| operation == Operation::ReceivePieces)
            || of_either(Operation::is_of_bytes)
                && of_either(|operation| matches!(operation, Operation::Receive | Operation::ReceivePieces));
        // A task that closes, or awaits a pong from a peer that may close, needs another task that receives.
        let lacks_a_receiver =
            of_either(|operation| matches!(operation, Operation::Close | Operation::AskForPong))
                && (of_either(Operation::is_of_bytes)
                    || of_either(|operation| operation == Operation::SinkSend))
                && !of_either(Operation::reads);
        !is_one_half && !is_another_type && !lacks_a_receiver
    }
}

/// Runs both operations on one connection at the same time.
pub(super) fn pair(socket: WebSocket, operations: [Operation; 2]) -> [Work; 2] {
    let is_any = |is: fn(Operation) -> bool| operations.iter().any(|&operation| is(operation));
    let closes_after = is_any(Operation::reads);
    if is_any(Operation::is_of_sink) {
        of_sink(socket, operations, closes_after)
    } else if is_any(Operation::is_of_bytes) {
        of_bytes(socket, operations, closes_after)
    } else {
        of_halves(socket, operations, closes_after)
    }
}

fn each(operations: [Operation; 2], mut work: impl FnMut(u8, Operation) -> Work) -> [Work; 2] {
    let [first, second] = operations;
    [work(0, first), work(1, second)]
}

fn of_halves(socket: WebSocket, operations: [Operation; 2], closes_after: bool) -> [Work; 2] {
    let (sender, receiver) = socket.split();
    let mut receiver = Some(receiver);
    each(operations, |index, operation| match operation {
        Operation::Receive => Box::pin(receive(receiver.take().unwrap())),
        Operation::ReceivePieces => Box::pin(receive_pieces(receiver.take().unwrap())),
        _ => Box::pin(send(operation, index, sender.clone(), closes_after)),
    })
}

fn of_sink(socket: WebSocket, operations: [Operation; 2], closes_after: bool) -> [Work; 2] {
    let sender = socket.sender();
    let (sink, stream) = StreamExt::split(socket);
    let (mut sink, mut stream) = (Some(sink), Some(stream));
    let works = each(operations, |index, operation| match operation {
        Operation::Receive => Box::pin(receive_stream(stream.take().unwrap(), sender.clone())),
        Operation::SinkSend => {
            let closing = closes_after.then(|| sender.clone());
            Box::pin(sink_send(sink.take().unwrap(), index, closing))
        }
        Operation::SinkClose => Box::pin(sink_close(sink.take().unwrap())),
        _ => Box::pin(send(operation, index, sender.clone(), closes_after)),
    });
    // If no operation reads, the stream half is still held.
    works.map(|work| -> Work {
        let stream = stream.take();
        Box::pin(async move {
            work.await;
            drop(stream);
        })
    })
}

fn of_bytes(socket: WebSocket, operations: [Operation; 2], closes_after: bool) -> [Work; 2] {
    let sender = socket.sender();
    let (reading, writing) = bytes::halves(ByteStream::new(socket));
    let (mut reading, mut writing) = (Some(reading), Some(writing));
    each(operations, |index, operation| match operation {
        Operation::ReadBytes => Box::pin(read_bytes(reading.take().unwrap())),
        Operation::WriteBytes | Operation::ShutDown => {
            Box::pin(write_bytes(writing.take().unwrap(), operation, closes_after))
        }
        _ => Box::pin(send(operation, index, sender.clone(), closes_after)),
    })
}

async fn receive(mut receiver: Receiver) {
    let mut count = 0;
    while let Ok(Some(message)) = receiver.recv().await {
        took(&message, &mut count);
    }
    if receiver.closed().clean {
        RECEIVED.set(Some(count));
    }
}

async fn receive_stream(mut stream: futures_util::stream::SplitStream<WebSocket>, sender: Sender) {
    let mut count = 0;
    while let Some(Ok(message)) = stream.next().await {
        took(&message, &mut count);
    }
    if sender.shared().closed().clean {
        RECEIVED.set(Some(count));
    }
}

fn took(message: &Message, count: &mut usize) {
    progressed();
    assert_eq!(usize::from(message.as_bytes()[1]), *count, "a message is missing or out of order");
    *count += 1;
}

async fn receive_pieces(mut receiver: Receiver) {
    while let Ok(Some(mut message)) = receiver.recv_stream().await {
        while let Ok(Some(_)) = message.next_piece().await {
            progressed();
        }
    }
}

async fn read_bytes(mut reading: bytes::Half) {
    let mut buffer = [0; 30];
    while let Ok(1..) = reading.read(&mut buffer).await {
        progressed();
    }
}

async fn write_bytes(mut writing: bytes::Half, operation: Operation, closes_after: bool) {
    if operation == Operation::WriteBytes {
        for number in 0..MESSAGES {
            let message = message(9, number);
            if wait(Awaited::Room, writing.write_all(&message)).await.is_err() {
                return;
            }
        }
        if wait(Awaited::Flush, writing.flush()).await.is_err() {
            return;
        }
    }
    if closes_after || operation == Operation::ShutDown {
        let _done = wait(Awaited::Flush, writing.shutdown()).await;
    }
}

async fn sink_send(
    mut sink: futures_util::stream::SplitSink<WebSocket, Message>,
    index: u8,
    closing: Option<Sender>,
) {
    for number in 0..MESSAGES {
        if wait(Awaited::Room, sink.feed(message(index, number).into())).await.is_err() {
            return;
        }
        if once_in(2) && wait(Awaited::Flush, sink.flush()).await.is_err() {
            return;
        }
    }
    let _flushed = wait(Awaited::Flush, sink.flush()).await;
    if let Some(sender) = closing {
        let _closed = wait(Awaited::End, sender.close(1000, "")).await;
    }
}

async fn sink_close(mut sink: futures_util::stream::SplitSink<WebSocket, Message>) {
    let _closed = wait(Awaited::End, sink.close()).await;
}

async fn send(operation: Operation, index: u8, sender: Sender, closes_after: bool) {
    for number in 0..MESSAGES {
        if operation != Operation::Close && send_one(operation, index, number, &sender).await.is_err() {
            break;
        }
    }
    if closes_after || operation == Operation::Close {
        let _closed = wait(Awaited::End, sender.close(1000, "")).await;
    }
}

async fn send_one(operation: Operation, index: u8, number: u8, sender: &Sender) -> Result<()> {
    match operation {
        Operation::Flush => {
            wait(Awaited::Room, sender.feed(message(index, number))).await?;
            wait(Awaited::Flush, sender.flush()).await
        }
        Operation::Ping => wait(Awaited::Room, sender.send_ping([number])).await,
        Operation::AskForPong => {
            sender.ping().await?;
            progressed();
            Ok(())
        }
        Operation::SendPieces => {
            let mut writer = wait(Awaited::Room, sender.stream_binary()).await?;
            let message = message(index, number);
            let (start, rest) = message.split_at(2);
            writer.write(start).await?;
            progressed();
            writer.write(rest).await?;
            progressed();
            writer.finish().await?;
            progressed();
            Ok(())
        }
        _ => wait(Awaited::Room, sender.send(message(index, number))).await,
    }
}

/// The far end: sends messages, may close after them, and receives to the end.
pub(super) fn far(socket: WebSocket) -> [Work; 2] {
    let (sender, mut receiver) = socket.split();
    let sending = async move {
        for number in 0..MESSAGES {
            if sender.send(message(9, number)).await.is_err() {
                return;
            }
            SENT.set(SENT.get() + 1);
        }
        let _flushed = sender.flush().await;
        if once_in(3) {
            let _closed = sender.close(1000, "").await;
        }
    };
    let receiving = async move {
        let mut next = [0; 10];
        while let Ok(Some(message)) = receiver.recv().await {
            // A `ByteStream` may split its messages anywhere.
            if let [operation @ 0..9, number, ..] = *message.as_bytes() {
                assert_eq!(number, next[usize::from(operation)], "a message is missing or out of order");
                next[usize::from(operation)] += 1;
            }
        }
    };
    [Box::pin(sending), Box::pin(receiving)]
}
