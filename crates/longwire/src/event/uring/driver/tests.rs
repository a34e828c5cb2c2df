use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use longwire_proto::Keepalive;

use super::*;
use crate::event::sockets::SocketLink as _;
use crate::event::sockets::trial::{ROUNDS, Streams, join, setup};
use crate::event::turns::WRITES_AT_A_TIME;

/// A loop with one connection whose peer does not read.
struct Lifecycle {
    event_loop: UringLoop<Streams>,
    key: Key,
    sent: Arc<AtomicUsize>,
    _peer: TcpStream,
}

impl Lifecycle {
    /// `None` if the system has no io_uring.
    fn set() -> Option<Lifecycle> {
        let sent = Arc::new(AtomicUsize::new(0));
        let mut event_loop = UringLoop::new(setup(
            Streams { sent: Arc::clone(&sent) },
            Some(Keepalive::every(Duration::from_secs(20))),
        ))
        .inspect_err(|_| crate::skipped::skipped_without("io_uring"))
        .ok()?;
        let (key, peer) = join(&mut event_loop);
        Some(Lifecycle { event_loop, key, sent, _peer: peer })
    }

    fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    fn is_writing(&mut self) -> bool {
        self.event_loop.reactor.link(self.key).is_some_and(|link| link.is_writing())
    }
}

/// Clients that connected before the server ran used to keep Nagle's algorithm.
#[test]
fn connections_send_at_once_although_they_have_waited_to_be_accepted() {
    let Ok(mut event_loop) = UringLoop::new(setup(Streams { sent: Arc::default() }, None)) else {
        return crate::skipped::skipped_without("io_uring");
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    event_loop.listen(ListeningSocket::Tcp(listener));
    let mut rounds = 0;
    let key = loop {
        if let Some(key) = event_loop.reactor.keys().first() {
            break *key;
        }
        rounds += 1;
        assert!(rounds < ROUNDS, "nobody is accepted");
        event_loop.run_round().unwrap();
    };
    let socket = event_loop.reactor.link(key).unwrap().socket();
    let descriptor = event_loop.driver.ring.descriptor(socket).unwrap();
    assert!(SockRef::from(&descriptor).tcp_nodelay().unwrap());
}

/// Direct calls write large messages. A peer that read everything at once used to keep the loop to itself.
#[test]
fn who_takes_all_that_it_is_sent_does_not_keep_others_waiting() {
    let Some(mut stage) = Lifecycle::set() else { return };
    stage.event_loop.drive_dirty();
    assert!(!stage.is_writing(), "the system takes more");
    assert!((2..=WRITES_AT_A_TIME + 1).contains(&stage.sent()), "{} messages", stage.sent());
    for _ in 0..3 {
        let before = stage.sent();
        stage.event_loop.run_round().unwrap();
        assert!(stage.sent() <= before + WRITES_AT_A_TIME, "{} messages", stage.sent());
    }
}

/// A connection ended while the kernel had no room for it. The loop waited for room a second time, and one of the two
/// waits kept the socket open for as long as the peer liked.
#[test]
fn nothing_is_in_flight_for_a_connection_that_has_ended() {
    let Some(mut stage) = Lifecycle::set() else { return };
    stage.event_loop.drive_dirty();
    while !stage.is_writing() {
        stage.event_loop.run_round().unwrap();
    }
    let of_loop = 1;
    assert_eq!(stage.event_loop.driver.ring.in_flight(), of_loop + 2, "it is read, and waits for room");

    // The peer does not answer pings.
    for hours in 1..=3 {
        stage.event_loop.reactor.tick(Instant::now() + hours * Duration::from_secs(3600));
        stage.event_loop.reactor.expire();
    }
    assert!(stage.event_loop.reactor.visit(stage.key).unwrap().has_ended());
    stage.event_loop.drive_dirty();
    assert!(stage.event_loop.reactor.link(stage.key).is_none());
    let mut rounds = 0;
    while stage.event_loop.driver.ring.in_flight() > of_loop {
        rounds += 1;
        assert!(rounds < 100, "an operation is not cancelled");
        stage.event_loop.driver.ring.submit_and_wait(Some(Duration::from_millis(100))).unwrap();
        while let Some(completion) = stage.event_loop.driver.ring.next_completion() {
            stage.event_loop.complete(completion);
        }
    }
}
