//! The endpoint, and how connections to it are opened.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri};
use longwire_proto::handshake::{ClientHandshake, ClientKey, encode_request};
use memchr::memmem;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::Socket;

use crate::plan_error::PlanError;
use crate::route::Route;
use crate::series::{self, Coding};
use crate::sources::Sources;
use crate::tls::Session;

/// What stands for the number of a channel in a URL and in the name of a channel.
pub(crate) const NUMBER: &str = "{number}";

/// An endpoint.
#[derive(Debug, Clone)]
pub struct Target {
    route: Route,
    /// How long the lookup of the name took. `None`: there was no name to look up.
    lookup: Option<Duration>,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// One request for each channel; only the keys of its connections differ.
    requests: Vec<UpgradeRequest>,
    coding: Coding,
    path: String,
}

/// A request for a WebSocket, encoded once for all connections.
#[derive(Debug, Clone)]
struct UpgradeRequest {
    handshake: ClientHandshake,
    /// The bytes before the key, and those behind it.
    before: Vec<u8>,
    behind: Vec<u8>,
}

/// What the requests to an endpoint have in common.
#[derive(Debug, Clone, Default)]
pub struct RequestOptions {
    /// Further headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The subprotocols to offer, the preferred one first.
    pub subprotocols: Vec<String>,
    /// The addresses to connect from.
    pub sources: Sources,
    /// The Unix socket to connect to. The URL still sets the request's Host and path, and `sources` have no effect.
    pub unix_socket: Option<PathBuf>,
    /// The configuration of TLS, for `wss://`.
    pub tls: Option<Arc<ClientConfig>>,
    /// How messages travel.
    pub coding: Coding,
    /// How many channels there are. `{number}` in the URL becomes the number of the channel.
    pub channels: usize,
}

impl Target {
    /// Looks the endpoint up. This blocks.
    ///
    /// # Errors
    ///
    /// The URL is not one of a WebSocket, its host has no address, or an option cannot be sent.
    pub fn resolve(url: &str, options: &RequestOptions) -> Result<Target, PlanError> {
        let first = parse(&url.replace(NUMBER, "0"))?;
        let (host, secure) = (first.host().unwrap_or_default().to_owned(), is_secure(&first)?);
        let port = first.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let (route, lookup) = match &options.unix_socket {
            Some(path) => (Route::unix(path)?, None),
            None => Route::resolve(name, port, &options.sources)?,
        };
        let tls = match (secure, &options.tls) {
            (false, _) => None,
            (true, None) => return Err(PlanError::new("a wss:// URL needs a configuration of TLS")),
            (true, Some(config)) => {
                let name = ServerName::try_from(name.to_owned())
                    .map_err(|_| PlanError::new(format!("{name:?} is not the name of a server")))?;
                Some((Arc::clone(config), name))
            }
        };
        let requests = (0..options.channels.max(1))
            .map(|channel| {
                let uri = parse(&url.replace(NUMBER, &channel.to_string()))?;
                Ok(UpgradeRequest::new(handshake(&uri, secure, options)?))
            })
            .collect::<Result<_, PlanError>>()?;
        Ok(Target { route, lookup, tls, requests, coding: options.coding, path: first.path().to_owned() })
    }

    /// How long the lookup of the name took. `None`: there was no name.
    #[must_use]
    pub fn lookup(&self) -> Option<Duration> {
        self.lookup
    }

    /// Whether the endpoint is on this machine: a Unix socket, or addresses of the loopback interface only.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.route.is_local()
    }

    /// The address of the first connection. `None`: it is a Unix socket.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.route.address()
    }

    /// The path of the first channel's requests, without their query.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Whether connections are secured by TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    pub(crate) fn coding(&self) -> Coding {
        self.coding
    }

    /// Begins to connect, without blocking.
    pub(crate) fn connect(&self, number: usize) -> io::Result<Socket> {
        self.route.connect(number)
    }

    pub(crate) fn session(&self) -> Result<Option<Session>, rustls::Error> {
        let session = self.tls.as_ref().map(|(config, name)| Session::new(config, name));
        session.transpose()
    }

    /// Begins a handshake with a key of its own, and appends its request.
    pub(crate) fn handshake(&self, channel: usize, out: &mut Vec<u8>) -> Option<ClientHandshake> {
        let request = self.requests.get(channel % self.requests.len().max(1))?;
        let key = ClientKey::random();
        out.extend_from_slice(&request.before);
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(&request.behind);
        Some(request.handshake.clone().key(key))
    }
}

impl UpgradeRequest {
    fn new(handshake: ClientHandshake) -> UpgradeRequest {
        let key = ClientKey::random();
        let handshake = handshake.key(key.clone());
        let bytes = encode_request(&handshake.request());
        // A random key is nowhere else in the request.
        let at = memmem::find(&bytes, key.as_bytes()).unwrap_or(bytes.len());
        let (before, rest) = bytes.split_at(at);
        let behind = rest.get(key.as_bytes().len()..).unwrap_or_default();
        UpgradeRequest { handshake, before: before.to_vec(), behind: behind.to_vec() }
    }
}

fn parse(url: &str) -> Result<Uri, PlanError> {
    let uri: Uri = url.parse().map_err(|error| PlanError::new(format!("{url:?} is not a URL: {error}")))?;
    if uri.host().is_none_or(str::is_empty) {
        return Err(PlanError::new(format!("{url:?} has no host")));
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(PlanError::new(
            "credentials in a URL are not sent; give an Authorization header instead",
        ));
    }
    Ok(uri)
}

fn is_secure(uri: &Uri) -> Result<bool, PlanError> {
    match uri.scheme_str() {
        Some("ws" | "http") => Ok(false),
        Some("wss" | "https") => Ok(true),
        other => Err(PlanError::new(format!(
            "{} is not the scheme of a WebSocket; use ws:// or wss://",
            other.unwrap_or("nothing")
        ))),
    }
}

fn handshake(uri: &Uri, secure: bool, options: &RequestOptions) -> Result<ClientHandshake, PlanError> {
    let refused = |error: &dyn std::fmt::Display| PlanError::new(error.to_string());
    let host = uri.host().unwrap_or_default();
    let default_port = if secure { 443 } else { 80 };
    let host = match uri.port_u16().filter(|port| *port != default_port) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let host = HeaderValue::try_from(host).map_err(|error| refused(&error))?;
    let mut handshake = ClientHandshake::new(host, uri)
        .subprotocols(&options.subprotocols)
        .map_err(|error| refused(&error))?;
    if options.coding == Coding::Deflate {
        handshake = handshake.extensions(series::deflate().offers()).map_err(|error| refused(&error))?;
    }
    for (name, value) in &options.headers {
        handshake = handshake.header(name.clone(), value.clone()).map_err(|error| refused(&error))?;
    }
    Ok(handshake)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, options: &RequestOptions) -> String {
        let target = Target::resolve(url, options).unwrap();
        let mut bytes = Vec::new();
        let handshake = target.handshake(1, &mut bytes).unwrap();
        assert_eq!(bytes, encode_request(&handshake.request()));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_request_has_the_path_of_its_channel_and_what_was_asked_for() {
        let options = RequestOptions {
            headers: vec![(HeaderName::from_static("x-a"), HeaderValue::from_static("b"))],
            subprotocols: vec!["one".into(), "two".into()],
            channels: 2,
            coding: Coding::Deflate,
            ..RequestOptions::default()
        };
        let request = request("ws://127.0.0.1:8080/channel/{number}?q={number}", &options);
        assert!(request.starts_with("GET /channel/1?q=1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"), "{request}");
        assert!(request.contains("Sec-WebSocket-Protocol: one, two\r\n"), "{request}");
        assert!(request.contains("X-A: b\r\n"), "{request}");
        assert!(request.contains("permessage-deflate; server_no_context_takeover"), "{request}");
    }

    #[test]
    fn what_is_no_websocket_is_refused() {
        for url in ["ftp://127.0.0.1/", "/echo", "ws://", "wss://127.0.0.1/", "ws://me:secret@127.0.0.1/"] {
            assert!(Target::resolve(url, &RequestOptions::default()).is_err(), "{url}");
        }
    }

    #[test]
    fn the_port_of_the_scheme_is_left_out() {
        let request = request("ws://127.0.0.1:80/", &RequestOptions::default());
        assert!(request.contains("Host: 127.0.0.1\r\n"), "{request}");
    }
}
