//! What the program prints when it has begun to serve.

use std::net::SocketAddr;

use longwire::Engine;

use super::settings::SHUTDOWN_TIME;
use crate::config::Config;
use crate::log::{self, NOTICE, Severity};

pub(super) struct Announcement<'a> {
    pub(super) address: SocketAddr,
    pub(super) api: SocketAddr,
    pub(super) has_api: bool,
    /// Where the admin page is, if it is served.
    pub(super) admin: Option<SocketAddr>,
    pub(super) secure: bool,
    pub(super) engine: Engine,
    pub(super) workers: usize,
    pub(super) config: &'a Config,
}

impl Announcement<'_> {
    pub(super) fn print(&self) {
        let tokens = &self.config.document.tokens;
        if tokens.insecure {
            log::notice(
                Severity::Warning,
                "INSECURE: anybody who reaches this server may subscribe and publish to every channel, without a \
                 token. Use --insecure (tokens.insecure) for development only.",
            );
        }
        let (http, ws) = if self.secure { ("https", "wss") } else { ("http", "ws") };
        let shown = shown(self.address);
        let api = match self.has_api {
            // The API has its own address without TLS.
            true if self.api != self.address => format!("http://{}/api/{{method}}", self::shown(self.api)),
            true => format!("{http}://{shown}/api/{{method}}"),
            false => "off: there is no key in [api] keys or LONGWIRE_API_KEYS".to_owned(),
        };
        let admin = match self.admin {
            Some(address) if address != self.address => format!("http://{}/admin", self::shown(address)),
            Some(_) => format!("{http}://{shown}/admin"),
            None => "off: serve the page for operators with --admin".to_owned(),
        };
        let access = if tokens.insecure {
            "off: everybody may do everything (--insecure)"
        } else if self.config.has_keys {
            "on: clients with a token are users; others are anonymous"
        } else {
            "off: there is no key in [tokens], so every client is anonymous"
        };
        if log::is_json() {
            return tracing::info!(
                target: NOTICE,
                version = env!("CARGO_PKG_VERSION"),
                engine = %self.engine,
                workers = self.workers,
                page = format!("{http}://{shown}/"),
                client = format!("{ws}://{shown}/connection/websocket"),
                api,
                tokens = access,
                "serving"
            );
        }
        let lines = format!(
            "Longwire {} · event loops: {} × {}\n  \
               page     {http}://{shown}/\n  \
               client   {ws}://{shown}/connection/websocket\n  \
               channel  {ws}://{shown}/channel/{{name}}\n  \
               api      {api}\n  \
               admin    {admin}\n  \
               tokens   {access}\n  \
               echo     {ws}://{shown}/echo\n  \
               ticker   {ws}://{shown}/ticker\n\
             Ctrl-C closes every connection and waits up to {} s for the last.\n",
            env!("CARGO_PKG_VERSION"),
            self.workers,
            self.engine,
            SHUTDOWN_TIME.as_secs(),
        );
        // Keep serving if nobody reads standard output.
        let _unread = std::io::Write::write_all(&mut std::io::stdout(), lines.as_bytes());
    }
}

/// The address; for a wildcard address, a local one that can be clicked on.
fn shown(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => format!("127.0.0.1:{}", address.port()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => format!("[::1]:{}", address.port()),
        address => address.to_string(),
    }
}
