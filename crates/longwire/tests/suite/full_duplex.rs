//! Both directions at full speed at the same time.

use longwire::{Limits, Receiver, Sender, WebSocket};
use tokio::task::JoinHandle;

use crate::support::{pair, run, run_on_threads, tcp_pair};

/// Sends `count` messages of `len` bytes as fast as it can, and checks that the queue stays within its bound.
fn send(sender: Sender, len: usize, count: usize, limits: &Limits) -> JoinHandle<()> {
    // A header takes 14 bytes at most.
    let bound = limits.high_water + len + 14;
    tokio::spawn(async move {
        for number in 0..count {
            let mut message = vec![0; len];
            message[..8].copy_from_slice(&(number as u64).to_be_bytes());
            sender.send(message).await.unwrap();
            assert!(sender.buffered() <= bound, "{} bytes are queued", sender.buffered());
        }
        sender.flush().await.unwrap();
    })
}

/// Receives exactly these messages, in order.
fn receive(mut receiver: Receiver, len: usize, count: usize) -> JoinHandle<Receiver> {
    tokio::spawn(async move {
        for number in 0..count {
            let message = receiver.recv().await.unwrap().unwrap();
            assert_eq!((message.len(), &message.as_bytes()[..8]), (len, &(number as u64).to_be_bytes()[..]));
        }
        receiver
    })
}

async fn saturate(ends: (WebSocket, WebSocket), len: usize, count: usize, limits: &Limits) {
    let halves = [ends.0.split(), ends.1.split()];
    let tasks =
        halves.map(|(sender, receiver)| (send(sender, len, count, limits), receive(receiver, len, count)));
    let mut receivers = Vec::new();
    for (sending, receiving) in tasks {
        sending.await.unwrap();
        receivers.push(receiving.await.unwrap());
    }
}

#[test]
fn over_tcp() {
    run_on_threads(async {
        let limits = Limits::default();
        saturate(tcp_pair(limits.clone()).await, 100, 20_000, &limits).await;
        saturate(tcp_pair(limits.clone()).await, 256 << 10, 40, &limits).await;
    });
}

#[test]
fn over_a_transport_that_holds_next_to_nothing() {
    run(async {
        let limits = Limits::default().low_water(1000).high_water(4000);
        saturate(pair(64, limits.clone()), 100, 2000, &limits).await;
        saturate(pair(1000, limits.clone()), 256 << 10, 4, &limits).await;
    });
}

#[test]
fn over_a_transport_that_holds_next_to_nothing_on_several_threads() {
    run_on_threads(async {
        let limits = Limits::default().low_water(100).high_water(300);
        saturate(pair(64, limits.clone()), 100, 2000, &limits).await;
    });
}

#[test]
fn without_any_room_for_waiting() {
    run_on_threads(async {
        let limits = Limits::default().low_water(0).high_water(0);
        saturate(tcp_pair(limits.clone()).await, 1000, 2000, &limits).await;
        saturate(pair(64, limits.clone()), 100, 500, &limits).await;
    });
}
