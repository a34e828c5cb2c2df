//! The opening handshake (RFC 6455 §4.1).

use std::io::Read;

use anyhow::{Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longwire_wire::accept_key;
use memchr::memmem;

/// A handshake in progress.
#[derive(Debug)]
pub(crate) struct Handshake {
    key: String,
    target: String,
    subprotocol: Option<&'static str>,
}

impl Handshake {
    /// With this request target and subprotocol.
    pub(crate) fn new(number: u32, target: String, subprotocol: Option<&'static str>) -> Self {
        let key = STANDARD
            .encode(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_le_bytes());
        Self { key, target, subprotocol }
    }

    pub(crate) fn request(&self) -> String {
        let subprotocol =
            self.subprotocol.map_or_else(String::new, |name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
        format!(
            "GET {} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n{subprotocol}\r\n",
            self.target, self.key
        )
    }

    /// Reads the response, and returns what came behind it.
    pub(crate) fn finish(&self, stream: &mut impl Read) -> Result<Vec<u8>> {
        const LONGEST: usize = 4096;
        const END: &[u8] = b"\r\n\r\n";

        let mut head = Vec::new();
        let mut buffer = [0; LONGEST];
        loop {
            let length = stream.read(&mut buffer)?;
            ensure!(
                length > 0 && head.len() < LONGEST,
                "no response to the handshake: {}",
                head.escape_ascii()
            );
            head.extend_from_slice(&buffer[..length]);
            if let Some(at) = memmem::find(&head, END) {
                let rest = head.split_off(at + END.len());
                self.check(&String::from_utf8_lossy(&head))?;
                return Ok(rest);
            }
        }
    }

    fn check(&self, head: &str) -> Result<()> {
        if !head.starts_with("HTTP/1.1 101 ") {
            bail!("the server refused: {head}");
        }
        let accepted = header(head, "Sec-WebSocket-Accept");
        ensure!(accepted == Some(accept_key(&self.key).as_str()), "Sec-WebSocket-Accept is {accepted:?}");
        Ok(())
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_is_accepted() {
        let handshake = Handshake {
            key: "dGhlIHNhbXBsZSBub25jZQ==".to_owned(),
            ..Handshake::new(0, "/".to_owned(), None)
        };
        let answer =
            "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        handshake.check(answer).unwrap();
        assert!(handshake.check(&answer.replace("s3p", "s3q")).is_err());
        assert!(handshake.check(&answer.replace("101", "403")).is_err());
    }
}
