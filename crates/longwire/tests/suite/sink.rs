//! A connection as `Stream` and `Sink`.

use std::future::ready;
use std::pin::Pin;

use futures_util::{Sink, SinkExt, StreamExt};
use longwire::{By, Error, Limits, Message, Role, WebSocket};

use crate::support::{
    CLOSE, Frame, ROOMY, TEXT, against_raw, close, end, masked, pair, poll_once, run_paused, server_and_raw,
    settle, tcp_pair,
};

#[test]
fn a_stream_gives_messages_until_the_end() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        raw.send([masked(TEXT, "one"), masked(TEXT, "two"), masked(CLOSE, "")].concat()).await;
        assert_eq!(socket.next().await.unwrap().unwrap(), "one");
        assert_eq!(socket.next().await.unwrap().unwrap(), "two");
        assert!(socket.next().await.is_none());
        assert!(socket.next().await.is_none());
    });
}

#[test]
fn an_error_is_one_item_of_the_stream() {
    run_paused(async {
        let (socket, mut raw) = server_and_raw();
        let (_sender, mut receiver) = socket.split();
        raw.send([0xff, 0xff]).await;
        assert!(matches!(receiver.next().await, Some(Err(Error::Protocol(_)))));
        assert!(receiver.next().await.is_none());
    });
}

#[test]
fn a_connection_forwarded_to_itself_is_an_echo() {
    crate::support::run(async {
        let (client, server) = tcp_pair(Limits::default()).await;
        let echoing = tokio::spawn(async move {
            let (sink, stream) = StreamExt::split(server);
            stream.forward(sink).await
        });
        let (sender, mut receiver) = client.split();
        let sending = tokio::spawn(async move {
            for number in 0..300 {
                sender.send(format!("{number} {}", "x".repeat(10_000))).await.unwrap();
            }
            sender
        });
        for number in 0..300 {
            let message = receiver.recv().await.unwrap().unwrap().to_string();
            assert!(message.starts_with(&format!("{number} x")));
        }
        let sender = sending.await.unwrap();
        let (closed, received) = tokio::join!(sender.close(1000, ""), receiver.recv());
        assert!(matches!(received, Ok(None)));
        assert_eq!(end(&closed.unwrap()), (1000, "", By::Local, true));
        echoing.await.unwrap().unwrap();
    });
}

#[test]
fn a_sink_sends_what_it_is_fed_when_it_is_flushed() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        SinkExt::feed(&mut socket, Message::from("one")).await.unwrap();
        SinkExt::feed(&mut socket, Message::from("two")).await.unwrap();
        SinkExt::flush(&mut socket).await.unwrap();
        assert_eq!(raw.frame().await, Frame::new(TEXT, "one"));
        assert_eq!(raw.frame().await, Frame::new(TEXT, "two"));
        SinkExt::send(&mut socket, Message::from("three")).await.unwrap();
        assert_eq!(raw.frame().await, Frame::new(TEXT, "three"));
    });
}

#[test]
fn a_stream_of_messages_is_sent_with_one_call() {
    run_paused(async {
        let (client, mut server) = pair(ROOMY, Limits::default());
        let (mut sink, stream) = StreamExt::split(client);
        let numbers = (0..300).map(|number| Ok(Message::from(number.to_string())));
        let sending = tokio::spawn(async move {
            sink.send_all(&mut futures_util::stream::iter(numbers)).await.unwrap();
            sink
        });
        for number in 0..300 {
            assert_eq!(server.recv().await.unwrap().unwrap(), number.to_string().as_str());
        }
        let mut socket = sending.await.unwrap().reunite(stream).unwrap();
        let (closed, received) = tokio::join!(SinkExt::close(&mut socket), server.recv());
        closed.unwrap();
        assert_eq!(received.unwrap(), None);
    });
}

#[test]
fn a_sink_takes_what_is_mapped_to_messages() {
    run_paused(async {
        let (client, mut server) = pair(ROOMY, Limits::default());
        let to_message = |number: u32| ready(Ok::<_, Error>(Message::from(number.to_string())));
        let mut numbers = client.with(to_message);
        numbers.send_all(&mut futures_util::stream::iter([Ok(1), Ok(2)])).await.unwrap();
        drop(numbers);
        let texts = StreamExt::map(&mut server, |message| message.unwrap().to_string());
        assert_eq!(texts.collect::<Vec<_>>().await, ["1", "2"]);
        assert_eq!((server.closed().code.get(), server.closed().by), (1001, By::Peer));
    });
}

/// More than fits into the queue: a full sink must make room by itself.
#[test]
fn a_sink_takes_any_number_of_messages_without_a_flush() {
    run_paused(async {
        let (mut client, mut server) = pair(ROOMY, Limits::default());
        let feeding = tokio::spawn(async move {
            for _ in 0..100 {
                SinkExt::feed(&mut client, Message::from(vec![0; 50_000])).await.unwrap();
            }
            SinkExt::close(&mut client).await.unwrap();
        });
        for _ in 0..100 {
            assert_eq!(server.recv().await.unwrap().unwrap().len(), 50_000);
        }
        assert_eq!(server.recv().await.unwrap(), None);
        feeding.await.unwrap();
    });
}

#[test]
fn closing_the_sink_closes_the_connection_with_1000() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        SinkExt::feed(&mut socket, Message::from("last")).await.unwrap();
        let closing = tokio::spawn(async move { (SinkExt::close(&mut socket).await, socket) });
        assert_eq!(raw.frame().await, Frame::new(TEXT, "last"));
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
        raw.send([masked(TEXT, "discarded"), masked(CLOSE, close(1000, ""))].concat()).await;
        let (closed, mut socket) = closing.await.unwrap();
        closed.unwrap();
        assert_eq!(end(&socket.closed()), (1000, "", By::Local, true));
        SinkExt::close(&mut socket).await.unwrap();
        assert!(matches!(SinkExt::send(&mut socket, "late".into()).await, Err(Error::Closed(_))));
    });
}

/// Two tasks may close and read the two halves of a `split`: neither takes the other's waker, or the other's
/// messages.
#[test]
fn a_sink_that_closes_leaves_the_stream_to_whoever_reads_it() {
    run_paused(async {
        for is_read_first in [true, false] {
            let (socket, mut raw) = server_and_raw();
            let (mut sink, mut stream) = StreamExt::split(socket);
            let (begin, begun) = tokio::sync::oneshot::channel();
            let reading = tokio::spawn(async move {
                if !is_read_first {
                    begun.await.unwrap();
                }
                let mut texts = Vec::new();
                while let Some(message) = stream.next().await {
                    texts.push(message.unwrap().to_string());
                }
                texts
            });
            settle().await;
            let closing = tokio::spawn(async move { sink.close().await });
            assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
            raw.send(masked(TEXT, "one")).await;
            settle().await;
            begin.send(()).unwrap_or_default();
            settle().await;
            raw.send([masked(TEXT, "two"), masked(CLOSE, close(1000, ""))].concat()).await;
            assert_eq!(reading.await.unwrap(), ["one", "two"]);
            closing.await.unwrap().unwrap();
        }
    });
}

/// The number of messages that a closing sink buffers for the stream is bounded; the stream reads the rest.
#[test]
fn a_sink_that_closes_keeps_a_bounded_part_of_what_arrives() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        let closing = tokio::spawn(async move { (SinkExt::close(&mut socket).await, socket) });
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
        let sending = tokio::spawn(async move {
            for _ in 0..1000 {
                raw.send(masked(TEXT, "x".repeat(1000))).await;
            }
            raw.send(masked(CLOSE, close(1000, ""))).await;
            raw
        });
        let (closed, mut socket) = closing.await.unwrap();
        closed.unwrap();
        assert!(!sending.is_finished(), "a million bytes were read that nothing receives");
        let mut count = 0;
        while let Some(message) = socket.next().await {
            assert_eq!(message.unwrap().len(), 1000);
            count += 1;
        }
        assert_eq!(count, 1000);
        assert_eq!(end(&socket.closed()), (1000, "", By::Local, true));
        sending.await.unwrap();
    });
}

/// The session drives its connection. Over TLS, written data still has to be flushed; if the handler's reading does
/// that, a task that waits for the flush must be notified.
#[cfg(feature = "tls")]
#[test]
fn a_flood_from_a_split_sink_flows_over_tls_while_the_handler_reads() {
    const MESSAGES: u32 = 1000;
    crate::support::run(async {
        let authority = crate::tls::Authority::for_names(&["127.0.0.1"]);
        let identity = authority.identity.clone();
        let set_up = |server: longwire::Server| server.tls(identity);
        let serving = crate::support::serve(set_up, async |socket| {
            let (mut sink, mut stream) = StreamExt::split(socket);
            tokio::spawn(async move {
                for number in 0..MESSAGES {
                    sink.send(Message::from(number.to_string())).await.unwrap();
                }
            });
            while let Some(message) = stream.next().await {
                message?;
            }
            Ok(())
        });
        let serving = serving.await;
        let url = format!("wss://{}/", serving.addr);
        let mut client = authority.client().connect(&url).await.unwrap();
        for number in 0..MESSAGES {
            let next = tokio::time::timeout(std::time::Duration::from_secs(60), client.recv());
            let message = next.await.expect("the server stalls").unwrap().unwrap();
            assert_eq!(message, number.to_string().as_str());
        }
        client.close(1000, "").await.unwrap();
    });
}

/// A server whose queue is above its high-water mark, and the raw peer whose reading empties it.
async fn congested() -> (WebSocket, crate::support::Raw<tokio::io::DuplexStream>) {
    let (mut socket, raw) =
        against_raw(Role::Server, 1000, Limits::default().low_water(50_000).high_water(60_000));
    for _ in 0..7 {
        socket.send(vec![0; 10_000]).await.unwrap();
    }
    (socket, raw)
}

/// A dropped wait for room does not count as a started flush.
#[test]
fn a_flush_waits_for_everything_even_if_somebody_waited_for_room_before() {
    run_paused(async {
        let (mut socket, mut raw) = congested().await;
        let mut waiting = SinkExt::send(&mut socket, Message::from("given up"));
        assert!(poll_once(&mut waiting).await.is_pending());

        let mut flush = SinkExt::flush(&mut socket);
        assert!(poll_once(&mut flush).await.is_pending());
        for _ in 0..3 {
            raw.frame().await;
        }
        settle().await;
        assert!(
            poll_once(&mut flush).await.is_pending(),
            "it cannot be flushed: four messages are not written yet"
        );
        for _ in 0..4 {
            raw.frame().await;
        }
        flush.await.unwrap();
    });
}

/// `Sink` promises that a ready sink accepts a message, whatever other senders did in the meantime.
#[test]
fn a_sink_that_was_ready_takes_one_message() {
    run_paused(async {
        let (mut socket, mut raw) =
            against_raw(Role::Server, 1000, Limits::default().low_water(100).high_water(1000));
        let sender = socket.sender();
        std::future::poll_fn(|cx| Pin::new(&mut socket).poll_ready(cx)).await.unwrap();
        sender.feed("x".repeat(2000)).await.unwrap();
        Pin::new(&mut socket).start_send(Message::from("mine")).unwrap();
        let flushing = tokio::spawn(async move { SinkExt::flush(&mut socket).await });
        assert_eq!(raw.frame().await.payload.len(), 2000);
        assert_eq!(raw.frame().await, Frame::new(TEXT, "mine"));
        flushing.await.unwrap().unwrap();
    });
}
