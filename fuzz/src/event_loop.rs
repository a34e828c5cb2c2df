//! Connections of a server on its event loops, with arbitrary input from their clients.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use longwire::{Accept, Engine, Handler, MessageRef, Refusal, Server, Socket, Upgrade};
use longwire_proto::{Config, Event, Limits, Protocol, Received, Role};

use crate::cuts::Cuts;
use crate::stream::write;

/// The message limit, in bytes.
const LARGEST: usize = 1 << 20;

/// How long the server may take for an answer. A loop that hangs would take forever.
const PATIENCE: Duration = Duration::from_secs(20);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A client sends the bytes in pieces, over a socket, to a server that echoes messages. The first bytes say over which
/// engine, and where the pieces end. The server must answer as the protocol does without sockets.
pub fn event_loop(data: &[u8]) {
    let Some((&[engine, cuts @ ..], stream)) = data.split_first_chunk::<4>() else { return };
    let server = if engine & 1 == 0 { over(Engine::Readiness) } else { over(Engine::Uring) };
    let mut client = UnixStream::connect_addr(server).expect("the server listens");
    client.set_read_timeout(Some(PATIENCE)).expect("the time is not 0");
    client.set_write_timeout(Some(PATIENCE)).expect("the time is not 0");
    client.write_all(REQUEST).expect("the server reads");
    read_head(&mut client);
    for piece in Cuts::new(cuts).of(stream) {
        // A server that has failed the connection reads to its end, or has left.
        if client.write_all(piece).is_err() {
            break;
        }
    }
    let _gone = client.shutdown(Shutdown::Write);
    let mut answered = Vec::new();
    match client.read_to_end(&mut answered) {
        Ok(_) => assert_eq!(answered.escape_ascii().to_string(), expected(stream).escape_ascii().to_string()),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {
            assert!(expected(stream).starts_with(&answered));
        }
        Err(error) => panic!("the server does not end the connection: {error}"),
    }
}

/// What the protocol answers.
fn expected(stream: &[u8]) -> Vec<u8> {
    let mut protocol = Protocol::new(Role::Server, Arc::new(Config::new(limits())));
    let mut stream = stream.to_vec();
    let mut received = Received::new(&mut stream);
    let mut answers = Vec::new();
    while let Ok(Some(event)) = protocol.next_event(&mut received) {
        let echoed = match event {
            Event::Text(text) => protocol.send_text(&text),
            Event::Binary(bytes) => protocol.send_binary(&bytes),
            _ => Ok(()),
        };
        echoed.expect("the connection is open");
        write(&mut protocol, |bytes| answers.extend_from_slice(bytes));
    }
    protocol.receive_half_close();
    write(&mut protocol, |bytes| answers.extend_from_slice(bytes));
    answers
}

/// All pings are answered, so that the answers do not depend on when the loop writes.
fn limits() -> Limits {
    Limits::default().message(LARGEST).fragments(64).control_replies(usize::MAX)
}

struct Echo;

impl Handler for Echo {
    type State = ();

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        Ok(Accept::new())
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        socket.send(message).or_drop();
    }
}

/// The address of a server over this engine, which is started when it is first asked for.
fn over(engine: Engine) -> &'static SocketAddr {
    static SERVERS: [OnceLock<SocketAddr>; 2] = [const { OnceLock::new() }; 2];
    let [readiness, uring] = &SERVERS;
    let server = if engine == Engine::Readiness { readiness } else { uring };
    server.get_or_init(|| {
        let name = format!("longwire-fuzz-{}-{engine:?}", std::process::id());
        let address = SocketAddr::from_abstract_name(name).expect("the name is short");
        let listener = UnixListener::bind_addr(&address).expect("nobody has this name");
        thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let server = Server::on(listener).any_origin().deflate(None).limits(limits());
            runtime.block_on(server.engine(engine).workers(1).run(Echo)).expect("the server runs");
        });
        address
    })
}

/// Reads the response, which nothing follows before the client has sent more.
fn read_head(client: &mut UnixStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).expect("the server answers");
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", head.escape_ascii());
}
