//! `[api]`, `[admin]`, `[hooks]`, `[shutdown]` and `[log]`: the back end and the operator.

use http::{HeaderName, header};
use serde::Deserialize;

use super::problem::Problem;
use super::secret::Secret;
use super::server::Listen;
use super::url::Url;
use crate::log::{LogFilter, LogFormat};
use crate::values::{Parsed, Period, Size};

/// The headers that hooks never pass on: those that are about a single connection, and about its own request's body.
const OWN_HEADERS: [HeaderName; 10] = [
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The shortest key of the API, and the shortest password, in bytes.
const MIN_SECRET: usize = 16;

/// `[api]`: the HTTP API of the back end.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ApiSection {
    /// Its own addresses; empty if it is served where clients connect.
    pub(crate) listen: Vec<Listen>,
    /// Each of them opens the API; without any, there is none.
    pub(crate) keys: Vec<Secret>,
}

/// `[admin]`: the page for the operator.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AdminSection {
    pub(crate) enabled: bool,
    /// Its own addresses; empty if it is served where clients connect.
    pub(crate) listen: Vec<Listen>,
    /// What a person signs in with.
    pub(crate) password: Option<Secret>,
    /// What a program sends as `Authorization: Bearer …`.
    pub(crate) token: Option<Secret>,
}

/// `[hooks]`: URLs of the back end that decide.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HooksSection {
    pub(crate) connect: Option<Url>,
    pub(crate) refresh: Option<Url>,
    pub(crate) subscribe: Option<Url>,
    pub(crate) publish: Option<Url>,
    pub(crate) rpc: Option<Url>,
    pub(crate) sub_refresh: Option<Url>,
    /// How long the back end may take.
    pub(crate) timeout: Period,
    /// The most requests of each hook at a time.
    pub(crate) max_concurrent: usize,
    /// The most requests of each hook that wait for others to end.
    pub(crate) max_waiting: usize,
    /// The longest answer.
    pub(crate) max_answer: Size,
    /// The headers of the client's request that are passed on.
    pub(crate) headers: Vec<Parsed<HeaderName>>,
}

/// `[shutdown]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ShutdownSection {
    /// The time over which clients are closed; without it, it depends on their number.
    pub(crate) spread: Option<Period>,
}

/// `[log]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogSection {
    pub(crate) level: Parsed<LogFilter>,
    pub(crate) format: LogFormat,
    /// Whether there is a line for each connection.
    pub(crate) access: bool,
}

impl Default for HooksSection {
    fn default() -> HooksSection {
        HooksSection {
            connect: None,
            refresh: None,
            subscribe: None,
            publish: None,
            rpc: None,
            sub_refresh: None,
            timeout: Period::seconds(2),
            max_concurrent: 256,
            max_waiting: 1_024,
            max_answer: Size(1 << 20),
            headers: Vec::new(),
        }
    }
}

impl ApiSection {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        for (index, key) in self.keys.iter().enumerate() {
            if key.as_bytes().len() < MIN_SECRET {
                found.push(too_short(format!("api.keys.{index}")));
            }
        }
        if self.keys.is_empty() && !self.listen.is_empty() {
            found.push(Problem::new("api.listen", "needs api.keys: without a key, there is no API"));
        }
        found
    }
}

impl AdminSection {
    /// Each of them opens the page.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        self.password.iter().chain(&self.token).cloned().collect()
    }

    pub(super) fn problems(&self, is_insecure: bool) -> Vec<Problem> {
        let secrets = [("admin.password", &self.password), ("admin.token", &self.token)];
        let is_short = |secret: &Option<Secret>| {
            secret.as_ref().is_some_and(|secret| secret.as_bytes().len() < MIN_SECRET)
        };
        let short = secrets.into_iter().filter(|(_, secret)| is_short(secret));
        let mut found: Vec<Problem> = short.map(|(key, _)| too_short(key.into())).collect();
        if self.enabled && self.secrets().is_empty() && !is_insecure {
            found.push(Problem::new("admin.enabled", "needs admin.password or admin.token"));
        }
        found
    }
}

fn too_short(key: String) -> Problem {
    Problem::new(key, format!("must have at least {MIN_SECRET} bytes (make one: openssl rand -hex 16)"))
}

impl HooksSection {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        if self.timeout.0.is_zero() {
            found.push(Problem::new("hooks.timeout", "must be above 0"));
        }
        if self.max_concurrent == 0 {
            found.push(Problem::new("hooks.max_concurrent", "must be at least 1"));
        }
        for (index, name) in self.headers.iter().enumerate() {
            if OWN_HEADERS.contains(&name.0) {
                let message = format!("{} is a header of the hook's own request", name.0);
                found.push(Problem::new(format!("hooks.headers.{index}"), message));
            }
        }
        found
    }
}
