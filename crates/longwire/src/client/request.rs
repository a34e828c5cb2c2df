//! What a client asks a server for.

use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderName, HeaderValue};
use longwire_proto::deflate::Deflate;
use longwire_proto::handshake::ClientHandshake;

use super::address::Address;
use crate::error::{HandshakeError, Result};

/// What a client asks every server for.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    pub(super) subprotocols: Vec<String>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

/// Whether a server is told what the application sends to tell who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrets {
    Told,
    /// Another origin than the application asked for has no right to them.
    Withheld,
}

impl Request {
    /// Adds a header. One that tells who asks is not shown.
    pub(super) fn add(&mut self, name: HeaderName, mut value: HeaderValue) {
        if is_secret(&name) {
            value.set_sensitive(true);
        }
        self.headers.push((name, value));
    }

    /// An opening handshake with the server at `address`.
    pub(super) fn handshake(
        &self,
        address: &Address,
        deflate: Option<&Deflate>,
        secrets: Secrets,
    ) -> Result<ClientHandshake> {
        let request = |error| HandshakeError::Request(error);
        let mut handshake = ClientHandshake::new(address.host_header(), address.target())
            .subprotocols(self.subprotocols.iter().map(String::as_str))
            .map_err(request)?;
        if let Some(deflate) = deflate {
            handshake = handshake.extensions(deflate.offers()).map_err(request)?;
        }
        for (name, value) in &self.headers {
            if secrets == Secrets::Told || !is_secret(name) {
                handshake = handshake.header(name.clone(), value.clone()).map_err(request)?;
            }
        }
        let is_set = self.headers.iter().any(|(name, _)| name == AUTHORIZATION);
        if let Some(credentials) = address.credentials().filter(|_| !is_set && secrets == Secrets::Told) {
            handshake = handshake.header(AUTHORIZATION, credentials.basic()).map_err(request)?;
        }
        Ok(handshake)
    }
}

fn is_secret(name: &HeaderName) -> bool {
    [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Client, Reconnect};

    #[test]
    fn what_tells_who_asks_is_not_shown() {
        let secret = || HeaderValue::from_static("secret");
        let client = Client::new().header(AUTHORIZATION, secret()).header(COOKIE, secret());
        let shown = format!("{client:?} {:?}", client.clone().reconnecting(Reconnect::default()));
        assert!(shown.contains("cookie") && !shown.contains("secret"), "{shown}");
    }
}
