//! One client: just enough of RFC 6455 to stay connected, so that a process holds many.

use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

const PING: u8 = 0x89;
const TEXT: u8 = 0x81;

/// The message that is published: 125 bytes, the most in a short frame. Its masking key is 0.
pub(crate) const PUBLICATION: [u8; 131] = {
    let mut frame = [b'x'; 131];
    let head = [TEXT, 0x80 | 125, 0, 0, 0, 0];
    let mut at = 0;
    while at < head.len() {
        frame[at] = head[at];
        at += 1;
    }
    frame
};

/// What has arrived in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrived {
    Message,
    Ping,
}

/// Connects from an address of 127.0.0.0/8, and opens a WebSocket. Returns it with what arrived behind the response. Dropping
/// it resets the connection.
pub(crate) async fn connect(server: SocketAddr, source: Ipv4Addr) -> Result<(TcpStream, Vec<u8>)> {
    // The key and its answer of RFC 6455 §1.3.
    const REQUEST: &[u8] =
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    let mut stream = socket.connect(server).await?;
    stream.set_zero_linger()?;
    stream.write_all(REQUEST).await?;
    let mut head = Vec::new();
    let end = loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = head.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let rest = head.split_off(end);
    let head = String::from_utf8_lossy(&head);
    if head.starts_with("HTTP/1.1 101 ") && head.contains(ACCEPT) {
        Ok((stream, rest))
    } else {
        Err(Error::other(format!("the server refuses: {}", head.lines().next().unwrap_or_default())))
    }
}

/// Reads and answers pings until the connection ends.
pub(crate) async fn attend(
    stream: &TcpStream,
    mut unparsed: Vec<u8>,
    mut arrived: impl FnMut(Arrived),
) -> Error {
    loop {
        if let Err(error) = take_frames(stream, &mut unparsed, &mut arrived) {
            return error;
        }
        if let Err(error) = stream.readable().await {
            return error;
        }
        match read(stream, &mut unparsed) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return error,
        }
    }
}

/// Handles the complete frames.
fn take_frames(stream: &TcpStream, unparsed: &mut Vec<u8>, arrived: &mut impl FnMut(Arrived)) -> Result<()> {
    while let Some(frame) = take_frame(unparsed) {
        match frame.first() {
            Some(&TEXT) => arrived(Arrived::Message),
            Some(&PING) => {
                answer(stream, &frame)?;
                arrived(Arrived::Ping);
            }
            first => {
                return Err(Error::other(format!("the server sends a frame that begins with {first:x?}")));
            }
        }
    }
    Ok(())
}

/// Reads once. The buffer is on the stack only here, so a waiting client has none.
fn read(stream: &TcpStream, unparsed: &mut Vec<u8>) -> Result<()> {
    let mut buffer = [0; 4096];
    let length = stream.try_read(&mut buffer)?;
    if length == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    unparsed.extend_from_slice(&buffer[..length]);
    Ok(())
}

/// Takes the first frame, which is short and unmasked. Empty, the buffer gives its memory back.
fn take_frame(unparsed: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = 2 + usize::from(*unparsed.get(1)? & 0x7f);
    if unparsed.len() < length {
        return None;
    }
    let rest = unparsed.split_off(length);
    Some(std::mem::replace(unparsed, rest))
}

/// Sends a pong with the content of the ping.
fn answer(stream: &TcpStream, ping: &[u8]) -> Result<()> {
    let content = &ping[2..];
    let head = [0x8a, 0x80 | ping[1], 0, 0, 0, 0];
    let pong = [&head, content].concat();
    if stream.try_write(&pong)? < pong.len() {
        return Err(ErrorKind::WriteZero.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_when_they_are_complete() {
        let mut unparsed = vec![PING, 2, b'a', b'b', TEXT, 1];
        assert_eq!(take_frame(&mut unparsed), Some(vec![PING, 2, b'a', b'b']));
        assert_eq!(take_frame(&mut unparsed), None);
        unparsed.push(b'c');
        assert_eq!(take_frame(&mut unparsed), Some(vec![TEXT, 1, b'c']));
        assert_eq!((take_frame(&mut unparsed), unparsed.capacity()), (None, 0));
    }
}
