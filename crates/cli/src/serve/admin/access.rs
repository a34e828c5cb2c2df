//! Who may use the admin page.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, Uri};

use super::sessions::{LIFETIME, OperatorSessions, SessionNumber};
use super::tries::Tries;
use crate::config::Secret;
use crate::failure::Failure;
use crate::serve::client_network::Ipv6Prefix;
use crate::serve::secrets::Secrets;

const COOKIE_NAME: &str = "longwire_admin";

/// Decides who may use the admin page.
pub(super) struct Access {
    secrets: Secrets,
    pub(super) sessions: OperatorSessions,
    tries: Tries,
    schemes: PageSchemes,
}

/// How browsers reach the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageSchemes {
    Http,
    Https,
    /// The page has an address of its own, which may be behind a proxy.
    Either,
}

/// Who makes a request that is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    /// Has signed in.
    SignedIn(SessionNumber),
    /// A program with the token.
    Program,
    /// Anybody: there is no password, with `--insecure`.
    Anybody,
}

/// Why a request is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// It does not come from the admin page itself.
    Foreign,
    /// There is no password, and the page was reached by a name that anybody can point here.
    Name,
    /// Nobody has signed in, or the secret is wrong.
    SignIn,
    /// Too many tries; the next is allowed after this time.
    TooManyTries(Duration),
    /// The system has no random numbers for a session.
    Unavailable,
}

/// Somebody has signed in.
pub(super) struct SignedIn {
    /// The value of `Set-Cookie`.
    pub(super) cookie: String,
    /// The sessions that ended for this one.
    pub(super) ended: Vec<SessionNumber>,
}

impl Access {
    pub(super) fn new(
        secrets: &[Secret],
        schemes: PageSchemes,
        ipv6_prefix: Ipv6Prefix,
    ) -> Result<Access, Failure> {
        let secrets = Secrets::new(secrets)?;
        let (sessions, tries) = (OperatorSessions::default(), Tries::new(ipv6_prefix));
        Ok(Access { secrets, sessions, tries, schemes })
    }

    /// Whether no password is needed.
    pub(super) fn is_open(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Replaces the secrets. If they change, all sessions end; returns these.
    pub(super) fn replace(&self, secrets: &[Secret]) -> Vec<SessionNumber> {
        if self.secrets.replace(secrets) { self.sessions.end_all() } else { Vec::new() }
    }

    /// Who makes this request, which comes from `client`.
    pub(super) fn judge(
        &self,
        client: Option<SocketAddr>,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Operator, Denied> {
        let now = Instant::now();
        if !self.is_open()
            && let Some(token) = bearer(headers)
        {
            // No page can send this header to another origin: we allow none to.
            return self.tried(client, token.as_bytes(), now).map(|()| Operator::Program);
        }
        let page = self.own_page(uri, headers)?;
        if self.is_open() {
            // Otherwise a page of anybody could come with a name that its owner points here (DNS rebinding).
            return if page.has_trusted_name { Ok(Operator::Anybody) } else { Err(Denied::Name) };
        }
        let key = cookie(headers).ok_or(Denied::SignIn)?;
        self.sessions.find(key, now).map(Operator::SignedIn).ok_or(Denied::SignIn)
    }

    /// Begins a session for who knows a secret.
    pub(super) fn sign_in(
        &self,
        client: Option<SocketAddr>,
        uri: &Uri,
        headers: &HeaderMap,
        secret: &str,
    ) -> Result<SignedIn, Denied> {
        let page = self.own_page(uri, headers)?;
        let now = Instant::now();
        self.tried(client, secret.as_bytes(), now)?;
        let (key, ended) = self.sessions.begin(now).ok_or(Denied::Unavailable)?;
        let secure = if page.is_secure { "; Secure" } else { "" };
        let max_age = LIFETIME.as_secs();
        let cookie =
            format!("{COOKIE_NAME}={key}; Path=/admin; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}");
        Ok(SignedIn { cookie, ended })
    }

    fn tried(&self, client: Option<SocketAddr>, secret: &[u8], now: Instant) -> Result<(), Denied> {
        let client = client.map(|client| client.ip());
        self.tries.take(client, now).map_err(Denied::TooManyTries)?;
        if !self.secrets.has(secret) {
            return Err(Denied::SignIn);
        }
        self.tries.give_back(client);
        Ok(())
    }

    /// The page that the request comes from, if that is our own. Browsers name it in `Origin`, with WebSockets and with
    /// every POST.
    fn own_page(&self, uri: &Uri, headers: &HeaderMap) -> Result<OwnPage, Denied> {
        let origin = single(headers, ORIGIN).ok_or(Denied::Foreign)?;
        let (scheme, authority) = origin.split_once("://").ok_or(Denied::Foreign)?;
        let is_secure = match (scheme, self.schemes) {
            ("http", PageSchemes::Http | PageSchemes::Either) => false,
            ("https", PageSchemes::Https | PageSchemes::Either) => true,
            _ => return Err(Denied::Foreign),
        };
        let host = match uri.authority() {
            Some(authority) => authority.as_str(),
            None => single(headers, HOST).ok_or(Denied::Foreign)?,
        };
        if !authority.eq_ignore_ascii_case(host) {
            return Err(Denied::Foreign);
        }
        Ok(OwnPage { is_secure, has_trusted_name: is_trusted(host) })
    }
}

/// A page of ours.
struct OwnPage {
    is_secure: bool,
    /// Whether it was reached by an address, or as localhost.
    has_trusted_name: bool,
}

fn is_trusted(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

/// The value of a header that the request has once.
fn single(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = single(headers, AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value)
}

/// The cookie that ends a session in the browser.
pub(super) fn no_cookie() -> String {
    format!("{COOKIE_NAME}=; Path=/admin; Max-Age=0; HttpOnly; SameSite=Strict")
}

#[cfg(test)]
mod tests;
