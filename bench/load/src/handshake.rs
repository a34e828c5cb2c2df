//! The opening handshake (RFC 6455 §4.1).

use std::io::{Read, Write};

use anyhow::{Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longwire_wire::accept_key;

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
}

impl Handshake {
    pub(crate) fn new(number: u32, offer: Offer) -> Self {
        let key = STANDARD
            .encode(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_le_bytes());
        Self { key, offer }
    }

    pub(crate) fn request(&self) -> String {
        let extensions = match self.offer {
            Offer::Nothing => "",
            Offer::Deflate => {
                "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; \
                 client_no_context_takeover; client_max_window_bits\r\n"
            }
        };
        format!(
            "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n{extensions}\r\n",
            self.key
        )
    }

    /// Reads the response, and nothing after it.
    pub(crate) fn finish(&self, stream: &mut impl Read) -> Result<()> {
        const LONGEST: usize = 4096;

        let mut head = Vec::new();
        let mut buffer = [0; LONGEST];
        while !head.ends_with(b"\r\n\r\n") {
            let length = stream.read(&mut buffer)?;
            ensure!(
                length > 0 && head.len() < LONGEST,
                "no response to the handshake: {}",
                head.escape_ascii()
            );
            head.extend_from_slice(&buffer[..length]);
        }
        self.check(&String::from_utf8_lossy(&head))
    }

    /// Sends the request and checks the response.
    pub(crate) fn perform(&self, stream: &mut (impl Read + Write)) -> Result<()> {
        stream.write_all(self.request().as_bytes())?;
        self.finish(stream)
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
        let handshake = Handshake { key: "dGhlIHNhbXBsZSBub25jZQ==".to_owned(), offer: Offer::Nothing };
        let answer =
            "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        handshake.check(answer).unwrap();
        assert!(handshake.check(&answer.replace("s3p", "s3q")).is_err());
        assert!(handshake.check(&answer.replace("101", "403")).is_err());
        assert!(Handshake { offer: Offer::Deflate, ..handshake }.check(answer).is_err());
    }
}
