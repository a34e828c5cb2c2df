//! URLs with a host, parsed according to the WHATWG URL Standard for the schemes that it calls special.
//!
//! The crate `url` parses every URL and depends on 27 crates to normalize international names. The few schemes here all
//! have a host, so most of the standard is not needed. Tests compare this parser with that crate.

mod error;
mod host;

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

pub(crate) use error::ParseError;

/// The percent-encode sets of the standard, §1.3.
const FRAGMENT: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');
const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'\'');
const PATH: &AsciiSet = &FRAGMENT.add(b'#').add(b'?').add(b'{').add(b'}');
const USERINFO: &AsciiSet = &PATH
    .add(b'/')
    .add(b':')
    .add(b';')
    .add(b'=')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'|');

/// Special URLs allow either character between the parts of a path.
const SLASHES: [char; 2] = ['/', '\\'];

/// A URL with a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: Scheme,
    /// User name and password, percent-encoded; empty if absent.
    username: String,
    password: String,
    host: String,
    port: Option<u16>,
    /// Including the leading slash.
    path: String,
    query: Option<String>,
    fragment: Option<String>,
}

/// The supported schemes, including those of proxies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Ws,
    Wss,
    Http,
    Https,
    Socks5,
    Socks5h,
}

impl Url {
    pub(crate) fn parse(text: &str) -> Result<Url, ParseError> {
        let text = cleaned(text);
        let (scheme, rest) = split_scheme(&text).ok_or(ParseError::Relative)?;
        Url::with_authority(Scheme::of(scheme)?, rest)
    }

    /// Resolves `reference` against this URL.
    pub(crate) fn join(&self, reference: &str) -> Result<Url, ParseError> {
        let text = cleaned(reference);
        match split_scheme(&text) {
            None => self.relative(&text),
            Some((scheme, rest)) => {
                let scheme = Scheme::of(scheme)?;
                // "special relative or authority state": `http:x` is relative to a URL of http.
                let is_relative = scheme == self.scheme && !rest.starts_with("//");
                if is_relative { self.relative(rest) } else { Url::with_authority(scheme, rest) }
            }
        }
    }

    /// Parses the part after the scheme.
    fn with_authority(scheme: Scheme, text: &str) -> Result<Url, ParseError> {
        let text = text.trim_start_matches(SLASHES);
        let end = text.find(['/', '\\', '?', '#']).unwrap_or(text.len());
        let (authority, rest) = text.split_at(end);
        let (userinfo, host_and_port) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (username, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let (host, port) = split_port(host_and_port);
        let encoded = |text| utf8_percent_encode(text, USERINFO).to_string();
        let url = Url {
            scheme,
            username: encoded(username),
            password: encoded(password),
            host: host::parse(host)?,
            port: parse_port(port)?.filter(|&port| port != scheme.default_port()),
            path: String::new(),
            query: None,
            fragment: None,
        };
        Ok(url.with_rest(&[], rest))
    }

    /// Parses a reference relative to this URL.
    fn relative(&self, text: &str) -> Result<Url, ParseError> {
        let root = text.strip_prefix(SLASHES);
        if root.is_some_and(|rest| rest.starts_with(SLASHES)) {
            return Url::with_authority(self.scheme, text);
        }
        let end = text.find(['?', '#']).unwrap_or(text.len());
        let url = self.clone();
        if root.is_some() {
            return Ok(url.with_rest(&[], text));
        }
        if end > 0 {
            let mut folder: Vec<&str> = self.path.split('/').skip(1).collect();
            folder.pop();
            return Ok(url.with_rest(&folder, text));
        }
        // The path stays, and so does the query unless it is replaced.
        let (query, fragment) = split_fragment(text);
        let query =
            query.strip_prefix('?').map_or_else(|| self.query.clone(), |query| Some(encode_query(query)));
        Ok(Url { query, fragment: fragment.map(encode_fragment), ..url })
    }

    /// Replaces path, query and fragment by `text`, relative to the segments in `folder`.
    fn with_rest(mut self, folder: &[&str], text: &str) -> Url {
        let (text, fragment) = split_fragment(text);
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (text, None),
        };
        self.path = joined_path(folder, path.strip_prefix(SLASHES).unwrap_or(path));
        self.query = query.map(encode_query);
        self.fragment = fragment.map(encode_fragment);
        self
    }

    /// Removes and returns user name and password, percent-encoded.
    pub(crate) fn take_userinfo(&mut self) -> (String, String) {
        (std::mem::take(&mut self.username), std::mem::take(&mut self.password))
    }

    /// A name in its ASCII form, or an address; an IPv6 address is in brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.unwrap_or(self.scheme.default_port())
    }

    /// The host, and the port unless it is the scheme's default.
    pub(crate) fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    pub(crate) fn fragment(&self) -> Option<&str> {
        self.fragment.as_deref()
    }

    pub(crate) fn remove_fragment(&mut self) {
        self.fragment = None;
    }
}

impl Scheme {
    fn of(name: &str) -> Result<Scheme, ParseError> {
        let named = [Scheme::Ws, Scheme::Wss, Scheme::Http, Scheme::Https, Scheme::Socks5, Scheme::Socks5h];
        let found = named.into_iter().find(|scheme| name.eq_ignore_ascii_case(scheme.name()));
        found.ok_or(ParseError::Scheme)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Scheme::Ws => "ws",
            Scheme::Wss => "wss",
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Socks5 => "socks5",
            Scheme::Socks5h => "socks5h",
        }
    }

    /// The port of a URL without one.
    pub(crate) fn default_port(self) -> u16 {
        match self {
            Scheme::Ws | Scheme::Http => 80,
            Scheme::Wss | Scheme::Https => 443,
            Scheme::Socks5 | Scheme::Socks5h => 1080,
        }
    }
}

/// Strips surrounding blanks, and removes tabs and line breaks.
fn cleaned(text: &str) -> String {
    text.trim_matches(|char| char <= ' ').replace(['\t', '\n', '\r'], "")
}

/// Splits the scheme from the part after its colon.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let begins_well = scheme.starts_with(|char: char| char.is_ascii_alphabetic());
    let is_scheme = scheme.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char));
    (begins_well && is_scheme).then_some((scheme, rest))
}

/// Splits the host from the port without its colon. The colons of an IPv6 address are in brackets.
fn split_port(text: &str) -> (&str, &str) {
    let bracket = text.rfind(']').unwrap_or(0);
    let colon = text.char_indices().find(|&(at, char)| char == ':' && at >= bracket);
    let Some((colon, _)) = colon else { return (text, "") };
    let (host, port) = text.split_at(colon);
    (host, port.strip_prefix(':').unwrap_or(port))
}

fn parse_port(text: &str) -> Result<Option<u16>, ParseError> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ParseError::Port);
    }
    if text.is_empty() {
        return Ok(None);
    }
    let significant = text.trim_start_matches('0');
    let significant = if significant.is_empty() { "0" } else { significant };
    significant.parse().map(Some).map_err(|_| ParseError::Port)
}

fn split_fragment(text: &str) -> (&str, Option<&str>) {
    match text.split_once('#') {
        Some((text, fragment)) => (text, Some(fragment)),
        None => (text, None),
    }
}

fn encode_query(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

fn encode_fragment(text: &str) -> String {
    utf8_percent_encode(text, FRAGMENT).to_string()
}

/// The path of `text`, which may contain dot segments, in a folder ("path state").
fn joined_path(folder: &[&str], text: &str) -> String {
    let mut path: Vec<String> = folder.iter().map(|&segment| segment.to_owned()).collect();
    let mut segments = text.split(SLASHES).peekable();
    while let Some(segment) = segments.next() {
        let dots = segment.to_ascii_lowercase().replace("%2e", ".");
        match dots.as_str() {
            ".." => drop(path.pop()),
            "." => {}
            _ => {
                path.push(utf8_percent_encode(segment, PATH).to_string());
                continue;
            }
        }
        // A folder ends with a slash.
        if segments.peek().is_none() {
            path.push(String::new());
        }
    }
    format!("/{}", path.join("/"))
}

/// The whole URL, including user name and password.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme.name())?;
        if !self.username.is_empty() || !self.password.is_empty() {
            f.write_str(&self.username)?;
            if !self.password.is_empty() {
                write!(f, ":{}", self.password)?;
            }
            f.write_str("@")?;
        }
        write!(f, "{}{}", self.authority(), self.path)?;
        if let Some(query) = &self.query {
            write!(f, "?{query}")?;
        }
        if let Some(fragment) = &self.fragment {
            write!(f, "#{fragment}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
