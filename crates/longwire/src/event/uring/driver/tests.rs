use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use longwire_proto::handshake::Refusal;
use longwire_proto::{Config, Limits, Role};
use tokio::sync::mpsc::unbounded_channel;
use tracing::Span;

use super::*;
use crate::admission::census::Census;
use crate::admission::decision::{Accept, Upgrade};
use crate::admission::handshake::AgreedTerms;
use crate::admission::policy::AdmissionPolicy;
use crate::established::Established;
use crate::event::handler::{Handler, Socket as Conn};
use crate::event::message_ref::MessageRef;
use crate::event::rules::Rules;
use crate::event::sockets::SocketLink as _;
use crate::event::turns::WRITES_AT_A_TIME;
use crate::event::uring::link::Link;
use crate::ledger::Ledger;

/// Large enough to be written by a direct call, not by the ring.
const LARGE: usize = 64 << 10;

/// Sends a large message, and another one whenever there is room.
struct Streams {
    sent: Arc<AtomicUsize>,
}

impl Handler for Streams {
    type State = ();

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        Ok(Accept::with(()))
    }

    fn on_open(&self, socket: &mut Conn<'_, Self>) {
        while socket.send_message(vec![0; LARGE]).is_queued() {
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn on_message(&self, _: &mut Conn<'_, Self>, _: MessageRef<'_>) {}

    fn on_drain(&self, socket: &mut Conn<'_, Self>) {
        self.on_open(socket);
    }
}

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
        let config = Arc::new(Config::new(Limits::default().low_water(1).high_water(1)));
        let rules = Rules {
            application: Streams { sent: Arc::clone(&sent) },
            config: Arc::clone(&config),
            admission: AdmissionPolicy::default(),
            serves_http: false,
            ledger: Arc::new(Ledger::new(usize::MAX)),
            max_spawned: 64,
            counts_traffic: false,
            tick_every: None,
        };
        let census = Arc::new(Census::new(100, 100));
        let (handed_over, _) = unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut event_loop = UringLoop::new(Setup {
            rules: Arc::new(rules),
            mailbox: Arc::default(),
            exchange: Arc::default(),
            census: Arc::clone(&census),
            handed_over,
            secure: None,
            caller: runtime.handle().clone(),
        })
        .inspect_err(|_| crate::skipped::skipped_without("io_uring"))
        .ok()?;

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, peer_addr) = listener.accept().unwrap();
        let agreed =
            AgreedTerms { established: Established::new(Role::Server, Arc::clone(&config)), state: () };
        let link = Link::new(socket.into(), None);
        let place = census.enter(Some(peer_addr.ip())).unwrap();
        let key = event_loop.reactor.adopt(link, Some(peer_addr), agreed, place, Span::none());
        event_loop.read_on(key);
        Some(Lifecycle { event_loop, key, sent, _peer: peer })
    }

    fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    fn is_writing(&mut self) -> bool {
        self.event_loop.reactor.link(self.key).is_some_and(|link| link.is_writing())
    }
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
