//! What the program prints when it has begun to serve.

use longwire::{Engine, UringRefusal};

use super::listen::Place;
use super::settings::SHUTDOWN_TIME;
use crate::config::Config;
use crate::log::{self, NOTICE, Severity};

/// What the other engine costs, from `docs/benchmarks.md`.
const COST_OF_READINESS: &str = "a small message costs up to 1.3 times as much CPU (docs/program.md#engines)";

pub(super) struct Announcement<'a> {
    /// Where the server listens.
    pub(super) places: &'a [Place],
    /// The same for the API, if it has its own addresses.
    pub(super) api: &'a [Place],
    pub(super) has_api: bool,
    /// The own addresses of the admin page, if it is served; empty where clients connect.
    pub(super) admin: Option<&'a [Place]>,
    pub(super) secure: bool,
    pub(super) engine: Engine,
    /// Why that is not io_uring, if it could have been.
    pub(super) refusal: Option<UringRefusal>,
    pub(super) workers: usize,
    pub(super) config: &'a Config,
}

impl Announcement<'_> {
    /// The host in URLs of the server. Behind a Unix socket, it has any name.
    fn host(&self) -> String {
        let address = self.places.iter().find(|place| matches!(place, Place::Address(_)));
        address.map_or_else(|| "localhost".to_owned(), Place::to_string)
    }

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
        let shown = self.host();
        let listen = join(self.places, Place::to_string);
        let api = match self.has_api {
            // Its own addresses have no TLS.
            true if !self.api.is_empty() => join(self.api, |place| match place {
                Place::Address(_) => format!("http://{place}/api/{{method}}"),
                _ => format!("{place} (/api/{{method}})"),
            }),
            true => format!("{http}://{shown}/api/{{method}}"),
            false => "off: there is no key in [api] keys or LONGWIRE_API_KEYS".to_owned(),
        };
        let admin = match self.admin {
            Some(places) if !places.is_empty() => join(places, |place| match place {
                Place::Address(_) => format!("http://{place}/admin"),
                _ => format!("{place} (/admin)"),
            }),
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
        let refusal = self.refusal.as_ref().map(|refusal| format!("{refusal}; {COST_OF_READINESS}"));
        let broker = self.config.document.broker.shown();
        if log::is_json() {
            return tracing::info!(
                target: NOTICE,
                version = env!("CARGO_PKG_VERSION"),
                engine = %self.engine,
                why_not_uring = refusal.as_deref(),
                workers = self.workers,
                listen,
                page = format!("{http}://{shown}/"),
                client = format!("{ws}://{shown}/connection/websocket"),
                api,
                admin,
                tokens = access,
                broker,
                "serving"
            );
        }
        let refusal = refusal.map_or_else(String::new, |refusal| format!("engine   {refusal}\n  "));
        let lines = format!(
            "Longwire {} · event loops: {} × {}\n  \
               {refusal}listen   {listen}\n  \
               page     {http}://{shown}/\n  \
               client   {ws}://{shown}/connection/websocket\n  \
               channel  {ws}://{shown}/channel/{{name}}\n  \
               api      {api}\n  \
               admin    {admin}\n  \
               tokens   {access}\n  \
               broker   {broker}\n  \
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

/// The places in one line.
fn join(places: &[Place], shown: impl Fn(&Place) -> String) -> String {
    places.iter().map(shown).collect::<Vec<_>>().join(", ")
}
