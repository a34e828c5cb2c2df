//! An honest client that must be served during an attack.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use longwire::{Message, WebSocket};
use tokio::runtime::{Builder, Runtime};

/// The longest acceptable wait for an echo or a connection. It is far longer than needed, because the machine is busy
/// with the attack and perhaps other work.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pause between an echo and the next message.
const PAUSE: Duration = Duration::from_millis(5);

/// A client on its own thread that sends one message after another and checks the echoes.
pub(crate) struct Witness {
    dismiss: Sender<()>,
    thread: JoinHandle<Duration>,
}

impl Witness {
    /// Connects to `path`, and returns after the first echo.
    pub(crate) fn call(address: SocketAddr, path: &'static str) -> Witness {
        let (dismiss, dismissed) = channel();
        let (served, first_echo) = channel();
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let mut socket = connect(&runtime, address, path);
            let mut slowest = echo(&runtime, &mut socket);
            served.send(()).unwrap();
            while !is_dismissed(&dismissed) {
                slowest = slowest.max(echo(&runtime, &mut socket));
            }
            let closed = runtime.block_on(socket.close(1000, "")).unwrap();
            assert!(closed.clean, "{closed}");
            slowest
        });
        if first_echo.recv().is_err() {
            panic!("the witness was not served: {:?}", thread.join());
        }
        Witness { dismiss, thread }
    }

    /// The duration of the slowest echo. At least one echo has been measured since this call.
    pub(crate) fn slowest_echo(self) -> Duration {
        drop(self.dismiss);
        self.thread.join().unwrap()
    }
}

fn is_dismissed(dismissed: &Receiver<()>) -> bool {
    dismissed.recv_timeout(PAUSE) == Err(RecvTimeoutError::Disconnected)
}

fn connect(runtime: &Runtime, address: SocketAddr, path: &str) -> WebSocket {
    let url = format!("ws://{address}{path}");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, longwire::connect(url)).await }).unwrap().unwrap()
}

fn echo(runtime: &Runtime, socket: &mut WebSocket) -> Duration {
    let start = Instant::now();
    let echoed = runtime.block_on(async {
        tokio::time::timeout(PATIENCE, async {
            socket.send("Am I served?").await?;
            socket.recv().await
        })
        .await
    });
    assert_eq!(echoed.unwrap().unwrap(), Some(Message::from("Am I served?")));
    start.elapsed()
}
