//! Where the hooks are, and how they are called.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Uri};
use tokio::sync::OwnedSemaphorePermit;

use super::gate::Gate;
use super::kind::{HookFailure, HookKind};
use crate::config::{Config, Url};
use crate::failure::Failure;
use crate::http_client::{HttpClient, HttpRequest};
use crate::serve::client_network::Ipv6Prefix;

/// The hooks of a configuration.
pub(super) struct HookTargets {
    pub(super) client: HttpClient,
    /// The headers of the client that are passed on.
    pub(super) headers: Vec<HeaderName>,
    targets: BTreeMap<HookKind, Arc<Target>>,
}

/// A hook that has a URL.
pub(super) struct Target {
    client: HttpClient,
    hook: HookKind,
    url: Uri,
    timeout: Duration,
    max_answer: usize,
    /// By itself, so that a hook without answers does not hold up another one.
    gate: Gate,
    ipv6_prefix: Ipv6Prefix,
}

impl HookTargets {
    pub(super) fn new(config: &Config) -> Result<HookTargets, Failure> {
        let section = &config.document.hooks;
        let urls = [
            (HookKind::Connect, &section.connect),
            (HookKind::Refresh, &section.refresh),
            (HookKind::Subscribe, &section.subscribe),
            (HookKind::Publish, &section.publish),
            (HookKind::Rpc, &section.rpc),
            (HookKind::SubRefresh, &section.sub_refresh),
        ];
        let urls: Vec<_> =
            urls.into_iter().filter_map(|(hook, url)| url.as_ref().map(|url| (hook, url))).collect();
        let mut all = urls.iter().map(|(_, url)| *url).chain(&config.document.tokens.jwks_url);
        let client = HttpClient::new(all.any(Url::is_encrypted))?;
        let target = |hook, url: Uri| Target {
            client: client.clone(),
            hook,
            url,
            timeout: section.timeout.0,
            max_answer: section.max_answer.0,
            gate: Gate::new(section.max_concurrent, section.max_waiting),
            ipv6_prefix: Ipv6Prefix(config.document.limits.ipv6_prefix),
        };
        let targets =
            urls.iter().map(|(hook, url)| (*hook, Arc::new(target(*hook, url.uri().clone())))).collect();
        let headers = section.headers.iter().map(|name| name.0.clone()).collect();
        Ok(HookTargets { client, headers, targets })
    }

    pub(super) fn get(&self, hook: HookKind) -> Option<Arc<Target>> {
        self.targets.get(&hook).cloned()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }
}

impl Target {
    /// Waits for its turn. `client` is the address of who causes the request.
    pub(super) async fn turn(&self, client: Option<SocketAddr>) -> Result<OwnedSemaphorePermit, HookFailure> {
        let address = client.map(|client| self.ipv6_prefix.network(client.ip()));
        self.gate.enter(address, self.timeout).await
    }

    /// Asks the back end. The permit is that of its turn.
    pub(super) async fn ask(
        &self,
        _permit: OwnedSemaphorePermit,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Bytes, HookFailure> {
        let request = HttpRequest {
            method: Method::POST,
            url: self.url.clone(),
            headers,
            body,
            is_repeatable: self.hook.is_repeatable(),
            timeout: self.timeout,
            max_answer: self.max_answer,
        };
        self.client.send(&request).await.map_err(HookFailure::Http)
    }
}
