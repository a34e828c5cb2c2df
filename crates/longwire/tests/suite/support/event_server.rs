//! Event-driven servers under test, on each engine.

use std::ops::{Deref, DerefMut};

use longwire::mode::Run;
use longwire::{
    Accept, By, Closed, Engine, Error, Handler, Message, MessageRef, Refusal, Server, Socket, Topics, Upgrade,
};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::end;
use super::raw::{Frame, Raw, TEXT, masked};
use super::run::{block_on, on_own_thread};
use super::serving::{Serving, upgrade_request};
use crate::skipped::skipped_without;

/// The engines that every test of the event-driven server runs on, if the system supports them.
const ENGINES: [Engine; 3] = [Engine::Readiness, Engine::Tokio, Engine::Uring];

/// Runs a test once for each engine.
pub(crate) fn for_each_engine(test: impl AsyncFn(Engine) + Copy + Send + 'static) {
    for engine in ENGINES.into_iter().filter(|engine| is_there(*engine)) {
        println!("engine: {engine:?}");
        on_own_thread(move || block_on(Builder::new_current_thread(), test(engine)));
    }
}

/// Whether the system supports it. If not, the test is reported as skipped.
pub(crate) fn is_there(engine: Engine) -> bool {
    let is_there = engine.resolve() == engine;
    if !is_there {
        skipped_without("io_uring");
    }
    is_there
}

/// A connection of a script. Its state is the path of its request, unless the script sets another one.
pub(crate) type Conn<'a> = Socket<'a, Noted>;

/// A call of the handler.
#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    Open,
    Message(Message),
    Drain,
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Error(String),
    /// Code, reason, initiator, clean.
    Close(u16, String, By, bool),
}

impl Told {
    pub(crate) fn message(message: impl Into<Message>) -> Told {
        Told::Message(message.into())
    }

    pub(crate) fn close(code: u16, reason: &str, by: By, clean: bool) -> Told {
        Told::Close(code, reason.to_owned(), by, clean)
    }

    /// The transport ended without a Close frame.
    pub(crate) fn lost() -> Told {
        Told::close(1006, "", By::Nobody, false)
    }
}

type Decision = Result<Accept<String>, Refusal>;
type OnSocket = Box<dyn Fn(&mut Conn<'_>) + Send + Sync>;
type OnMessage = Box<dyn Fn(&mut Conn<'_>, MessageRef<'_>) + Send + Sync>;

/// A handler made of closures. It records its calls, and echoes messages unless a closure does something else.
pub(crate) struct Script {
    on_upgrade: Box<dyn Fn(&Upgrade<'_>) -> Decision + Send + Sync>,
    on_open: OnSocket,
    on_message: OnMessage,
    on_drain: OnSocket,
    on_close: OnSocket,
    told: UnboundedSender<Told>,
    told_to_test: UnboundedReceiver<Told>,
}

impl Script {
    pub(crate) fn new() -> Script {
        let (told, told_to_test) = unbounded_channel();
        Script {
            on_upgrade: Box::new(|request| Ok(Accept::with(request.path().to_owned()))),
            on_open: Box::new(|_| {}),
            on_message: Box::new(|socket, message| {
                socket.send(message).or_drop();
            }),
            on_drain: Box::new(|_| {}),
            on_close: Box::new(|_| {}),
            told,
            told_to_test,
        }
    }

    pub(crate) fn on_upgrade(
        mut self,
        decide: impl Fn(&Upgrade<'_>) -> Decision + Send + Sync + 'static,
    ) -> Script {
        self.on_upgrade = Box::new(decide);
        self
    }

    pub(crate) fn on_open(mut self, act: impl Fn(&mut Conn<'_>) + Send + Sync + 'static) -> Script {
        self.on_open = Box::new(act);
        self
    }

    pub(crate) fn on_message(
        mut self,
        act: impl Fn(&mut Conn<'_>, MessageRef<'_>) + Send + Sync + 'static,
    ) -> Script {
        self.on_message = Box::new(act);
        self
    }

    /// Like [`on_message`](Script::on_message), for text.
    pub(crate) fn on_text(self, act: impl Fn(&mut Conn<'_>, &str) + Send + Sync + 'static) -> Script {
        self.on_message(move |socket, message| act(socket, message.as_text().unwrap()))
    }

    pub(crate) fn on_drain(mut self, act: impl Fn(&mut Conn<'_>) + Send + Sync + 'static) -> Script {
        self.on_drain = Box::new(act);
        self
    }

    pub(crate) fn on_close(mut self, act: impl Fn(&mut Conn<'_>) + Send + Sync + 'static) -> Script {
        self.on_close = Box::new(act);
        self
    }

    /// Runs the script on one event loop, unless `set_up` sets another number.
    pub(crate) async fn run(
        self,
        engine: Engine,
        set_up: impl FnOnce(Server<Run>) -> Server<Run>,
    ) -> EventServer {
        self.start(engine, |server, _| set_up(server)).await
    }

    /// Like [`run`](Script::run). `publish` receives the topics before the server runs.
    pub(crate) async fn run_with_topics(self, engine: Engine, publish: impl FnOnce(&Topics)) -> EventServer {
        let set_up = |server, topics: &Topics| {
            publish(topics);
            server
        };
        self.start(engine, set_up).await
    }

    async fn start(
        self,
        engine: Engine,
        set_up: impl FnOnce(Server<Run>, &Topics) -> Server<Run>,
    ) -> EventServer {
        let Script { on_upgrade, on_open, on_message, on_drain, on_close, told, told_to_test } = self;
        let handler = Noted { on_upgrade, on_open, on_message, on_drain, on_close, told };
        let mut topics = None;
        let set_up = |server: Server| {
            let (server, its_topics) = server.topics();
            let server = set_up(server.engine(engine).workers(1), &its_topics);
            topics = Some(its_topics);
            server
        };
        let serving = Serving::start(set_up, |server| server.run(handler)).await;
        EventServer { serving, topics: topics.unwrap(), told: told_to_test }
    }
}

/// A running [`Script`].
pub(crate) struct Noted {
    on_upgrade: Box<dyn Fn(&Upgrade<'_>) -> Decision + Send + Sync>,
    on_open: OnSocket,
    on_message: OnMessage,
    on_drain: OnSocket,
    on_close: OnSocket,
    told: UnboundedSender<Told>,
}

impl Noted {
    fn note(&self, told: Told) {
        // A test that drops its server early no longer receives.
        let _ended = self.told.send(told);
    }
}

impl Handler for Noted {
    type State = String;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Decision {
        (self.on_upgrade)(request)
    }

    fn on_open(&self, socket: &mut Conn<'_>) {
        self.note(Told::Open);
        (self.on_open)(socket);
    }

    fn on_message(&self, socket: &mut Conn<'_>, message: MessageRef<'_>) {
        self.note(Told::Message(message.to_message()));
        (self.on_message)(socket, message);
    }

    fn on_drain(&self, socket: &mut Conn<'_>) {
        self.note(Told::Drain);
        (self.on_drain)(socket);
    }

    fn on_ping(&self, _: &mut Conn<'_>, payload: &[u8]) {
        self.note(Told::Ping(payload.to_vec()));
    }

    fn on_pong(&self, _: &mut Conn<'_>, payload: &[u8]) {
        self.note(Told::Pong(payload.to_vec()));
    }

    fn on_close(&self, socket: &mut Conn<'_>, closed: &Closed) {
        let (code, reason, by, clean) = end(closed);
        self.note(Told::close(code, reason, by, clean));
        (self.on_close)(socket);
    }

    fn on_error(&self, _: &mut Conn<'_>, error: &Error) {
        self.note(Told::Error(error.to_string()));
    }
}

/// A running event-driven server.
pub(crate) struct EventServer {
    serving: Serving,
    pub(crate) topics: Topics,
    told: UnboundedReceiver<Told>,
}

impl EventServer {
    /// The handler's next call, or `None` if the server ended without another one.
    pub(crate) async fn told(&mut self) -> Option<Told> {
        self.told.recv().await
    }

    /// Checks the handler's next call.
    pub(crate) async fn expect(&mut self, told: Told) {
        assert_eq!(self.told().await, Some(told));
    }

    /// Waits for this call of the handler, ignoring other calls before it.
    pub(crate) async fn expect_sometime(&mut self, told: Told) {
        while let Some(next) = self.told().await {
            if next == told {
                return;
            }
        }
        panic!("the handler was never told of {told:?}");
    }

    /// All calls of the handler since this was last called.
    pub(crate) fn all_told(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.told.try_recv().ok()).collect()
    }

    /// The number of messages that the handler received since the last call.
    pub(crate) fn messages(&mut self) -> usize {
        self.all_told().iter().filter(|told| matches!(told, Told::Message(_))).count()
    }

    /// Waits for the end of a server that was stopped.
    pub(crate) async fn returned(self) {
        self.serving.returned().await;
    }

    /// Drops the server and the future that runs it, immediately.
    pub(crate) fn drop_future(&self) {
        self.serving.abort();
    }

    /// Shuts the server down. The handler must receive no further call.
    pub(crate) async fn end(mut self) {
        self.serving.stop();
        self.serving.returned().await;
        assert_eq!(self.told.recv().await, None);
    }

    /// A client after the opening handshake for `target`.
    pub(crate) async fn open(&self, target: &str) -> Raw<TcpStream> {
        opened(self.raw().await, target).await
    }

    /// Like [`open`](EventServer::open), with a small receive buffer in the client's system. A minimal buffer would
    /// need a switch between both ends every few KiB.
    pub(crate) async fn open_narrow(&self, target: &str) -> Raw<TcpStream> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 << 10).unwrap();
        opened(Raw::new(socket.connect(self.addr).await.unwrap()), target).await
    }

    /// Makes the loop complete an iteration, with an echo of another client, so that it has processed earlier input.
    pub(crate) async fn go_round(&self, echo: &mut Raw<TcpStream>) {
        for _ in 0..4 {
            echo.send(masked(TEXT, "round")).await;
            assert_eq!(echo.frame().await, Frame::new(TEXT, "round"));
        }
    }
}

async fn opened(mut raw: Raw<TcpStream>, target: &str) -> Raw<TcpStream> {
    raw.send(upgrade_request("").replace("GET / ", &format!("GET {target} "))).await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    raw
}

impl Deref for EventServer {
    type Target = Serving;

    fn deref(&self) -> &Serving {
        &self.serving
    }
}

impl DerefMut for EventServer {
    fn deref_mut(&mut self) -> &mut Serving {
        &mut self.serving
    }
}
