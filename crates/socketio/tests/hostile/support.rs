//! A server with an application that reports what happens, and clients of plain HTTP and WebSocket.

use std::net::SocketAddr;
use std::time::Duration;

use longwire::{Engine as LoopEngine, MessageRef, Server};
use longwire_socketio::engine::{
    Application, CloseReason, Engine, EngineConfig, EngineConnection, EngineMessage, Opening, TransportKind,
};
use longwire_wire::{Head, Peer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, oneshot};
use tokio::time::timeout;

/// How long a test waits for something that should happen at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many messages "flood" brings.
pub(crate) const FLOOD: usize = 64;

/// Sends every message back, and reports the beginning and the end of each session.
struct Reporter {
    reports: UnboundedSender<Event>,
    last: std::sync::Mutex<Option<EngineConnection>>,
}

impl Reporter {
    fn report(&self, event: Event) {
        // A test may end before its sessions.
        let _ = self.reports.send(event);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Opened(TransportKind),
    Closed(CloseReason),
}

impl Application for Reporter {
    type Session = ();

    fn on_open(&self, connection: &EngineConnection, opening: Opening) {
        *self.last.lock().unwrap() = Some(connection.clone());
        self.report(Event::Opened(opening.transport));
    }

    fn on_message(&self, _session: &mut (), connection: &EngineConnection, message: MessageRef<'_>) {
        match message.as_text() {
            Some("flood") => {
                for _ in 0..FLOOD {
                    connection.send(EngineMessage::binary(vec![7; 16 << 10])).or_drop();
                }
            }
            Some("close") => connection.close(),
            _ => connection.send(EngineMessage::from(message)).or_drop(),
        }
    }

    fn on_close(&self, _session: (), _connection: &EngineConnection, reason: CloseReason) {
        self.report(Event::Closed(reason));
    }
}

/// A server, until it is dropped.
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    engine: Engine<Reporter>,
    events: Mutex<UnboundedReceiver<Event>>,
    _stop: oneshot::Sender<()>,
}

/// The settings of most tests: no heartbeat comes in between.
pub(crate) fn calm() -> EngineConfig {
    EngineConfig::default()
}

/// A heartbeat that ends abandoned sessions soon.
pub(crate) fn brisk() -> EngineConfig {
    let mut config = EngineConfig::default();
    config.ping_interval = Duration::from_millis(200);
    config.ping_timeout = Duration::from_millis(200);
    config
}

/// Runs a test once over each engine.
pub(crate) fn on_each_engine(test: impl AsyncFn(LoopEngine)) {
    for engine in [LoopEngine::Readiness, LoopEngine::Uring] {
        if engine.resolve() != engine {
            println!("skipped over {engine:?}, which this system does not have");
            continue;
        }
        println!("engine: {engine:?}");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(test(engine));
    }
}

impl Serving {
    pub(crate) async fn start(engine: LoopEngine, config: EngineConfig) -> Serving {
        Serving::start_with(engine, config, |server| server).await
    }

    pub(crate) async fn start_with(
        loops: LoopEngine,
        config: EngineConfig,
        set_up: impl FnOnce(Server) -> Server,
    ) -> Serving {
        let (reports, events) = unbounded_channel();
        let engine = Engine::new(Reporter { reports, last: std::sync::Mutex::default() }, config);
        let server = set_up(Server::bind("127.0.0.1:0").await.unwrap());
        let address = server.local_addr();
        let (stop, stopped) = oneshot::channel();
        let stopping = engine.clone();
        let server = server
            .max_connections_per_ip(16_384)
            .shutdown(async move {
                drop(stopped.await);
                stopping.shut_down();
            })
            .engine(loops)
            .workers(2)
            .http(engine.service())
            .route(engine.path(), engine.handler())
            .run();
        tokio::spawn(server);
        Serving { address, engine, events: Mutex::new(events), _stop: stop }
    }

    pub(crate) fn sessions(&self) -> usize {
        self.engine.sessions()
    }

    /// The session that was opened last.
    pub(crate) fn last(&self) -> EngineConnection {
        self.engine.application().last.lock().unwrap().clone().expect("a session")
    }

    /// Waits until the session that was opened last has a transport that is ready.
    pub(crate) async fn until_writable(&self) {
        let last = self.last();
        let writable = async {
            while !last.is_writable() {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, writable).await.expect("a poll in time");
    }

    pub(crate) fn shut_down(&self) {
        self.engine.shut_down();
    }

    pub(crate) fn queued(&self) -> usize {
        self.engine.queued()
    }

    /// What the application reports next.
    pub(crate) async fn event(&self) -> Event {
        let mut events = self.events.lock().await;
        timeout(PATIENCE, events.recv()).await.expect("an event in time").expect("the server runs")
    }

    #[track_caller]
    pub(crate) fn expect_nothing_left(&self) {
        assert_eq!((self.sessions(), self.queued()), (0, 0));
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a request, and returns its connection.
    pub(crate) async fn begin(&self, method: &str, query: &str, headers: &str, body: &[u8]) -> TcpStream {
        let mut stream = self.connect().await;
        let length = body.len();
        let head = format!(
            "{method} /socket.io/?{query} HTTP/1.1\r\nhost: example.com\r\nconnection: close\r\n\
             content-length: {length}\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // The server may refuse a request before it has all of it.
        drop(stream.write_all(body).await);
        stream
    }

    /// Sends a request, and returns the response.
    pub(crate) async fn request(&self, method: &str, query: &str, headers: &str, body: &[u8]) -> Answer {
        Answer::read(self.begin(method, query, headers, body).await).await
    }

    /// Sends a request of polling.
    pub(crate) async fn get(&self, sid: &str) -> Answer {
        self.request("GET", &of(sid), "", b"").await
    }

    /// Sends a payload.
    pub(crate) async fn post(&self, sid: &str, payload: impl AsRef<[u8]>) -> Answer {
        self.request("POST", &of(sid), "", payload.as_ref()).await
    }

    /// Opens a session that polls.
    pub(crate) async fn open(&self) -> String {
        let answer = self.request("GET", "EIO=4&transport=polling", "", b"").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(self.event().await, Event::Opened(TransportKind::Polling));
        sid(&answer.body)
    }

    /// Opens a WebSocket; of a session, if the query names it.
    pub(crate) async fn websocket(&self, query: &str) -> Peer<TcpStream> {
        let mut peer = Peer::client(self.connect().await);
        peer.open(&Head::upgrade(&format!("/socket.io/?EIO=4&transport=websocket{query}"), "example.com"))
            .await
            .unwrap();
        peer
    }

    /// Opens a session over WebSocket.
    pub(crate) async fn open_websocket(&self) -> Peer<TcpStream> {
        let mut peer = self.websocket("").await;
        let opened = peer.frame().await.unwrap();
        assert!(opened.payload.starts_with(b"0{"), "{opened:?}");
        assert_eq!(self.event().await, Event::Opened(TransportKind::WebSocket));
        peer
    }
}

/// The query of a request of a session that polls.
pub(crate) fn of(sid: &str) -> String {
    format!("EIO=4&transport=polling&sid={sid}")
}

/// The identifier in an `open` packet.
fn sid(packet: &str) -> String {
    let (_, rest) = packet.split_once(r#""sid":""#).unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn read(mut stream: TcpStream) -> Answer {
        let mut bytes = Vec::new();
        // What was read before a reset counts.
        let read = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("a response in time");
        let text = String::from_utf8(bytes).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            panic!("no response: {text:?}, {read:?}")
        };
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.find_map(|(field, value)| (field == name).then_some(value))
    }

    #[track_caller]
    pub(crate) fn expect(&self, status: u16, body: &str) {
        assert_eq!((self.status, &*self.body), (status, body), "{self:?}");
    }
}
