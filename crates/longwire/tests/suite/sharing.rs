//! A peer that sends a lot does not starve other tasks of its thread. The tests count turns, not time.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use longwire::{ByteStream, Client, Deflate, EventSocket, Limits, Message, Role, WebSocket};
use tokio::io::{AsyncReadExt, DuplexStream};

use crate::support::{
    BINARY, PING, Peer, ROOMY, Raw, TEXT, against_raw, echo, patient, plain, run, run_paused, serve,
};

/// Counts what is received between two turns of a neighbouring task.
#[derive(Clone, Default)]
struct Turns {
    since: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Turns {
    /// Starts a neighbour that takes every turn it gets.
    fn watched() -> Turns {
        let turns = Turns::default();
        let Turns { since, most } = turns.clone();
        tokio::spawn(async move {
            loop {
                most.fetch_max(since.swap(0, Ordering::Relaxed), Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        turns
    }

    fn took(&self, count: usize) {
        self.since.fetch_add(count, Ordering::Relaxed);
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed).max(self.since.load(Ordering::Relaxed))
    }
}

/// How many messages of one read are received per turn.
const SHARE: usize = 256;

/// How many turns may pass between two of a neighbour: of two tasks that both yield, either may go first.
const IN_A_ROW: usize = 2;

const COUNT: usize = 10_000;

/// A client that was sent many such frames, and then the end.
async fn sent(frame: Vec<u8>) -> (WebSocket, Raw<DuplexStream>) {
    let (socket, mut raw) = against_raw(Role::Client, ROOMY, Limits::default());
    raw.send(frame.repeat(COUNT)).await;
    raw.finish().await;
    (socket, raw)
}

#[test]
fn messages_of_one_read_are_taken_in_turns() {
    run_paused(async {
        for way in ["recv", "stream", "in parts"] {
            let turns = Turns::watched();
            let (mut socket, _raw) = sent(plain(TEXT, "")).await;
            let mut taken = 0;
            loop {
                let is_there = match way {
                    "recv" => socket.recv().await.unwrap().is_some(),
                    "stream" => socket.next().await.transpose().unwrap().is_some(),
                    _ => socket.recv_stream().await.unwrap().is_some(),
                };
                if !is_there {
                    break;
                }
                taken += 1;
                turns.took(1);
            }
            assert_eq!(taken, COUNT, "{way}");
            assert!(turns.most() <= IN_A_ROW * SHARE, "{} at a time by {way}", turns.most());
        }
    });
}

#[test]
fn bytes_of_a_stream_are_taken_in_turns() {
    run_paused(async {
        let turns = Turns::watched();
        let (socket, _raw) = sent(plain(BINARY, "x")).await;
        let mut stream = ByteStream::new(socket);
        let mut byte = [0];
        let mut taken = 0;
        while let Ok(1) = stream.read(&mut byte).await {
            taken += 1;
            turns.took(1);
        }
        assert_eq!(taken, COUNT);
        assert!(turns.most() <= IN_A_ROW * SHARE, "{} at a time", turns.most());
    });
}

/// These frames yield nothing to the application, but the neighbour still gets a turn after each share.
#[test]
fn pings_and_what_is_discarded_are_taken_in_turns() {
    run_paused(async {
        for (frame, keeps) in [(plain(PING, ""), true), (plain(TEXT, ""), false), (plain(PING, ""), false)] {
            let turns = Arc::new(AtomicUsize::new(0));
            let counting = Arc::clone(&turns);
            let (socket, _raw) = sent(frame).await;
            let neighbour = tokio::spawn(async move {
                loop {
                    counting.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            });
            let (sender, mut receiver) = socket.split();
            if keeps {
                assert_eq!(receiver.recv().await.unwrap(), None);
            } else {
                drop(receiver);
                // The end is seen after all of it.
                while sender.is_open() {
                    tokio::task::yield_now().await;
                }
            }
            neighbour.abort();
            let turns = turns.load(Ordering::Relaxed);
            assert!(turns >= COUNT / SHARE, "{turns} turns");
        }
    });
}

#[test]
fn messages_of_an_event_socket_are_told_in_turns() {
    run(async {
        let turns = Turns::watched();
        let peer = Peer::listen().await;
        let client = Client::new().limits(patient()).deflate(None);
        let socket = EventSocket::from_client(&client, peer.url(), &[], |_| {}).unwrap();
        let (told, took) = (Arc::new(AtomicUsize::new(0)), turns.clone());
        let counted = Arc::clone(&told);
        socket.on_message(move |_, _| {
            counted.fetch_add(1, Ordering::Relaxed);
            took.took(1);
        });
        let mut raw = peer.open().await;
        raw.send(plain(TEXT, "").repeat(COUNT)).await;
        drop(raw);
        socket.ended().await;
        assert_eq!(told.load(Ordering::Relaxed), COUNT);
        assert!(turns.most() <= IN_A_ROW * SHARE, "{} at a time", turns.most());
    });
}

/// A kilobyte on the wire becomes a megabyte in the message.
#[test]
fn what_inflates_a_thousandfold_is_taken_in_turns() {
    run(async {
        let turns = Turns::watched();
        let (done, ended) = tokio::sync::mpsc::unbounded_channel();
        let took = turns.clone();
        let handler = move |mut socket: WebSocket| {
            let (took, done) = (took.clone(), done.clone());
            async move {
                let mut taken = 0;
                while let Some(message) = socket.recv().await? {
                    assert_eq!(message.len(), 1 << 20);
                    took.took(1);
                    taken += 1;
                }
                done.send(taken).unwrap();
                Ok(())
            }
        };
        let serving = serve(|server| server.deflate(Deflate::default()), handler).await;
        let client = Client::new().limits(patient()).deflate(Deflate::default());
        let mut socket = client.connect(serving.url("/")).await.unwrap();
        let message = Message::from(vec![0; 1 << 20]);
        for _ in 0..50 {
            socket.feed(message.clone()).await.unwrap();
        }
        socket.close(1000, "").await.unwrap();
        let mut ended = pin!(ended);
        assert_eq!(ended.recv().await, Some(50));
        assert!(turns.most() <= IN_A_ROW, "{} at a time", turns.most());
    });
}

/// The answers of a turn are sent in that turn, and none is lost between two turns.
#[test]
fn a_flood_is_echoed_whole() {
    run(async {
        let serving = serve(|server| server, echo).await;
        let mut raw = serving.raw_open().await;
        raw.send(crate::support::masked(TEXT, "x").repeat(COUNT)).await;
        raw.expect(plain(TEXT, "x").repeat(COUNT)).await;
    });
}
