//! One connection that publishes, as a client or by the API for back ends.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use memchr::memmem;
use ring::hmac;

use super::content;
use super::dialect::{API_KEY, Dialect, PUSHER_APP, PUSHER_KEY, PUSHER_SECRET};
use super::incoming::Incoming;
use super::opening::{Request, open};
use crate::arguments::Target;

/// How publications come to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// A client sends them, each in a frame of its own.
    Client,
    /// A back end sends them in a request, together if they are several.
    Api,
}

#[derive(Debug)]
pub(super) struct Publisher {
    stream: TcpStream,
    dialect: Dialect,
    sending: bool,
    speech: Speech,
}

#[derive(Debug)]
enum Speech {
    Client {
        /// Encoded once for each channel.
        frames: HashMap<String, Vec<u8>>,
        /// Answers are only searched for errors and pings.
        incoming: Incoming,
        /// The answer to a ping, which goes before the next publications.
        pong: Option<Vec<u8>>,
    },
    Api {
        address: SocketAddr,
        /// The response, as far as it has arrived.
        response: Vec<u8>,
        /// The request that is not yet answered.
        request: Option<Vec<u8>>,
    },
}

impl Publisher {
    pub(super) fn open(target: &Target, dialect: Dialect, by: By) -> Result<Self> {
        let (stream, speech) = match by {
            By::Client => {
                let opened = open(target, &[Request::publisher(dialect)])?.pop().context("one connection")?;
                (
                    opened.stream,
                    Speech::Client { frames: HashMap::new(), incoming: opened.incoming, pong: None },
                )
            }
            By::Api => {
                let address = target.address;
                (connect(address)?, Speech::Api { address, response: Vec::new(), request: None })
            }
        };
        Ok(Self { stream, dialect, sending: false, speech })
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn is_ready(&self) -> bool {
        !self.sending && !matches!(self.speech, Speech::Api { request: Some(_), .. })
    }

    /// The bytes to send.
    pub(super) fn publish(&mut self, channels: &[String]) -> Result<Vec<u8>> {
        self.sending = true;
        match &mut self.speech {
            Speech::Client { frames, pong, .. } => {
                let mut bytes = pong.take().unwrap_or_default();
                for channel in channels {
                    if !frames.contains_key(channel) {
                        let frame = self.dialect.publishing(channel).context("clients cannot publish")?;
                        frames.insert(channel.clone(), frame);
                    }
                    bytes.extend_from_slice(&frames[channel]);
                }
                Ok(bytes)
            }
            Speech::Api { address, request, .. } => {
                let bytes = publishing(self.dialect, &address.to_string(), channels)?;
                Ok(request.insert(bytes).clone())
            }
        }
    }

    pub(super) fn sent(&mut self) {
        self.sending = false;
    }

    pub(super) fn received(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.speech {
            Speech::Client { incoming, pong, .. } => incoming.take(bytes, |payload| {
                if memmem::find(payload, b"\"error\"").is_some() {
                    bail!("the server refuses: {}", payload.escape_ascii());
                }
                if let Some(answer) = self.dialect.pong(payload) {
                    *pong = Some(answer);
                }
                Ok(())
            })?,
            Speech::Api { response, request, .. } => {
                response.extend_from_slice(bytes);
                if let Some(length) = response_length(response)? {
                    ensure!(length == response.len(), "more than one response");
                    response.clear();
                    *request = None;
                }
            }
        }
        Ok(())
    }

    /// Connects again after the server has ended the connection. A server of HTTP may do so between two requests
    /// (RFC 9112 §9.5). Returns the request to repeat if no part of its response has arrived.
    pub(super) fn reopen(&mut self) -> Result<Option<Vec<u8>>> {
        let Speech::Api { address, response, request } = &self.speech else {
            bail!("the publisher is a client")
        };
        ensure!(response.is_empty() && !self.sending, "in the middle of a request");
        self.stream = connect(*address)?;
        self.sending = request.is_some();
        Ok(request.clone())
    }
}

fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The length of a response with status 200 and without errors, if it is complete.
pub(super) fn response_length(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4) else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end])?.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.context("a response without a length")?.trim().parse()?;
    if bytes.len() < end + length {
        return Ok(None);
    }
    ensure!(
        head.starts_with("http/1.1 200 ") && memmem::find(bytes, b"\"error\"").is_none(),
        "the server refuses: {}",
        bytes.escape_ascii()
    );
    Ok(Some(end + length))
}

/// A request that publishes once to each channel.
pub(super) fn publishing(dialect: Dialect, address: &str, channels: &[String]) -> Result<Vec<u8>> {
    let content = content();
    match (dialect, channels) {
        (Dialect::Json | Dialect::Protobuf, [channel]) => {
            let body = format!(r#"{{"channel":"{channel}","data":{content}}}"#);
            Ok(hub_request(address, "publish", &body))
        }
        (Dialect::Json | Dialect::Protobuf, channels) => {
            let commands: Vec<String> = channels
                .iter()
                .map(|channel| format!(r#"{{"publish":{{"channel":"{channel}","data":{content}}}}}"#))
                .collect();
            Ok(hub_request(address, "batch", &format!(r#"{{"commands":[{}]}}"#, commands.join(","))))
        }
        (Dialect::Pusher, channels) => {
            let data = serde_json::to_string(&content)?;
            let events: Vec<String> = channels
                .iter()
                .map(|channel| format!(r#"{{"name":"message","channel":"{channel}","data":{data}}}"#))
                .collect();
            pusher_request(address, "batch_events", &format!(r#"{{"batch":[{}]}}"#, events.join(",")))
        }
        (Dialect::Topics | Dialect::SocketIo, _) => bail!("there is no API for back ends"),
    }
}

fn hub_request(address: &str, method: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /api/{method} HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {API_KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A signed request, as the documentation of the Pusher HTTP API describes it.
fn pusher_request(address: &str, method: &str, body: &str) -> Result<Vec<u8>> {
    let path = format!("/apps/{PUSHER_APP}/{method}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let query = format!(
        "auth_key={PUSHER_KEY}&auth_timestamp={now}&auth_version=1.0&body_md5={:x}",
        md5::compute(body)
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, PUSHER_SECRET.as_bytes());
    let tag = hmac::sign(&key, format!("POST\n{path}\n{query}").as_bytes());
    let signature: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!(
        "POST {path}?{query}&auth_signature={signature} HTTP/1.1\r\nHost: {address}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_complete_with_its_body_and_an_error_in_it_is_seen() {
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(response_length(response).unwrap(), Some(response.len()));
        assert_eq!(response_length(&response[..response.len() - 1]).unwrap(), None);
        assert!(response_length(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"error\":{}}").is_err());
        assert!(response_length(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").is_err());
    }
}
