//! The hub's configuration, from that of the program.

use longwire_hub::HubConfig;

use crate::config::Config;

pub(crate) fn hub_config(config: &Config) -> HubConfig {
    let document = &config.document;
    let mut hub = HubConfig::default();
    hub.namespaces = config.namespaces.clone();
    hub.tokens = config.verifier.clone();
    hub.insecure = document.tokens.insecure;
    hub.limits.channels = document.limits.max_channels_per_client;
    hub.limits.publication = document.limits.max_publication.0;
    hub
}
