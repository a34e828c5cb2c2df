//! The hub's configuration, from that of the program.

use std::time::Duration;

use longwire_hub::HubConfig;
use tokio::runtime::Handle;

use super::hooks::Hooks;
use super::jwks::JwksUrl;
use crate::config::Config;

/// What a message of a client may have beside a publication.
pub(super) const ENVELOPE: usize = 64 << 10;

#[cfg(unix)]
fn host_name() -> Option<String> {
    nix::unistd::gethostname().ok()?.into_string().ok()
}

#[cfg(not(unix))]
fn host_name() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}

/// Must be called within a runtime, on which keys of tokens are fetched.
pub(crate) fn hub_config(config: &Config, hooks: &Hooks) -> HubConfig {
    let document = &config.document;
    let mut hub = HubConfig::default();
    hub.namespaces = config.namespaces.clone();
    hub.tokens = config.verifier.clone();
    if let Some(url) = &document.tokens.jwks_url {
        let source =
            JwksUrl { client: hooks.http_client(), url: url.uri().clone(), runtime: Handle::current() };
        hub.tokens = hub.tokens.source(source, document.tokens.refresh_policy());
    }
    hub.name = document.node_name.clone().or_else(host_name).unwrap_or_default();
    hub.insecure = document.tokens.insecure;
    hub.single_connection = document.limits.single_connection;
    hub.limits.user_connections = document.limits.max_connections_per_user;
    hub.limits.channels = document.limits.max_channels_per_client;
    hub.limits.subscribes = document.limits.subscribes_per_minute();
    hub.limits.subscribes_per = Duration::from_secs(60);
    hub.max_waiting_bytes = document.limits.max_buffered.0;
    // What comes live must fit above it.
    hub.limits.plain_history = document.limits.high_water.0 / 2;
    let publication = document.limits.max_publication.0;
    hub.limits.publication = publication;
    // Each character of a JSON string may be escaped.
    hub.limits.frame_bytes =
        hub.limits.frame_bytes.max(publication.saturating_mul(2).saturating_add(ENVELOPE));
    // One for each subscription of a client that returns, and some more.
    hub.limits.frame.commands = hub.limits.frame.commands.max(hub.limits.channels.saturating_add(64));
    hub
}
