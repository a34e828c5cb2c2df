//! The Socket.IO server of `longwire-interop`, and a network in front of it that can be cut.

use std::io::{self, BufRead as _, BufReader};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

/// A server on a free port, until it is dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start() -> Server {
        let program =
            std::env::var_os("LONGWIRE_INTEROP").expect("LONGWIRE_INTEROP: the path of the program");
        let mut process = Command::new(program)
            .args(["socketio", "127.0.0.1:0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output is piped");
        BufReader::new(output).read_line(&mut line).expect("the server's address");
        let address = line.strip_prefix("http://").and_then(|line| line.split(' ').next());
        Server { address: address.and_then(|text| text.parse().ok()).expect("an address"), process }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The clients close their connections only when the server has gone, so it is not asked to wait for them.
        self.process.kill().expect("the server runs");
        self.process.wait().expect("the server ends");
    }
}

/// Passes connections on to a server.
pub(crate) struct Network {
    pub(crate) address: SocketAddr,
    connections: Arc<Mutex<Vec<TcpStream>>>,
}

impl Network {
    pub(crate) fn before(server: &Server) -> Network {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (connections, to) = (Arc::<Mutex<Vec<TcpStream>>>::default(), server.address);
        let kept = Arc::clone(&connections);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(to) else { continue };
                let both = [client.try_clone(), server.try_clone()].map(|stream| stream.expect("a handle"));
                kept.lock().expect("no panic").extend(both);
                let back = [server.try_clone(), client.try_clone()].map(|stream| stream.expect("a handle"));
                pass(client, server);
                let [server, client] = back;
                pass(server, client);
            }
        });
        Network { address, connections }
    }

    /// Ends all connections.
    pub(crate) fn cut(&self) {
        for connection in self.connections.lock().expect("no panic").drain(..) {
            // Some have ended before.
            drop(connection.shutdown(Shutdown::Both));
        }
    }
}

/// Copies what arrives until one side ends.
fn pass(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        drop(io::copy(&mut from, &mut to));
        drop(to.shutdown(Shutdown::Both));
    });
}
