use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use longwire_proto::handshake::Refusal;
use longwire_proto::{Config, Keepalive, Limits, Role};
use tracing::Span;

use super::*;
use crate::admission::census::Census;
use crate::admission::decision::{Accept, Upgrade};
use crate::admission::handshake::AgreedTerms;
use crate::admission::policy::AdmissionPolicy;
use crate::established::Established;
use crate::event::handler::{Handler, Socket};
use crate::event::mailbox::Mailbox;
use crate::event::message_ref::MessageRef;
use crate::event::rules::Rules;
use crate::ledger::Ledger;

const SECOND: Duration = Duration::from_secs(1);

/// Echoes messages, and counts them.
#[derive(Default)]
struct Echo(Arc<AtomicUsize>);

impl Handler for Echo {
    type State = ();

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        Ok(Accept::new())
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        socket.send(message).or_drop();
    }
}

/// A loop with one connection. The keepalive sends a ping every 10 s and waits 3 s for the pong.
struct Loop {
    reactor: Reactor<Echo, ()>,
    key: Key,
    start: Instant,
    given: Arc<AtomicUsize>,
}

impl Loop {
    fn new() -> Loop {
        let limits = Limits::default()
            .low_water(0)
            .high_water(1000)
            .keepalive(Keepalive::every(10 * SECOND).within(3 * SECOND));
        let given = Arc::default();
        let config = Arc::new(Config::new(limits));
        let rules = Rules {
            application: Echo(Arc::clone(&given)),
            config: Arc::clone(&config),
            admission: AdmissionPolicy::default(),
            serves_http: false,
            ledger: Arc::new(Ledger::new(usize::MAX)),
            max_spawned: 64,
            counts_traffic: false,
            tick_every: None,
        };
        let mut reactor = Reactor::new(Arc::new(rules), Arc::<Mailbox>::default(), Arc::default());
        let start = Instant::now();
        reactor.tick(start);
        let agreed =
            AgreedTerms { established: Established::new(Role::Server, Arc::clone(&config)), state: () };
        let place = Arc::new(Census::new(1, 1)).enter(Some(Ipv4Addr::LOCALHOST.into())).unwrap();
        let key = reactor.adopt((), Some((Ipv4Addr::LOCALHOST, 1).into()), agreed, place, Span::none());
        Loop { reactor, key, start, given }
    }

    /// Expires the timers at this time after the start.
    fn expire_after(&mut self, time: Duration) {
        self.reactor.tick(self.start + time);
        self.reactor.expire();
    }

    /// Writes everything that is queued.
    fn write(&mut self) -> Vec<u8> {
        self.reactor.write_all(self.key)
    }

    fn is_given_up(&mut self) -> bool {
        self.reactor.connections[self.key].open_mut().unwrap().protocol.is_over()
    }
}

const PING: &[u8] = b"\x89\x08\0\0\0\0\0\0\0\x01";

/// A handler of another connection kept the loop busy for longer than the keepalive waits, although the pong has
/// arrived.
#[test]
fn a_peer_whose_answer_was_not_read_yet_is_not_given_up() {
    let mut event_loop = Loop::new();
    event_loop.expire_after(10 * SECOND);
    assert_eq!(event_loop.write(), PING);
    event_loop.expire_after(20 * SECOND);
    assert!(!event_loop.is_given_up());
    // The next round begins with what has arrived.
    let next = event_loop.reactor.deadline().unwrap();
    event_loop.reactor.tick(next);
    event_loop.reactor.received(
        event_loop.key,
        &mut [&[0x8a, 0x88, 0, 0, 0, 0][..], &PING[2..]].concat(),
        |_| {},
    );
    event_loop.reactor.expire();
    assert!(!event_loop.is_given_up());
}

#[test]
fn a_peer_that_has_not_answered_is_given_up_when_it_was_looked_at_twice() {
    let mut event_loop = Loop::new();
    event_loop.expire_after(10 * SECOND);
    event_loop.write();
    event_loop.expire_after(13 * SECOND);
    assert!(!event_loop.is_given_up());
    event_loop.expire_after(13 * SECOND + SECOND_LOOK);
    assert!(event_loop.is_given_up());
}

#[test]
fn what_had_arrived_is_given_before_a_peer_that_takes_nothing_is_given_up() {
    let mut event_loop = Loop::new();
    let message = [&[0x82, 0xfe, 2, 0, 0, 0, 0, 0][..], &[0; 512]].concat();
    event_loop.reactor.received(event_loop.key, &mut message.repeat(9), |_| {});
    assert!(event_loop.given.load(Ordering::Relaxed) < 9, "the queue is full");
    for seconds in 1..100 {
        for key in event_loop.reactor.begin_round(event_loop.start + seconds * SECOND) {
            event_loop.reactor.go_on(key);
        }
        event_loop.reactor.expire();
    }
    assert!(event_loop.is_given_up());
    assert_eq!(event_loop.given.load(Ordering::Relaxed), 9);
}

/// Each round reads more than it hands over, so something always waits.
#[test]
fn a_peer_that_takes_nothing_and_goes_on_sending_is_given_up() {
    let mut event_loop = Loop::new();
    let message = [&[0x82, 0xfe, 2, 0, 0, 0, 0, 0][..], &[0; 512]].concat();
    event_loop.reactor.received(event_loop.key, &mut message.repeat(9), |_| {});
    let mut now = event_loop.start;
    while !event_loop.is_given_up() {
        now += 10 * SECOND_LOOK;
        assert!(now < event_loop.start + 99 * SECOND, "it is given up in time");
        for key in event_loop.reactor.begin_round(now) {
            event_loop.reactor.go_on(key);
        }
        if event_loop.reactor.visit(event_loop.key).unwrap().wants_read() {
            event_loop.reactor.received(event_loop.key, &mut message.repeat(9_000), |_| {});
        }
        event_loop.reactor.expire();
    }
}
