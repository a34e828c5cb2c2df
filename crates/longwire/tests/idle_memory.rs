//! The memory of a server's idle connection.
//!
//! There is one test, because it measures the whole process. The clients hold only a descriptor each.
#![cfg(feature = "server")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod skipped;

use std::alloc::System;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use cap::Cap;
use longwire::{Accept, Engine, Handler, MessageRef, Refusal, Server, Socket, Upgrade, WebSocket};

#[global_allocator]
static ALLOCATED: Cap<System> = Cap::new(System, usize::MAX);

const CONNECTIONS: usize = 400;

/// Bytes per connection. `docs/idle.md` says where they are; the tables of the loop grow by doubling.
const READINESS: usize = 288;

/// Bytes per connection, its entries in the ring's tables included.
const URING: usize = 360;

/// Bytes per connection: its task, the handler's future, the state that the handles share, and tokio's share.
const ASYNC: usize = 1_700;

/// How the application receives messages.
#[derive(Debug, Clone, Copy)]
enum Interface {
    Events(Engine),
    Async,
}

struct Echo;

impl Handler for Echo {
    type State = ();

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        Ok(Accept::with(()))
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        socket.send(message).or_drop();
    }
}

async fn echo_each(mut socket: WebSocket) -> longwire::HandlerResult {
    while let Some(message) = socket.recv().await? {
        socket.send(message).await?;
    }
    Ok(())
}

#[test]
fn an_idle_connection_costs_little() {
    for (interface, bound) in [
        (Interface::Events(Engine::Readiness), READINESS),
        (Interface::Events(Engine::Uring), URING),
        (Interface::Async, ASYNC),
    ] {
        if let Interface::Events(engine) = interface
            && engine.resolve() != engine
        {
            skipped::skipped_without("io_uring");
            continue;
        }
        let cost = idle_cost(interface);
        println!("{interface:?}: {cost} bytes for each idle connection");
        assert!(cost <= bound, "{interface:?}: {cost} bytes for each idle connection");
    }
}

fn idle_cost(interface: Interface) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::bind("127.0.0.1:0")).unwrap();
    let address = server.local_addr();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = std::thread::spawn(move || {
        let until = async { stopped.await.expect("the test says when") };
        let server = server.shutdown(until);
        match interface {
            Interface::Events(engine) => runtime.block_on(server.engine(engine).workers(1).run(Echo)),
            Interface::Async => runtime.block_on(server.serve(echo_each)),
        }
        .unwrap();
    });
    let mut clients = Vec::with_capacity(CONNECTIONS);
    // The first connection allocates the loop's own buffers.
    let mut first = connected(address);
    (0..3).for_each(|_| echo(&mut first));
    let before = ALLOCATED.allocated();
    (0..CONNECTIONS).for_each(|_| clients.push(connected(address)));
    // The server handles these after all others.
    (0..3).for_each(|_| echo(&mut first));
    let cost = ALLOCATED.allocated().saturating_sub(before) / CONNECTIONS;
    drop((first, clients));
    stop.send(()).unwrap();
    running.join().unwrap();
    cost
}

/// A client that has received one echo.
fn connected(server: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(server).unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    client.write_all(request).unwrap();
    let mut last = [0; 4];
    while last != *b"\r\n\r\n" {
        last.rotate_left(1);
        client.read_exact(&mut last[3..]).unwrap();
    }
    echo(&mut client);
    client
}

fn echo(client: &mut TcpStream) {
    client.write_all(b"\x81\x85\0\0\0\0hello").unwrap();
    let mut answer = [0; 7];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"\x81\x05hello");
}
