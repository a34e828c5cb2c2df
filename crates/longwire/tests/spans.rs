//! The `tracing` events of the event-driven server, with the connection that each belongs to.
//!
//! A separate program, because the loops are threads, whose events reach only a subscriber of the whole process.
#![cfg(feature = "server")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod skipped;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex, Once};

use longwire::mode::Run;
use longwire::{Accept, Closed, Engine, Handler, Limits, MessageRef, Refusal, Server, Socket, Upgrade};

/// The output of all servers of this process.
static TOLD: Mutex<String> = Mutex::new(String::new());

/// Notified of new output.
static MORE: Condvar = Condvar::new();

struct Told;

impl Write for Told {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        TOLD.lock().unwrap().push_str(&String::from_utf8_lossy(text));
        MORE.notify_all();
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Logs its calls, and reports which connections have ended.
struct Talkative(Mutex<Sender<SocketAddr>>);

impl Handler for Talkative {
    /// The requested path.
    type State = String;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<String>, Refusal> {
        let path = request.path();
        tracing::info!("asked for {path}");
        assert!(path != "/panic-at-once", "out of {}", "milk");
        if path == "/closed" { Err(Refusal::forbidden("closed")) } else { Ok(Accept::with(path.to_owned())) }
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        if socket.state() == "/slow" {
            socket.subscribe("news");
        }
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, _: MessageRef<'_>) {
        tracing::info!("a message");
        assert!(socket.state() != "/panic", "out of {}", "tea");
        for _ in 0..2 {
            socket.publish("news", vec![0; 1000]);
        }
    }

    fn on_close(&self, socket: &mut Socket<'_, Self>, _: &Closed) {
        tracing::info!("it is over");
        self.0.lock().unwrap().send(socket.peer_addr().unwrap()).unwrap();
    }
}

#[test]
fn a_connection_is_told_of_from_its_request_to_its_end() {
    for engine in ENGINES {
        let (server, ended) = start(engine, |server| server);
        let mut client = Client::open(server, "/");
        client.send(b"\x81\x80\0\0\0\0\x88\x82\0\0\0\0\x03\xe8");
        assert_eq!(ended.recv().unwrap(), client.addr);
        let end = "ended closed=closed by peer: 1000 (normal closure)";
        assert_eq!(client.told(), ["asked for /", "open", "a message", end, "it is over"]);
    }
}

#[test]
fn a_refusal_is_told_of() {
    for engine in ENGINES {
        let (server, _) = start(engine, |server| server);
        let client = Client::open(server, "/closed");
        let told = client.told();
        assert_eq!(told[0], "asked for /closed");
        let expected = format!(r#"refused: closed status=403 peer={} host="a" path="/closed""#, client.addr);
        assert_eq!(told[1..], [expected]);
    }
}

/// A page cannot see why it was refused, so the operator must: with every way of serving, for the first request of a
/// connection and for a later one.
#[test]
fn a_page_of_another_origin_is_told_of_by_every_way_of_serving() {
    let foreign = upgrade("/chat?token=1").replace("\r\n\r\n", "\r\nOrigin: https://b\r\n\r\n");
    let servers = ENGINES.map(|engine| start(engine, |server| server.http(axum::Router::new())));
    let [one, other] = [servers[0].0, servers[1].0];
    for (server, before) in [(start_async(), ""), (one, ""), (other, ""), (one, PAGE), (other, PAGE)] {
        let mut client = Client::connect(server);
        client.ask(&[before, &foreign].concat());
        if !before.is_empty() {
            client.ask("");
        }
        let told = client.told();
        let expected = format!(
            "refused: pages of this origin may not connect here status=403 peer={} origin=\"https://b\" host=\"a\" \
             path=\"/chat\" allowed_by=\"--origin https://b ",
            client.addr
        );
        assert!(told.len() == 1 && told[0].starts_with(&expected), "{told:?}");
    }
}

#[test]
fn what_another_connection_brought_about_is_told_of_the_one_that_it_befell() {
    for engine in ENGINES {
        let limits = Limits::default().low_water(0).high_water(500);
        let (server, ended) = start(engine, |server| server.limits(limits.clone()));
        let (slow, mut quick) = (Client::open(server, "/slow"), Client::open(server, "/quick"));
        quick.send(b"\x81\x80\0\0\0\0");
        assert_eq!(ended.recv().unwrap(), slow.addr);
        let told = slow.told();
        assert_eq!(told[..3], ["asked for /slow", "open", "a subscriber is too slow and is disconnected"]);
        assert_eq!(told[4], "it is over");
        assert_eq!(quick.told(), ["asked for /quick", "open", "a message"]);
    }
}

#[test]
fn a_connection_that_hyper_had_meanwhile_is_still_the_same() {
    for engine in ENGINES {
        let (server, ended) = start(engine, |server| server.http(axum::Router::new()));
        let mut client = Client::connect(server);
        client.ask(PAGE);
        client.ask(&upgrade("/later"));
        client.stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(ended.recv().unwrap(), client.addr);
        let end = "ended closed=connection lost: 1006 (no closing handshake)";
        assert_eq!(client.told(), ["asked for /later", "open", end, "it is over"]);
    }
}

#[test]
fn a_client_that_a_proxy_names_is_told_of() {
    for engine in ENGINES {
        let proxies = longwire::TrustedProxies::new(["127.0.0.1"]).unwrap();
        let (server, _) = start(engine, |server| server.trusted_proxies(proxies.clone()));
        let mut client = Client::connect(server);
        client.ask(&upgrade("/").replace("\r\n\r\n", "\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"));
        let span = format!("connection{{peer={} client=192.0.2.1:0}}: asked for /", client.addr);
        let told = TOLD.lock().unwrap();
        assert!(told.get(client.before..).unwrap().contains(&span), "{span}");
    }
}

#[cfg(feature = "tls")]
#[test]
fn a_client_that_cannot_speak_tls_is_told_of() {
    for engine in ENGINES {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let tls = longwire::Tls::pem(made.cert.pem(), made.signing_key.serialize_pem()).unwrap();
        let (server, _) = start(engine, |server| server.tls(tls.clone()));
        let mut plain = Client::connect(server);
        plain.send(upgrade("/").as_bytes());
        // The client sees the end before the event is recorded.
        let line = plain.first_told();
        assert!(line.starts_with("no TLS handshake "), "{line}");
    }
}

/// Regression: only the default panic hook reported it, without the connection.
#[test]
fn a_panic_is_told_of_with_its_message() {
    for engine in ENGINES {
        let (server, ended) = start(engine, |server| server);
        let mut client = Client::open(server, "/panic");
        client.send(b"\x81\x80\0\0\0\0\x88\x82\0\0\0\0\x03\xe8");
        assert_eq!(ended.recv().unwrap(), client.addr);
        assert!(client.told().contains(&PANICKED.to_owned()), "{:?}", client.told());

        let mut client = Client::open(server, "/panic-at-once");
        let told = client.told();
        assert_eq!(told[1], HOOK_PANICKED);
        let mut last = Vec::new();
        client.stream.read_to_end(&mut last).unwrap();
    }
}

#[test]
fn a_panic_is_told_of_with_its_message_by_the_async_server_too() {
    let server = start_async();
    let mut client = Client::open(server, "/");
    client.send(b"\x81\x80\0\0\0\0\x88\x82\0\0\0\0\x03\xe8");
    let mut last = Vec::new();
    client.stream.read_to_end(&mut last).unwrap();
    assert!(client.told().contains(&PANICKED.to_owned()), "{:?}", client.told());

    let mut client = Client::open(server, "/panic-at-once");
    assert!(client.told().contains(&HOOK_PANICKED.to_owned()), "{:?}", client.told());
    client.stream.read_to_end(&mut last).unwrap();
}

const PANICKED: &str = "the handler panicked; the panic hook has written where panic=\"out of tea\"";

const HOOK_PANICKED: &str =
    "the hook for upgrades panicked; the panic hook has written where panic=\"out of milk\"";

/// Without io_uring both are the same, and the tests are reported as skipped.
const ENGINES: [Engine; 2] = [Engine::Readiness, Engine::Auto];

/// A server that serves until the process ends, and a channel with its ended connections.
fn start(engine: Engine, set: impl FnOnce(Server<Run>) -> Server<Run>) -> (SocketAddr, Receiver<SocketAddr>) {
    if engine == Engine::Auto && engine.resolve() != Engine::Uring {
        skipped::skipped_without("io_uring");
    }
    listen();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::bind("127.0.0.1:0")).unwrap();
    let address = server.local_addr();
    let (over, ended) = channel();
    let running = set(server.engine(engine).workers(1)).run(Talkative(Mutex::new(over)));
    std::thread::spawn(move || runtime.block_on(running));
    (address, ended)
}

/// An async server that serves until the process ends. Its handler panics at the first message, its hook at one path.
fn start_async() -> SocketAddr {
    listen();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::bind("127.0.0.1:0")).unwrap();
    let address = server.local_addr();
    let server = server.on_upgrade(async |request| {
        assert!(request.path() != "/panic-at-once", "out of {}", "milk");
        Ok(Accept::new())
    });
    let running = server.serve(async |mut socket: longwire::WebSocket| {
        socket.recv().await?;
        panic!("out of {}", "tea")
    });
    std::thread::spawn(move || runtime.block_on(running));
    address
}

/// A request for a page that does not exist. The response is only a head.
const PAGE: &str = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";

/// Records this process's output.
fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(|| Told);
        subscriber.with_target(false).with_level(false).without_time().with_ansi(false).init();
    });
}

fn upgrade(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// A client, and the output about its connection.
struct Client {
    stream: TcpStream,
    addr: SocketAddr,
    /// The length of earlier output, perhaps about a connection from the same port.
    before: usize,
}

impl Client {
    fn connect(server: SocketAddr) -> Client {
        let before = TOLD.lock().unwrap().len();
        let stream = TcpStream::connect(server).unwrap();
        let addr = stream.local_addr().unwrap();
        Client { stream, addr, before }
    }

    /// A client that has requested a WebSocket and received the response.
    fn open(server: SocketAddr, path: &str) -> Client {
        let mut client = Client::connect(server);
        client.ask(&upgrade(path));
        client
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends a request, and waits for the head of the response.
    fn ask(&mut self, request: &str) {
        self.send(request.as_bytes());
        let mut last = [0; 4];
        while last != *b"\r\n\r\n" {
            last.rotate_left(1);
            self.stream.read_exact(&mut last[3..]).unwrap();
        }
    }

    /// The messages about this connection, in order.
    fn told(&self) -> Vec<String> {
        self.lines_in(&TOLD.lock().unwrap())
    }

    /// Waits for the first message about this connection.
    #[cfg(feature = "tls")]
    fn first_told(&self) -> String {
        let is_to_come = |told: &mut String| self.lines_in(told).is_empty();
        let patience = std::time::Duration::from_secs(60);
        let told = TOLD.lock().unwrap();
        let (told, _) = MORE.wait_timeout_while(told, patience, is_to_come).unwrap();
        self.lines_in(&told).first().cloned().unwrap_or_default()
    }

    fn lines_in(&self, told: &str) -> Vec<String> {
        let span = format!("connection{{peer={}}}: ", self.addr);
        let lines = told.get(self.before..).unwrap_or_default().lines();
        lines.filter_map(|line| Some(line.trim().strip_prefix(&span)?.to_owned())).collect()
    }
}
