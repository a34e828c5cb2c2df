//! The file `longwire.toml` as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::broker::BrokerSection;
use super::namespaces::NamespaceSection;
use super::operation::{AdminSection, ApiSection, HooksSection, LogSection, ShutdownSection};
use super::server::{AllowedOrigin, EngineName, LimitsSection, Listen, TlsSection, TrustedProxy};
use super::tokens::TokensSection;
use crate::args::proxy::ForwardedHeader;

/// Every section. What is not there has its default.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Document {
    pub(crate) listen: Vec<Listen>,
    pub(crate) origins: Vec<AllowedOrigin>,
    pub(crate) behind_tls_proxy: bool,
    pub(crate) trusted_proxies: Vec<TrustedProxy>,
    pub(crate) forwarded_header: Option<ForwardedHeader>,
    pub(crate) proxy_protocol: bool,
    pub(crate) compression: bool,
    pub(crate) engine: EngineName,
    pub(crate) workers: Option<u16>,
    pub(crate) node_name: Option<String>,
    pub(crate) metrics: bool,
    pub(crate) demo: bool,
    pub(crate) socketio: bool,
    pub(crate) limits: LimitsSection,
    pub(crate) tls: TlsSection,
    pub(crate) tokens: TokensSection,
    pub(crate) broker: BrokerSection,
    pub(crate) api: ApiSection,
    pub(crate) admin: AdminSection,
    pub(super) channels: Option<NamespaceSection>,
    pub(super) namespaces: BTreeMap<String, NamespaceSection>,
    pub(crate) hooks: HooksSection,
    pub(crate) shutdown: ShutdownSection,
    pub(crate) log: LogSection,
}

impl Default for Document {
    fn default() -> Document {
        Document {
            listen: Vec::new(),
            origins: Vec::new(),
            behind_tls_proxy: false,
            trusted_proxies: Vec::new(),
            forwarded_header: None,
            proxy_protocol: false,
            compression: true,
            engine: EngineName::Auto,
            workers: None,
            node_name: None,
            metrics: false,
            demo: true,
            socketio: true,
            limits: LimitsSection::default(),
            tls: TlsSection::default(),
            tokens: TokensSection::default(),
            broker: BrokerSection::default(),
            api: ApiSection::default(),
            admin: AdminSection::default(),
            channels: None,
            namespaces: BTreeMap::new(),
            hooks: HooksSection::default(),
            shutdown: ShutdownSection::default(),
            log: LogSection::default(),
        }
    }
}
