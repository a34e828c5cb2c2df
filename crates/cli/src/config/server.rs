//! How the server listens, and what connections may use.

use std::num::NonZeroU32;
use std::path::PathBuf;

use longwire::{Keepalive, Limits, Origin};
use serde::Deserialize;

use super::problem::Problem;
use crate::args::listen::ListenAddr;
use crate::args::proxy::ProxyAddress;
use crate::values::{Parsed, Period, Size};

/// `[limits]`: what clients may use. The defaults are those of the flags.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitsSection {
    pub(crate) max_message: Size,
    pub(crate) max_fragments: u32,
    pub(crate) max_connections: usize,
    pub(crate) max_connections_per_ip: usize,
    pub(crate) ipv6_prefix: u8,
    pub(crate) max_buffered: Size,
    pub(crate) max_head: Size,
    pub(crate) max_headers: usize,
    pub(crate) handshake_timeout: Period,
    pub(crate) close_timeout: Period,
    pub(crate) idle_timeout: Option<Period>,
    pub(crate) keepalive: Period,
    pub(crate) keepalive_timeout: Period,
    pub(crate) high_water: Size,
    pub(crate) low_water: Option<Size>,
    pub(crate) max_control_replies: Size,
    /// The most channels that a client may be subscribed to.
    pub(crate) max_channels_per_client: usize,
    /// How often a client may ask to subscribe. By default 3,000, or twice as often as it may have channels.
    pub(crate) max_subscribes_per_minute: Option<NonZeroU32>,
    /// The most connections of one user; 0 for any number.
    pub(crate) max_connections_per_user: usize,
    /// Whether a new connection of a user ends the older ones.
    pub(crate) single_connection: bool,
    /// The longest content of a publication, in bytes.
    pub(crate) max_publication: Size,
}

/// `[tls]`: the certificate.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TlsSection {
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

/// How to do I/O: `engine`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EngineName {
    #[default]
    Auto,
    Uring,
    Readiness,
}

/// An address to listen on.
pub(crate) type Listen = Parsed<ListenAddr>;

/// A proxy that names the address of clients.
pub(crate) type TrustedProxy = Parsed<ProxyAddress>;

/// An origin whose pages may connect.
pub(crate) type AllowedOrigin = Parsed<Origin>;

/// The least default of `max_subscribes_per_minute`.
const SUBSCRIBES_PER_MINUTE: u32 = 3_000;

/// The default of `low_water`.
const LOW_WATER: usize = 64 << 10;

impl Default for LimitsSection {
    fn default() -> LimitsSection {
        LimitsSection {
            max_message: Size(16 << 20),
            max_fragments: 1 << 17,
            max_connections: 16_384,
            max_connections_per_ip: 1_024,
            ipv6_prefix: 64,
            max_buffered: Size(1 << 30),
            max_head: Size(16 << 10),
            max_headers: 100,
            handshake_timeout: Period::seconds(10),
            close_timeout: Period::seconds(10),
            idle_timeout: None,
            keepalive: Period::seconds(30),
            keepalive_timeout: Period::seconds(20),
            high_water: Size(256 << 10),
            low_water: None,
            max_control_replies: Size(16 << 10),
            max_channels_per_client: 128,
            max_subscribes_per_minute: None,
            max_connections_per_user: 0,
            single_connection: false,
            max_publication: Size(64 << 10),
        }
    }
}

impl LimitsSection {
    /// The limits of one connection.
    pub(crate) fn connection(&self) -> Limits {
        let low_water = self.low_water.map_or(LOW_WATER.min(self.high_water.0), |low| low.0);
        Limits::default()
            .message(self.max_message.0)
            .fragments(self.max_fragments)
            .handshake_bytes(self.max_head.0)
            .handshake_headers(self.max_headers)
            .handshake_time(self.handshake_timeout.0)
            .close_time(self.close_timeout.0)
            .idle_time(self.idle_timeout.map(|time| time.0))
            .keepalive(Keepalive::every(self.keepalive.0).within(self.keepalive_timeout.0))
            .low_water(low_water)
            .high_water(self.high_water.0)
            .control_replies(self.max_control_replies.0)
    }

    /// How often a client may ask to subscribe, in a minute.
    pub(crate) fn subscribes_per_minute(&self) -> NonZeroU32 {
        self.max_subscribes_per_minute.unwrap_or_else(|| {
            let twice = u32::try_from(self.max_channels_per_client.saturating_mul(2)).unwrap_or(u32::MAX);
            NonZeroU32::new(twice.max(SUBSCRIBES_PER_MINUTE)).unwrap_or(NonZeroU32::MAX)
        })
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut need = |is_right: bool, key: &str, message: &str| {
            if !is_right {
                found.push(Problem::new(format!("limits.{key}"), message));
            }
        };
        for (key, number) in [
            ("max_connections", self.max_connections),
            ("max_connections_per_ip", self.max_connections_per_ip),
            ("max_buffered", self.max_buffered.0),
            ("max_channels_per_client", self.max_channels_per_client),
            ("max_publication", self.max_publication.0),
        ] {
            need(number > 0, key, "must be at least 1");
        }
        for (key, time) in [
            ("handshake_timeout", self.handshake_timeout),
            ("close_timeout", self.close_timeout),
            ("keepalive", self.keepalive),
            ("keepalive_timeout", self.keepalive_timeout),
        ] {
            need(!time.0.is_zero(), key, "must be above 0");
        }
        let is_single = self.single_connection;
        let without_effect = "has no effect with single_connection";
        need(!is_single || self.max_connections_per_user == 0, "max_connections_per_user", without_effect);
        let subscribes = usize::try_from(self.subscribes_per_minute().get()).unwrap_or(usize::MAX);
        let for_all = "must be at least max_channels_per_client: a client that returns subscribes to all of its channels";
        need(subscribes >= self.max_channels_per_client, "max_subscribes_per_minute", for_all);
        need(self.max_fragments > 0, "max_fragments", "must be at least 1");
        need(self.ipv6_prefix <= 128, "ipv6_prefix", "is a number of bits from 0 to 128");
        need(self.idle_timeout.is_none_or(|time| !time.0.is_zero()), "idle_timeout", "must be above 0");
        let low = self.low_water.map_or(0, |low| low.0);
        need(low <= self.high_water.0, "low_water", "must not be above high_water");
        need(self.max_head.0 >= 129, "max_head", "must be at least 129");
        need(self.max_headers >= 5, "max_headers", "must be at least 5");
        match self.connection().check() {
            Err(error) if found.is_empty() => vec![Problem::new("limits", error)],
            _ => found,
        }
    }
}

impl TlsSection {
    pub(super) fn problems(&self) -> Vec<Problem> {
        match (&self.certificate, &self.key) {
            (Some(_), None) => vec![Problem::new("tls.certificate", "needs tls.key")],
            (None, Some(_)) => vec![Problem::new("tls.key", "needs tls.certificate")],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_keys_the_limits_are_those_of_the_library() {
        assert_eq!(LimitsSection::default().connection(), Limits::default());
        assert!(LimitsSection::default().problems().is_empty());
    }

    #[test]
    fn a_client_may_subscribe_often_enough_to_return_with_all_of_its_channels() {
        let with = |max_channels_per_client, count| {
            let max_subscribes_per_minute = NonZeroU32::new(count);
            LimitsSection { max_channels_per_client, max_subscribes_per_minute, ..LimitsSection::default() }
        };
        assert_eq!(with(128, 0).subscribes_per_minute().get(), 3_000);
        assert_eq!(with(10_000, 0).subscribes_per_minute().get(), 20_000);
        assert_eq!(with(10_000, 10_000).subscribes_per_minute().get(), 10_000);
        let problems = with(10_000, 9_999).problems();
        assert_eq!(problems.len(), 1);
        assert!(format!("{problems:?}").contains("limits.max_subscribes_per_minute"), "{problems:?}");
    }
}
