//! A peer that can send anything.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use longwire_wire::{DeclaredLen, Head, Mask, RawFrame, Role};

use crate::frames::{BINARY, FIN};
use crate::server::Server;

/// Longer than the server's own timeouts, so that the server gives up first.
const PATIENCE: Duration = Duration::from_secs(60);

/// If no bytes are accepted for this long, check whether the server works on anything at all.
const STALL: Duration = Duration::from_millis(500);

/// If no bytes are accepted while this many other clients are served in turn, the server has stopped reading.
const OTHERS: usize = 3;

/// A TCP connection to the server, which may have become a WebSocket.
#[derive(Debug)]
pub(crate) struct Peer {
    stream: TcpStream,
    server: SocketAddr,
}

/// The outcome of sending a large amount of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flood {
    /// Everything was accepted.
    Taken,
    /// The server has stopped reading after this many bytes.
    Stalled(usize),
    /// The server has ended the connection after about this many bytes.
    Ended(usize),
}

impl Peer {
    pub(crate) fn connect(server: &Server) -> Peer {
        Peer::call(server.address())
    }

    fn call(server: SocketAddr) -> Peer {
        Peer::over(TcpStream::connect(server).unwrap(), server)
    }

    /// Connects from an address of this machine, such as 127.0.0.2.
    pub(crate) fn connect_from(source: [u8; 4], server: &Server) -> Peer {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let stream = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(SocketAddr::new(IpAddr::from(source), 0)).unwrap();
            socket.connect(server.address()).await.unwrap().into_std().unwrap()
        });
        stream.set_nonblocking(false).unwrap();
        Peer::over(stream, server.address())
    }

    fn over(stream: TcpStream, server: SocketAddr) -> Peer {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Peer { stream, server }
    }

    /// Opens a WebSocket.
    pub(crate) fn open(server: &Server, path: &str) -> Peer {
        Peer::connect(server).opened(path)
    }

    fn opened(mut self, path: &str) -> Peer {
        let response = self.shake_hands(path, "");
        assert!(response.starts_with("HTTP/1.1 101 "), "{response}");
        self
    }

    /// Performs the opening handshake with extra header lines (each with its CR LF), and returns the response's head.
    pub(crate) fn shake_hands(&mut self, path: &str, more: &str) -> String {
        self.send(upgrade_request(path, more));
        self.head()
    }

    /// The head of a response.
    pub(crate) fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        String::from_utf8(head).unwrap()
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends a frame.
    pub(crate) fn send_frame(&mut self, first: u8, payload: impl AsRef<[u8]>) {
        self.send(masked(first, payload));
    }

    /// Sends a header that declares `len` bytes, followed by only `payload`.
    pub(crate) fn declare(&mut self, first: u8, len: usize, payload: &[u8]) {
        self.send(
            of_client(first, payload).declaring(DeclaredLen::Shortest(len as u64)).encode(Role::Client),
        );
    }

    /// Sends `pieces` as long as the server accepts them, without reading.
    pub(crate) fn flood<T: AsRef<[u8]>>(&mut self, pieces: impl IntoIterator<Item = T>) -> Flood {
        self.stream.set_write_timeout(Some(STALL)).unwrap();
        let mut sent = 0;
        let mut outcome = Flood::Taken;
        for piece in pieces {
            let (taken, written) = self.write_as_taken(piece.as_ref());
            sent += taken;
            match written {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    outcome = Flood::Stalled(sent);
                    break;
                }
                Err(_) => {
                    outcome = Flood::Ended(sent);
                    break;
                }
            }
        }
        self.stream.set_write_timeout(Some(PATIENCE)).unwrap();
        outcome
    }

    /// Like `write_all`, but returns how much was written before an error. `WouldBlock` means that the server does not
    /// read this connection while it serves others.
    fn write_as_taken(&mut self, bytes: &[u8]) -> (usize, io::Result<()>) {
        let (mut taken, mut others) = (0, 0);
        while taken < bytes.len() {
            match self.stream.write(&bytes[taken..]) {
                Ok(count) => (taken, others) = (taken + count, 0),
                Err(error) if error.kind() == ErrorKind::WouldBlock && others < OTHERS => {
                    Peer::call(self.server).opened("/echo").echo(b"Am I served?");
                    others += 1;
                }
                Err(error) => return (taken, Err(error)),
            }
        }
        (taken, Ok(()))
    }

    /// The next frame.
    pub(crate) fn frame(&mut self) -> RawFrame {
        RawFrame::read_from(&mut self.stream).unwrap()
    }

    /// Sends a message and checks its echo.
    pub(crate) fn echo(&mut self, payload: &[u8]) {
        self.send_frame(FIN | BINARY, payload);
        let echo = self.frame();
        assert!(RawFrame::binary(payload).matches(&echo, Role::Server), "{echo}");
    }

    /// Reads frames up to a Close frame and returns its code, or `None` if the connection ends without one.
    pub(crate) fn close_code(&mut self) -> Option<u16> {
        loop {
            match RawFrame::read_from(&mut self.stream) {
                Ok(frame) => match frame.close_code() {
                    Some(code) => return Some(code),
                    None => continue,
                },
                Err(error) => {
                    assert_ne!(error.kind(), ErrorKind::WouldBlock, "nothing for {PATIENCE:?}");
                    return None;
                }
            }
        }
    }

    /// Everything up to the end of the connection, by EOF or reset.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        if let Err(error) = self.stream.read_to_end(&mut rest) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
        }
        rest
    }

    /// Sends a request and returns the whole response.
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> String {
        // A server without a free place need not read the request.
        self.try_send(request);
        String::from_utf8(self.rest()).unwrap()
    }

    /// Another handle of the same connection, to read while this one writes.
    pub(crate) fn second_hand(&self) -> Peer {
        Peer { stream: self.stream.try_clone().unwrap(), server: self.server }
    }

    /// Sends as much as the server accepts.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _not_heard = self.stream.write_all(bytes.as_ref());
    }

    /// Sends as much as fits into the sockets' buffers now.
    pub(crate) fn send_what_fits(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.set_nonblocking(true).unwrap();
        let _no_room = self.stream.write_all(bytes.as_ref());
        self.stream.set_nonblocking(false).unwrap();
    }

    /// Waits at most this long for one more byte.
    pub(crate) fn heard_within(&mut self, time: Duration) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let heard = self.stream.read(&mut [0]);
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        heard
    }

    /// Whether bytes arrive within this time, which are left unread.
    pub(crate) fn is_told_within(&self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let heard = self.stream.peek(&mut [0]);
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        heard.is_ok()
    }

    /// Ends the writing side.
    pub(crate) fn finish(&mut self) {
        self.stream.shutdown(std::net::Shutdown::Write).unwrap();
    }

    /// Waits until bytes have arrived, and leaves them unread. Closing such a socket resets the connection
    /// (RFC 1122 §4.2.2.13).
    pub(crate) fn leave_unread(&self) {
        assert_eq!(self.stream.peek(&mut [0]).unwrap(), 1);
    }
}

/// A client's frame (RFC 6455 §5.1). The masking key leaves the payload unchanged.
fn of_client(first: u8, payload: impl AsRef<[u8]>) -> RawFrame {
    RawFrame::new(first, payload.as_ref()).masked(Mask::Key([0; 4]))
}

/// The bytes of a client's frame.
pub(crate) fn masked(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    of_client(first, payload).encode(Role::Client)
}

/// A request for a WebSocket, with extra header lines (each with its CR LF).
pub(crate) fn upgrade_request(path: &str, more: &str) -> String {
    let mut request = String::from_utf8(Head::upgrade(path, "127.0.0.1").encode()).unwrap();
    request.insert_str(request.len() - "\r\n".len(), more);
    request
}
