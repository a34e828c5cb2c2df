//! The client's request.

use http::header::{AUTHORIZATION, COOKIE, FROM, ORIGIN, PROXY_AUTHORIZATION, REFERER, USER_AGENT};
use http::{HeaderName, HeaderValue};
use longwire_proto::deflate::Deflate;
use longwire_proto::handshake::ClientHandshake;

use super::address::Address;
use super::credentials::Credentials;
use crate::error::{HandshakeError, InvalidSetting, Result, header};

/// Headers that a request has at most once, besides `Cookie` (RFC 9110 §5.3): a later value replaces an earlier one.
const SINGLE: [HeaderName; 6] = [AUTHORIZATION, PROXY_AUTHORIZATION, ORIGIN, USER_AGENT, REFERER, FROM];

/// The part of the request that is the same for every server.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    pub(super) subprotocols: Vec<String>,
    /// User name and password. They take precedence over those of the URL, and a header `Authorization` over both.
    pub(super) credentials: Option<Credentials>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The first error about a header that cannot be sent.
    invalid: Option<InvalidSetting>,
}

/// Whether the request contains the application's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrets {
    Sent,
    /// The redirect leads to another origin, which must not receive them.
    Withheld,
}

impl Request {
    /// Adds a header, or stores the error if it is invalid.
    pub(super) fn add<V: TryInto<HeaderValue>>(&mut self, name: &str, value: V) {
        match header("Client::header", name, value) {
            Ok((name, value)) => self.push(name, value),
            Err(invalid) => self.invalid = Some(invalid),
        }
    }

    /// Rejects a header that cannot be sent.
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        self.invalid.clone().map_or(Ok(()), Err)
    }

    /// Adds a header. Credentials are marked as sensitive.
    fn push(&mut self, name: HeaderName, mut value: HeaderValue) {
        if name == COOKIE {
            value = self.take_cookies(value);
        } else if SINGLE.contains(&name) {
            self.headers.retain(|(set, _)| *set != name);
        }
        if is_secret(&name) {
            value.set_sensitive(true);
        }
        self.headers.push((name, value));
    }

    /// Joins the earlier cookies and `added` in one value: a request has one line of cookies (RFC 6265 §5.4).
    fn take_cookies(&mut self, added: HeaderValue) -> HeaderValue {
        let Some(position) = self.headers.iter().position(|(name, _)| *name == COOKIE) else { return added };
        let (_, before) = self.headers.remove(position);
        let joined = [before.as_bytes(), b"; ", added.as_bytes()].concat();
        // Both are valid header values, and so is their concatenation.
        HeaderValue::from_bytes(&joined).unwrap_or(added)
    }

    /// Builds an opening handshake with the server at `address`.
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
            if secrets == Secrets::Sent || !is_secret(name) {
                handshake = handshake.header(name.clone(), value.clone()).map_err(request)?;
            }
        }
        let is_set = self.headers.iter().any(|(name, _)| name == AUTHORIZATION);
        let credentials = self.credentials.as_ref().or(address.credentials());
        if let Some(credentials) = credentials.filter(|_| !is_set && secrets == Secrets::Sent) {
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

    /// The lines of a header in the request that `client` sends to `url`.
    fn lines(client: &Client, url: &str, name: HeaderName) -> Vec<String> {
        let address = Address::parse(url).unwrap();
        let request = client.request.handshake(&address, None, Secrets::Sent).unwrap().request();
        let lines = request.headers().get_all(name).iter();
        lines.map(|line| line.to_str().unwrap().to_owned()).collect()
    }

    /// Regression: two lines were sent, but RFC 9110 §5.3 allows one.
    #[test]
    fn who_asks_is_told_once_by_the_header_then_the_setting_then_the_url() {
        let (url, basic) = ("ws://url:x@a.example/", |user| format!("Basic {user}"));
        let header = |client: Client, value| client.header(AUTHORIZATION, HeaderValue::from_static(value));
        let of = |client: &Client| lines(client, url, AUTHORIZATION);
        assert_eq!(of(&Client::new()), [basic("dXJsOng=")]);
        let set = Client::new().basic_auth("set", "x");
        assert_eq!(of(&set), [basic("c2V0Ong=")]);
        assert_eq!(of(&header(set, "Bearer 1")), ["Bearer 1"]);
        assert_eq!(of(&header(Client::new(), "Bearer 1").basic_auth("set", "x")), ["Bearer 1"]);
        assert_eq!(of(&header(header(Client::new(), "Bearer 1"), "Bearer 2")), ["Bearer 2"]);
    }

    #[test]
    fn a_header_that_stands_once_is_replaced_cookies_are_joined_and_others_are_added() {
        let client = |name: &HeaderName| {
            let client = Client::new().header(name.clone(), HeaderValue::from_static("a"));
            client.header(name.clone(), HeaderValue::from_static("b"))
        };
        for name in SINGLE {
            assert_eq!(lines(&client(&name), "ws://a.example/", name.clone()), ["b"], "{name}");
        }
        assert_eq!(lines(&client(&COOKIE), "ws://a.example/", COOKIE), ["a; b"]);
        let other = HeaderName::from_static("x-other");
        assert_eq!(lines(&client(&other), "ws://a.example/", other), ["a", "b"]);
    }
}
