//! A loop over sockets with one open connection, for the tests of drivers.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use longwire_proto::handshake::Refusal;
use longwire_proto::{Config, Keepalive, Limits, Role};
use tokio::runtime::Builder;
use tokio::sync::mpsc::unbounded_channel;
use tracing::Span;

use super::driver::SocketDriver;
use super::socket_loop::{Setup, SocketLoop};
use crate::admission::census::Census;
use crate::admission::decision::{Accept, Upgrade};
use crate::admission::handshake::AgreedTerms;
use crate::admission::policy::AdmissionPolicy;
use crate::established::Established;
use crate::event::handler::{Handler, Socket};
use crate::event::key::Key;
use crate::event::message_ref::MessageRef;
use crate::event::rules::Rules;
use crate::ledger::Ledger;

/// Too large for the ring to copy.
pub(in crate::event) const LARGE: usize = 64 << 10;

/// The longest that a round waits. A test that waits for something counts rounds.
const ROUND: Duration = Duration::from_millis(50);

/// A minute of rounds.
pub(in crate::event) const ROUNDS: usize = 1200;

/// Sends a large message, and another one whenever there is room.
pub(in crate::event) struct Streams {
    pub(in crate::event) sent: Arc<AtomicUsize>,
}

impl Handler for Streams {
    type State = ();

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        Ok(Accept::with(()))
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        while socket.send_message(vec![0; LARGE]).is_queued() {
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn on_message(&self, _: &mut Socket<'_, Self>, _: MessageRef<'_>) {}

    fn on_drain(&self, socket: &mut Socket<'_, Self>) {
        self.on_open(socket);
    }
}

/// What a loop needs for this application. A keepalive ends a connection sooner or later, so a test that waits for an end of
/// another kind has none.
pub(in crate::event) fn setup<A: Handler<State = ()>>(
    application: A,
    keepalive: Option<Keepalive>,
) -> Setup<A> {
    let limits = Limits::default().low_water(1).high_water(1).keepalive(keepalive);
    let config = Arc::new(Config::new(limits));
    let rules = Rules {
        application,
        config,
        admission: AdmissionPolicy::default(),
        serves_http: false,
        ledger: Arc::new(Ledger::new(usize::MAX)),
        max_spawned: 64,
        counts_traffic: false,
        tick_every: Some(ROUND),
    };
    let (handed_over, _) = unbounded_channel();
    let runtime = Builder::new_current_thread().build().unwrap();
    Setup {
        rules: Arc::new(rules),
        mailbox: Arc::default(),
        exchange: Arc::default(),
        census: Arc::new(Census::new(100, 100)),
        handed_over,
        secure: None,
        caller: runtime.handle().clone(),
    }
}

/// Adds an open connection to the loop. Returns its key and the peer's end.
pub(in crate::event) fn join<A, D>(event_loop: &mut SocketLoop<A, D>) -> (Key, TcpStream)
where
    A: Handler<State = ()>,
    D: SocketDriver,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (socket, peer_addr) = listener.accept().unwrap();
    let established = Established::new(Role::Server, Arc::clone(&event_loop.reactor.rules().config));
    let agreed = AgreedTerms { established, state: () };
    let place = event_loop.census.enter(Some(peer_addr.ip())).unwrap();
    let link = event_loop.driver.link(socket.into(), None);
    let key = event_loop.reactor.adopt(link, Some(peer_addr), agreed, place, Span::none());
    event_loop.read_on(key);
    (key, peer)
}
