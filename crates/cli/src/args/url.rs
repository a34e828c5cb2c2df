//! The URL of an endpoint, as given on the command line.

use std::net::Ipv4Addr;
use std::str::FromStr;

/// The port of `https://` and `wss://`.
const SECURE_PORT: &str = "443";

/// A URL, completed if its scheme or host was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndpointUrl {
    url: String,
    scheme: Scheme,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Given,
    Assumed,
}

impl EndpointUrl {
    pub(crate) fn as_str(&self) -> &str {
        &self.url
    }

    /// What to say about the scheme if it was not given. Credentials are not shown.
    pub(crate) fn assumption(&self) -> Option<String> {
        match self.scheme {
            Scheme::Given => None,
            Scheme::Assumed => {
                Some(format!("longwire: connecting to {}; write ws:// or wss:// to choose", self.shown()))
            }
        }
    }

    /// The URL without user name and password.
    pub(crate) fn shown(&self) -> String {
        let Some((scheme, rest)) = self.url.split_once("://") else { return self.url.clone() };
        let authority = authority(rest);
        match authority.rsplit_once('@') {
            Some((credentials, _)) => {
                let begin = credentials.len() + 1;
                format!("{scheme}://{}", rest.get(begin..).unwrap_or_default())
            }
            None => self.url.clone(),
        }
    }
}

impl FromStr for EndpointUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<EndpointUrl, String> {
        check_scheme(text)?;
        check_port(text)?;
        Ok(match complete(text) {
            Some(url) => EndpointUrl { url, scheme: Scheme::Assumed },
            None => EndpointUrl { url: text.to_owned(), scheme: Scheme::Given },
        })
    }
}

/// A scheme without its two slashes would become a host name. Hosts can have these names, but then a port follows.
fn check_scheme(text: &str) -> Result<(), String> {
    let Some((scheme, rest)) = text.split_once(':') else { return Ok(()) };
    let is_scheme = ["ws", "wss", "http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let is_port = rest.starts_with(|first: char| first.is_ascii_digit());
    if !is_scheme || is_port || rest.is_empty() || rest.starts_with("//") || authority(text).contains('@') {
        return Ok(());
    }
    Err(format!("two slashes follow a scheme: {scheme}://{}", rest.trim_start_matches('/')))
}

/// A number alone is a port of this machine, never an IPv4 address that is written as one number.
fn check_port(text: &str) -> Result<(), String> {
    let authority = authority(text);
    let port = authority.strip_prefix(':').unwrap_or(authority);
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && port.parse::<u16>().is_err() {
        return Err(format!("{port} is not a port: ports are 1 to 65535"));
    }
    Ok(())
}

/// The URL that is meant by one without scheme. The default host is this machine. `ws://` is meant for this machine and
/// for ports other than 443, otherwise `wss://`.
fn complete(text: &str) -> Option<String> {
    if has_scheme(text) {
        return None;
    }
    let authority = authority(text);
    if authority.starts_with(':') {
        return Some(format!("ws://localhost{text}"));
    }
    if authority.parse::<u16>().is_ok() {
        return Some(format!("ws://localhost:{text}"));
    }
    let scheme = if is_plain(authority) { "ws" } else { "wss" };
    Some(format!("{scheme}://{text}"))
}

fn is_plain(authority: &str) -> bool {
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, host_port)| host_port);
    let (host, port) = match host_port.rsplit_once(':') {
        // The last colon of an IPv6 address is inside its brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (host_port, None),
    };
    is_this_machine(host) || port.is_some_and(|port| port != SECURE_PORT)
}

fn is_this_machine(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
}

/// The part of a URL without scheme that names the host.
fn authority(text: &str) -> &str {
    text.split(['/', '?', '#']).next().unwrap_or_default()
}

fn has_scheme(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> EndpointUrl {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_left_out_is_what_most_people_mean() {
        for (text, expected) in [
            ("127.0.0.1:8080/echo", "ws://127.0.0.1:8080/echo"),
            ("[::1]:8080", "ws://[::1]:8080"),
            ("[::1]", "ws://[::1]"),
            ("localhost:8080/echo", "ws://localhost:8080/echo"),
            ("localhost:443", "ws://localhost:443"),
            ("App.Localhost/x", "ws://App.Localhost/x"),
            (":8080/echo", "ws://localhost:8080/echo"),
            ("8080", "ws://localhost:8080"),
            ("8080/echo", "ws://localhost:8080/echo"),
            ("a.example:8080/?x", "ws://a.example:8080/?x"),
            ("a.example", "wss://a.example"),
            ("a.example:443/echo", "wss://a.example:443/echo"),
            ("[2001:db8::1]", "wss://[2001:db8::1]"),
            ("me:secret@a.example", "wss://me:secret@a.example"),
            ("me:8080@localhost", "ws://me:8080@localhost"),
            ("a.example/?to=http://b.example", "wss://a.example/?to=http://b.example"),
        ] {
            assert_eq!(url(text).as_str(), expected);
            assert!(url(text).assumption().is_some_and(|said| said.contains("://")), "{text}");
        }
    }

    #[test]
    fn a_given_scheme_stays_as_it_is() {
        for text in ["ws://a.example", "WSS://a.example:80", "ftp://a.example"] {
            assert_eq!(url(text).as_str(), text);
            assert_eq!(url(text).assumption(), None);
        }
    }

    /// Regression: the scheme became the name of a host, which could not be looked up.
    #[test]
    fn a_scheme_without_its_slashes_is_a_mistake() {
        let problem = |text: &str| text.parse::<EndpointUrl>().unwrap_err();
        assert_eq!(problem("ws:/a.example/x"), "two slashes follow a scheme: ws://a.example/x");
        assert_eq!(problem("HTTPS:a.example"), "two slashes follow a scheme: HTTPS://a.example");
        // A user, and a host that has such a name.
        assert_eq!(url("ws:secret@localhost").as_str(), "ws://ws:secret@localhost");
        assert_eq!(url("ws:8080/x").as_str(), "ws://ws:8080/x");
    }

    #[test]
    fn credentials_are_not_shown() {
        assert_eq!(url("wss://me:se@cret@a.example/x?y=@").shown(), "wss://a.example/x?y=@");
        assert_eq!(url("wss://a.example/@x").shown(), "wss://a.example/@x");
        assert!(!url("me:secret@a.example").assumption().unwrap().contains("secret"));
    }
}
