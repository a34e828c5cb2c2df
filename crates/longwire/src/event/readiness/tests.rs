use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use longwire_proto::handshake::Refusal;
use longwire_proto::{Config, Limits, Role};
use tokio::io::ReadBuf;
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::admission::census::Census;
use crate::admission::decision::{Accept, Upgrade};
use crate::admission::handshake::AgreedTerms;
use crate::admission::policy::AdmissionPolicy;
use crate::established::Established;
use crate::event::handler::{Handler, Socket};
use crate::event::mailbox::Mailbox;
use crate::event::message_ref::MessageRef;
use crate::event::turns::WRITES_AT_A_TIME;
use crate::ledger::Ledger;

/// How the handler uses the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Talk {
    Echo,
    /// The handler sends whenever there is room.
    Stream,
}

struct Talks;

impl Handler for Talks {
    type State = Talk;

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<Talk>, Refusal> {
        Ok(Accept::with(Talk::Echo))
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        while *socket.state() == Talk::Stream && socket.send(&[0; 10_000][..]).is_queued() {}
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        socket.send(message).or_drop();
    }

    fn on_drain(&self, socket: &mut Socket<'_, Self>) {
        self.on_open(socket);
    }
}

/// The peer's end of a transport that accepts everything at once.
#[derive(Clone, Default)]
struct Peer(Rc<Seen>);

#[derive(Default)]
struct Seen {
    said: RefCell<VecDeque<u8>>,
    heard: RefCell<Vec<u8>>,
    writes: Cell<usize>,
    /// Whether the shutdown is still blocked.
    is_stuck: Cell<bool>,
    is_shut: Cell<bool>,
    /// Wakes the loop.
    waker: RefCell<Option<Waker>>,
}

impl Peer {
    fn says(bytes: &[u8]) -> Peer {
        let peer = Peer::default();
        peer.0.said.borrow_mut().extend(bytes);
        peer
    }

    fn wakes(&self) {
        self.0.waker.take().unwrap().wake();
    }

    fn heard(&self) -> Vec<u8> {
        self.0.heard.take()
    }
}

impl AsyncRead for Peer {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let said = self.0.said.take();
        if said.is_empty() {
            self.0.waker.replace(Some(cx.waker().clone()));
            return Poll::Pending;
        }
        said.into_iter().for_each(|byte| buf.put_slice(&[byte]));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Peer {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.writes.update(|writes| writes + 1);
        assert!(self.0.writes.get() < 1000, "the loop writes to nobody else");
        self.0.heard.borrow_mut().extend(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.0.is_stuck.get() {
            self.0.waker.replace(Some(cx.waker().clone()));
            return Poll::Pending;
        }
        self.0.is_shut.set(true);
        Poll::Ready(Ok(()))
    }
}

/// Connections that arrive one after another.
struct Guests(VecDeque<NewConnection<Talk, Peer>>);

impl Incoming<Talk, Peer> for Guests {
    fn poll_arrival(&mut self, _: &mut Context<'_>) -> Poll<NewConnection<Talk, Peer>> {
        self.0.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn stop(&mut self) {}

    fn hand_over(&mut self, _: Peer, _: Removed<()>) {}
}

/// An event loop that the test drives round by round.
struct Rounds {
    event_loop: Readiness<Talks, Peer, Guests>,
    rung: Arc<Rung>,
    /// The loop's timers need a runtime.
    runtime: Runtime,
}

#[derive(Default)]
struct Rung(AtomicBool);

impl Wake for Rung {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Rounds {
    /// A loop of open connections.
    fn with(peers: &[(&Peer, Talk)]) -> Rounds {
        let limits = Limits::default().low_water(100_000).high_water(100_000).keepalive(None);
        let config = Arc::new(Config::new(limits));
        let rules = Rules {
            application: Talks,
            config: Arc::clone(&config),
            admission: AdmissionPolicy::default(),
            serves_http: false,
            ledger: Arc::new(Ledger::new(usize::MAX)),
            max_spawned: 64,
            counts_traffic: false,
            tick_every: None,
        };
        let census = Arc::new(Census::new(100, 100));
        let arrival = |(peer, talk): &(&Peer, Talk)| {
            let agreed = AgreedTerms {
                established: Established::new(Role::Server, Arc::clone(&config)),
                state: *talk,
            };
            let place = census.enter(Some(Ipv4Addr::LOCALHOST.into())).unwrap();
            NewConnection {
                transport: (*peer).clone(),
                peer_addr: Some((Ipv4Addr::LOCALHOST, 1).into()),
                stage: NewConnectionKind::Accepted(Box::new(agreed), place),
                span: Span::none(),
            }
        };
        let guests = Guests(peers.iter().map(arrival).collect());
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let runtimes = Runtimes { callers: runtime.handle().clone(), own: runtime.handle().clone() };
        let mailbox = Arc::<Mailbox>::default();
        Rounds {
            event_loop: Readiness::new(Arc::new(rules), mailbox, Arc::default(), guests, runtimes),
            rung: Arc::new(Rung(AtomicBool::new(true))),
            runtime,
        }
    }

    /// Runs one round; the loop must have been woken.
    fn run_round(&mut self) {
        assert!(self.rung.0.swap(false, Ordering::Relaxed), "nobody has woken the loop");
        let _timers = self.runtime.enter();
        let waker = Waker::from(Arc::clone(&self.rung));
        assert!(Pin::new(&mut self.event_loop).poll(&mut Context::from_waker(&waker)).is_pending());
    }
}

/// A peer that read as fast as a handler wrote used to keep the loop busy forever.
#[test]
fn who_takes_all_that_it_is_sent_does_not_keep_others_waiting() {
    let (fast, other) = (Peer::default(), Peer::says(b"\x81\x85\0\0\0\0hello"));
    let mut rounds = Rounds::with(&[(&fast, Talk::Stream), (&other, Talk::Echo)]);
    for round in 1..5 {
        rounds.run_round();
        assert_eq!(fast.0.writes.get(), round * WRITES_AT_A_TIME);
    }
    assert_eq!(other.heard(), b"\x81\x05hello");
}

/// TLS cannot send its end while its transport accepts nothing. It was asked only once, and the end was never sent.
#[test]
fn a_shutdown_that_could_not_be_finished_goes_on_when_the_transport_is_ready() {
    let peer = Peer::says(b"\x88\x82\0\0\0\0\x03\xe8");
    peer.0.is_stuck.set(true);
    let mut rounds = Rounds::with(&[(&peer, Talk::Echo)]);
    rounds.run_round();
    assert_eq!(peer.heard(), b"\x88\x02\x03\xe8");
    assert!(!peer.0.is_shut.get());
    peer.0.is_stuck.set(false);
    peer.wakes();
    rounds.run_round();
    assert!(peer.0.is_shut.get());
}

/// All messages of one read used to be delivered before any other connection was served.
#[test]
fn who_sends_without_end_does_not_keep_others_waiting() {
    const MESSAGES: usize = 20_000;
    let empty = [0x82, 0x80, 0, 0, 0, 0];
    let (fast, other) = (Peer::says(&empty.repeat(MESSAGES)), Peer::says(b"\x81\x85\0\0\0\0hello"));
    let mut rounds = Rounds::with(&[(&fast, Talk::Echo), (&other, Talk::Echo)]);
    let mut echoes = Vec::new();
    for round in 1.. {
        rounds.run_round();
        echoes.push(fast.heard().len() / 2);
        assert_eq!(other.heard(), if round == 1 { &b"\x81\x05hello"[..] } else { b"" });
        if echoes.iter().sum::<usize>() == MESSAGES {
            break;
        }
    }
    assert_eq!(echoes, [8_192, 8_192, MESSAGES - 2 * 8_192]);
    assert!(!rounds.rung.0.load(Ordering::Relaxed), "there is nothing left to be done");
}
