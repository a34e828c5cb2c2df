//! Runs every pair of operations in many orders.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use longwire_proto::{Config, Keepalive, Limits, Role};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio::runtime::{Builder, Runtime};

use super::operation::{Awaited, Operation, RECEIVED, SENT, Work, far, forget, is_awaited, pair};
use super::scheduler::{self, Side, at, once_in, pick};
use super::wire::{Manner, wire};
use crate::established::Established;
use crate::server::session;
use crate::shared::Shared;
use crate::shared::driver::DrivenBy;
use crate::transport::{AnyIo, Transport};
use crate::websocket::WebSocket;

const OPERATIONS: [Operation; 13] = [
    Operation::Receive,
    Operation::ReceivePieces,
    Operation::Send,
    Operation::Flush,
    Operation::Ping,
    Operation::AskForPong,
    Operation::SendPieces,
    Operation::Close,
    Operation::SinkSend,
    Operation::SinkClose,
    Operation::ReadBytes,
    Operation::WriteBytes,
    Operation::ShutDown,
];

/// Which tasks run the operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tasks {
    /// Both operations in one task, and the driver in another; on a client or a server.
    One(Role),
    /// Each operation in its own task.
    Two(Role),
    /// A session whose handler runs both operations.
    Handler,
    /// A session whose handler runs the first operation.
    HandlerAndOne,
    /// A session whose handler has handed the connection on.
    HandedOn,
}

const TASKS: [Tasks; 7] = [
    Tasks::One(Role::Client),
    Tasks::One(Role::Server),
    Tasks::Two(Role::Client),
    Tasks::Two(Role::Server),
    Tasks::Handler,
    Tasks::HandlerAndOne,
    Tasks::HandedOn,
];

const PLAIN: Manner = Manner { capacity: 64, piece: 1000, staged: 0 };
const A_BYTE: Manner = Manner { capacity: 32, piece: 1, staged: 0 };
const TO_BE_FLUSHED: Manner = Manner { capacity: 50, piece: 30, staged: 64 };
const UNDER_TLS: Manner = Manner { capacity: 700, piece: 300, staged: 0 };

/// Whether time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    Stands,
    Passes,
}

/// Creates the transports of the two ends.
type Join = fn(Role) -> (Box<dyn AnyIo>, Box<dyn AnyIo>);

fn plain(_near: Role) -> (Box<dyn AnyIo>, Box<dyn AnyIo>) {
    joined(PLAIN)
}

fn a_byte(_near: Role) -> (Box<dyn AnyIo>, Box<dyn AnyIo>) {
    joined(A_BYTE)
}

fn to_be_flushed(_near: Role) -> (Box<dyn AnyIo>, Box<dyn AnyIo>) {
    joined(TO_BE_FLUSHED)
}

fn joined(manner: Manner) -> (Box<dyn AnyIo>, Box<dyn AnyIo>) {
    let (near, far) = wire(manner);
    (Box::new(near), Box::new(far))
}

/// Certificates are created once, because that is slow.
fn configs() -> &'static (Arc<rustls::ServerConfig>, Arc<rustls::ClientConfig>) {
    static CONFIGS: OnceLock<(Arc<rustls::ServerConfig>, Arc<rustls::ClientConfig>)> = OnceLock::new();
    CONFIGS.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let mut client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        // A schedule must not depend on earlier ones.
        client.resumption = rustls::client::Resumption::disabled();
        (Arc::new(server), Arc::new(client))
    })
}

fn tls(near: Role) -> (Box<dyn AnyIo>, Box<dyn AnyIo>) {
    let (one, other) = wire(UNDER_TLS);
    let (server, client) = configs();
    let accepting = tokio_rustls::TlsAcceptor::from(Arc::clone(server)).accept(one);
    let name = ServerName::try_from("a.example").unwrap();
    let connecting = tokio_rustls::TlsConnector::from(Arc::clone(client)).connect(name, other);
    let (server, client) = scheduler::complete(async { tokio::join!(accepting, connecting) });
    let (server, client) = (Box::new(server.unwrap()), Box::new(client.unwrap()));
    match near {
        Role::Server => (server, client),
        Role::Client => (client, server),
    }
}

fn open(io: Box<dyn AnyIo>, role: Role, limits: Limits, driven_by: DrivenBy) -> WebSocket {
    let config = Arc::new(Config::new(limits));
    WebSocket::begin(Transport::Other(io), Established::new(role, config), driven_by)
}

fn other(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

/// Checks that no task waits for something that has happened.
fn look(shared: &Shared) {
    let state = shared.state.lock().unwrap();
    let (connection, protocol) = (&state.connection, &state.connection.protocol);
    let is_lost = connection.is_broken() || protocol.closed().is_some_and(|closed| !closed.clean);
    let is_flushed = connection.is_flushed() || connection.has_ended() || is_lost;
    let has_room = protocol.queued() <= protocol.config().limits.low_water && !connection.is_amid_message;
    assert!(!(is_flushed && is_awaited(Awaited::Flush)), "a flush was not woken when it was complete");
    assert!(
        !((has_room || !connection.is_open()) && is_awaited(Awaited::Room)),
        "a task was not woken when there was room"
    );
    assert!(
        !((connection.has_ended() || connection.is_lost()) && is_awaited(Awaited::End)),
        "a task was not woken at the end"
    );
}

/// Prints which schedule failed.
struct Schedule {
    operations: [Operation; 2],
    tasks: Tasks,
    clock: Clock,
    seed: u64,
}

impl Drop for Schedule {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Schedule { operations, tasks, clock, seed } = self;
            eprintln!("failed: {operations:?}, {tasks:?}, clock {clock:?}, seed {seed}");
            scheduler::clear();
        }
    }
}

impl Schedule {
    fn run(&self, join: Join, runtime: &Runtime) {
        scheduler::begin(self.seed);
        forget();
        let role = match self.tasks {
            Tasks::One(role) | Tasks::Two(role) => role,
            Tasks::Handler | Tasks::HandlerAndOne | Tasks::HandedOn => Role::Server,
        };
        let driven_by = match self.tasks {
            Tasks::One(_) | Tasks::Two(_) => DrivenBy::Itself,
            _ => DrivenBy::Opener,
        };
        let often = Keepalive::every(Duration::from_secs(2)).within(Duration::from_secs(2));
        let keepalive = (self.clock == Clock::Passes).then_some(often);
        let limits = Limits::default().low_water(40).high_water(120).keepalive(keepalive);

        let (near, far_end) = join(role);
        at(Side::Far, || {
            let socket = open(far_end, other(role), limits.clone().keepalive(None), DrivenBy::Itself);
            let [sending, receiving] = far(socket);
            scheduler::spawn("sending", Side::Far, sending);
            scheduler::spawn("receiving", Side::Far, receiving);
        });
        let socket = open(near, role, limits, driven_by);
        let shared = Arc::downgrade(socket.sender().shared());
        self.begin(socket);

        for _ in 0..200 {
            scheduler::settle_near(|| {
                if let Some(shared) = shared.upgrade() {
                    look(&shared);
                }
            });
            if self.clock == Clock::Passes && once_in(3) {
                runtime.block_on(tokio::time::advance(Duration::from_millis(900)));
            }
            scheduler::go_on(1 + pick(40));
        }
        scheduler::finish();
        if let Some(received) = RECEIVED.get() {
            assert_eq!(received, SENT.get(), "messages are lost");
        }
        scheduler::clear();
    }

    fn begin(&self, socket: WebSocket) {
        let both = |[one, other]: [Work; 2]| async move {
            tokio::join!(one, other);
        };
        let [one, other] = ["the first", "the second"];
        match self.tasks {
            Tasks::One(_) => scheduler::spawn("both", Side::Near, both(pair(socket, self.operations))),
            Tasks::Two(_) => {
                let [first, second] = pair(socket, self.operations);
                scheduler::spawn(one, Side::Near, first);
                scheduler::spawn(other, Side::Near, second);
            }
            Tasks::Handler => {
                let operations = self.operations;
                let run = session::run(socket, move |socket| {
                    let both = both(pair(socket, operations));
                    Box::pin(async move {
                        both.await;
                        Ok(())
                    })
                });
                scheduler::spawn("the session of both", Side::Near, run);
            }
            Tasks::HandlerAndOne => {
                let operations = self.operations;
                let run = session::run(socket, move |socket| {
                    let [first, second] = pair(socket, operations);
                    scheduler::spawn(other, Side::Near, second);
                    Box::pin(async move {
                        first.await;
                        Ok(())
                    })
                });
                scheduler::spawn("the session of the first", Side::Near, run);
            }
            Tasks::HandedOn => {
                let operations = self.operations;
                let run = session::run(socket, move |socket| {
                    let [first, second] = pair(socket, operations);
                    scheduler::spawn(one, Side::Near, first);
                    scheduler::spawn(other, Side::Near, second);
                    Box::pin(std::future::ready(Ok(())))
                });
                scheduler::spawn("the session", Side::Near, run);
            }
        }
    }
}

/// Runs every pair over a transport, in `orders` orders each.
fn run(join: Join, clock: Clock, orders: u64) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let _entered = runtime.enter();
    for first in OPERATIONS {
        for second in OPERATIONS {
            for tasks in TASKS {
                for seed in 0..orders {
                    if first.goes_with(second) {
                        Schedule { operations: [first, second], tasks, clock, seed }.run(join, &runtime);
                    }
                }
            }
        }
    }
}

#[test]
fn over_a_plain_transport() {
    run(plain, Clock::Stands, 4);
}

#[test]
fn a_byte_at_a_time() {
    run(a_byte, Clock::Stands, 1);
}

#[test]
fn over_a_transport_that_needs_a_flush() {
    run(to_be_flushed, Clock::Stands, 6);
}

#[test]
fn over_tls() {
    run(tls, Clock::Stands, 1);
}

#[test]
fn with_keepalive() {
    run(to_be_flushed, Clock::Passes, 2);
}
