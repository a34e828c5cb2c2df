//! The PROXY protocol: a header before everything else on a connection, in which a proxy names its client.

use std::io;
use std::net::SocketAddr;

use proxy_header::{ParseConfig, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::transport::canonical;

/// How many bytes the shortest header has: `PROXY UNKNOWN` with its line end. One of version 2 has a byte more, at least.
const SHORTEST: usize = 15;

/// The fixed part of a header of version 2; its last two bytes are the length of the rest.
const FIXED: usize = 16;

/// The first bytes of version 2.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The first bytes of version 1.
const WORD: &[u8] = b"PROXY ";

/// The longest header of version 1, with its line end.
const LONGEST_LINE: usize = 107;

/// The longest header of version 2. Without the extra values that a proxy may add, it has 232 bytes at most.
const LONGEST: usize = 4 << 10;

/// Why there is no PROXY header.
#[derive(Debug)]
pub(crate) enum NoHeader {
    /// The bytes are something else.
    Malformed,
    Ended(io::Error),
}

/// Reads the header, and no byte more. Returns the address of the client. `None`: the proxy has opened the connection
/// for itself, or does not know the address.
///
/// # Errors
///
/// The connection begins with something else, or has ended.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<SocketAddr>, NoHeader> {
    let mut header = vec![0; SHORTEST];
    stream.read_exact(&mut header).await?;
    if header.starts_with(SIGNATURE) {
        read_rest(stream, &mut header).await?;
    } else if header.starts_with(WORD) {
        read_line(stream, &mut header).await?;
    } else {
        return Err(NoHeader::Malformed);
    }
    let parsed = ProxyHeader::parse(&header, ParseConfig::default());
    let (parsed, length) = parsed.map_err(|_| NoHeader::Malformed)?;
    if length != header.len() {
        return Err(NoHeader::Malformed);
    }
    Ok(parsed.proxied_address().map(|address| canonical(address.source)))
}

/// Reads what is left of a header of version 2.
async fn read_rest(stream: &mut (impl AsyncRead + Unpin), header: &mut Vec<u8>) -> Result<(), NoHeader> {
    header.push(stream.read_u8().await?);
    let Some(&[high, low]) = header.last_chunk() else { return Err(NoHeader::Malformed) };
    let length = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST {
        return Err(NoHeader::Malformed);
    }
    header.resize(length, 0);
    stream.read_exact(header.get_mut(FIXED..).unwrap_or_default()).await?;
    Ok(())
}

/// Reads what is left of a header of version 1, which ends with a line end. It is short, and read by as many bytes as are
/// certainly its own.
async fn read_line(stream: &mut (impl AsyncRead + Unpin), header: &mut Vec<u8>) -> Result<(), NoHeader> {
    while !header.ends_with(b"\r\n") {
        if header.len() >= LONGEST_LINE {
            return Err(NoHeader::Malformed);
        }
        if !header.ends_with(b"\r") {
            header.push(stream.read_u8().await?);
        }
        header.push(stream.read_u8().await?);
    }
    Ok(())
}

impl From<io::Error> for NoHeader {
    fn from(error: io::Error) -> NoHeader {
        NoHeader::Ended(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of reading `header` before `GET`, and the bytes that are left.
    async fn read_before_a_request(header: &[u8]) -> (Result<Option<SocketAddr>, NoHeader>, Vec<u8>) {
        let bytes = [header, b"GET"].concat();
        let mut stream = bytes.as_slice();
        let read = read(&mut stream).await;
        (read, stream.to_vec())
    }

    /// A header of version 2 with this command, family and rest.
    fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, rest].concat()
    }

    #[tokio::test]
    async fn a_header_names_the_client_and_nothing_behind_it_is_read() {
        let addresses = [192, 0, 2, 1, 10, 0, 0, 1, 0, 7, 0, 80];
        let extra = [&addresses[..], &[0x04, 0, 2, 1, 2]].concat();
        let wide = [&[0x20, 0x01, 0x0d, 0xb8], &[0; 11][..], &[1], &[0; 16], &[0, 7, 0, 80]].concat();
        for (header, client) in [
            (b"PROXY TCP4 192.0.2.1 10.0.0.1 7 80\r\n".to_vec(), Some("192.0.2.1:7")),
            (b"PROXY TCP6 2001:db8::1 ::1 7 80\r\n".to_vec(), Some("[2001:db8::1]:7")),
            (b"PROXY TCP6 ::ffff:192.0.2.1 ::1 7 80\r\n".to_vec(), Some("192.0.2.1:7")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN ffff::1 ffff::1 7 80\r\n".to_vec(), None),
            (version_2(0x21, 0x11, &addresses), Some("192.0.2.1:7")),
            (version_2(0x21, 0x11, &extra), Some("192.0.2.1:7")),
            (version_2(0x21, 0x21, &wide), Some("[2001:db8::1]:7")),
            (version_2(0x20, 0x00, &[]), None),
            (version_2(0x20, 0x11, &addresses), None),
            (version_2(0x21, 0x31, &[0; 216]), None),
        ] {
            let (read, left) = read_before_a_request(&header).await;
            assert_eq!(read.unwrap().map(|it| it.to_string()).as_deref(), client, "{header:?}");
            assert_eq!(left, b"GET", "{header:?}");
        }
    }

    #[tokio::test]
    async fn anything_else_is_malformed() {
        let long = [b"PROXY TCP4 ", &[b'1'; 200][..], b"\r\n"].concat();
        for header in [
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS client hello".to_vec(),
            b"PROXY TCP4 192.0.2.1 10.0.0.1 7 80 9\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 10.0.0.1 7 65536\r\n".to_vec(),
            b"PROXY TCP4 ::1 ::1 7 80\r\n".to_vec(),
            b"PROXY UDP4 192.0.2.1 10.0.0.1 7 80\r\n".to_vec(),
            long,
            version_2(0x31, 0x11, &[0; 12]),
            version_2(0x21, 0x11, &[0; 11]),
            version_2(0x21, 0x11, &[0; LONGEST]),
        ] {
            let (read, _) = read_before_a_request(&header).await;
            assert!(matches!(read, Err(NoHeader::Malformed)), "{header:?}: {read:?}");
        }
    }
}
