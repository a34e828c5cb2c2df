//! The opening handshake (RFC 6455 §4.1).

use std::io::{Read, Write};

use anyhow::{Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longwire_wire::accept_key;
use memchr::memmem;

/// What to negotiate besides the WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    Nothing,
    /// permessage-deflate without context takeover, in both directions.
    Deflate,
}

/// A handshake in progress.
#[derive(Debug)]
pub(crate) struct Handshake {
    key: String,
    offer: Offer,
    target: String,
    subprotocol: Option<&'static str>,
}

impl Handshake {
    pub(crate) fn new(number: u32, offer: Offer) -> Self {
        let key = STANDARD
            .encode(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_le_bytes());
        Self { key, offer, target: "/".to_owned(), subprotocol: None }
    }

    /// With this request target and subprotocol.
    pub(crate) fn to(self, target: String, subprotocol: Option<&'static str>) -> Self {
        Self { target, subprotocol, ..self }
    }

    pub(crate) fn request(&self) -> String {
        let extensions = match self.offer {
            Offer::Nothing => "",
            Offer::Deflate => {
                "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; \
                 client_no_context_takeover; client_max_window_bits\r\n"
            }
        };
        let subprotocol =
            self.subprotocol.map_or_else(String::new, |name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
        format!(
            "GET {} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n{extensions}{subprotocol}\r\n",
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

    /// Sends the request and checks the response, behind which nothing comes.
    pub(crate) fn perform(&self, stream: &mut (impl Read + Write)) -> Result<()> {
        stream.write_all(self.request().as_bytes())?;
        let rest = self.finish(stream)?;
        ensure!(rest.is_empty(), "after the handshake came {}", rest.escape_ascii());
        Ok(())
    }

    fn check(&self, head: &str) -> Result<()> {
        if !head.starts_with("HTTP/1.1 101 ") {
            bail!("the server refused: {head}");
        }
        let accepted = header(head, "Sec-WebSocket-Accept");
        ensure!(accepted == Some(accept_key(&self.key).as_str()), "Sec-WebSocket-Accept is {accepted:?}");
        if self.offer == Offer::Deflate {
            let extensions = header(head, "Sec-WebSocket-Extensions").unwrap_or_default();
            ensure!(extensions.contains("permessage-deflate"), "the server does not compress");
        }
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
        let handshake =
            Handshake { key: "dGhlIHNhbXBsZSBub25jZQ==".to_owned(), ..Handshake::new(0, Offer::Nothing) };
        let answer =
            "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        handshake.check(answer).unwrap();
        assert!(handshake.check(&answer.replace("s3p", "s3q")).is_err());
        assert!(handshake.check(&answer.replace("101", "403")).is_err());
        assert!(Handshake { offer: Offer::Deflate, ..handshake }.check(answer).is_err());
    }
}
