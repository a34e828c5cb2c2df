//! A client's connection, accepted by a malicious server.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use longwire_wire::{DeclaredLen, Head, RawFrame, Role};

/// Longer than any client here waits before it gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The connection, from the server's side.
#[derive(Debug)]
pub(crate) struct Caller {
    stream: TcpStream,
    request: Head,
}

impl Caller {
    /// Reads the request.
    pub(crate) fn new(mut stream: TcpStream) -> Caller {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.extend(byte);
        }
        let (request, _) = Head::parse(&request).unwrap();
        Caller { stream, request }
    }

    /// The value of a header of the request.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.request.field(name)
    }

    /// Opens the WebSocket, with extra header lines (each with its CR LF).
    pub(crate) fn accept(&mut self, more: &str) {
        let mut response = String::from_utf8(Head::switching_protocols(&self.request).encode()).unwrap();
        response.insert_str(response.len() - "\r\n".len(), more);
        self.send(response);
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends a frame.
    pub(crate) fn send_frame(&mut self, first: u8, payload: impl AsRef<[u8]>) {
        self.send(plain(first, payload));
    }

    /// Sends a header that declares `len` bytes, followed by only `payload`.
    pub(crate) fn declare(&mut self, first: u8, len: usize, payload: &[u8]) {
        self.send(
            RawFrame::new(first, payload).declaring(DeclaredLen::Shortest(len as u64)).encode(Role::Server),
        );
    }

    /// Sends `pieces` as long as the client accepts them, without reading. Returns whether it accepted all.
    pub(crate) fn flood<T: AsRef<[u8]>>(&mut self, pieces: impl IntoIterator<Item = T>) -> bool {
        pieces.into_iter().all(|piece| match self.stream.write_all(piece.as_ref()) {
            Ok(()) => true,
            Err(error) => {
                assert_ne!(error.kind(), io::ErrorKind::WouldBlock, "the client has stopped reading");
                false
            }
        })
    }

    /// The next frame.
    pub(crate) fn frame(&mut self) -> RawFrame {
        RawFrame::read_from(&mut self.stream).unwrap()
    }

    /// Reads frames up to a Close frame, and returns its code.
    pub(crate) fn close_code(&mut self) -> Option<u16> {
        loop {
            let code = RawFrame::read_from(&mut self.stream).ok()?.close_code();
            if code.is_some() {
                return code;
            }
        }
    }
}

/// The bytes of a server's frame.
pub(crate) fn plain(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    RawFrame::new(first, payload.as_ref()).encode(Role::Server)
}

/// The head of a response that opens a WebSocket, with the header lines `more`.
pub(crate) fn switching_protocols(more: &str) -> String {
    format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{more}\r\n")
}
