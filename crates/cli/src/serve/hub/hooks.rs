//! The back end that decides, asked by web hooks.

mod gate;
mod kind;
mod question;
mod reading;
mod reports;
mod targets;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use http::HeaderMap;
use longwire_hub::centrifuge::Encoding;
use longwire_hub::{
    Backend, BackendError, BoxFuture, ChannelName, ConnectGrant, ConnectHook, Data, HookAnswer, HookClient,
    Millis, PublishGrant, RefreshGrant, SubscribeGrant, Transport, TransportKind, TransportOrigin,
};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::config::Config;
use crate::failure::Failure;
use crate::http_client::HttpClient;
use kind::{HookFailure, HookKind, WITHOUT_ANSWER};
use question::HookQuestion;
use reading::Read;
use reports::FailureReports;
use targets::HookTargets;

/// The hooks, over HTTP: JSON as Centrifugo's proxies speak it.
pub(crate) struct Hooks {
    targets: RwLock<Arc<HookTargets>>,
    reports: Arc<FailureReports>,
    /// Requests run here: the loops of connections never wait for the back end.
    runtime: Handle,
}

type Pending<T> = BoxFuture<Result<Result<T, BackendError>, HookFailure>>;

impl Hooks {
    /// The hooks of a configuration. Must be called within a runtime.
    pub(crate) fn new(config: &Config) -> Result<Hooks, Failure> {
        let targets = RwLock::new(Arc::new(HookTargets::new(config)?));
        Ok(Hooks { targets, reports: Arc::default(), runtime: Handle::current() })
    }

    /// Replaces the configuration. Requests that run go on.
    pub(crate) fn configure(&self, config: &Config) -> Result<(), Failure> {
        let targets = Arc::new(HookTargets::new(config)?);
        *self.targets.write().unwrap_or_else(PoisonError::into_inner) = targets;
        Ok(())
    }

    /// The client for other requests of the hub.
    pub(super) fn http_client(&self) -> HttpClient {
        self.targets().client.clone()
    }

    /// How a client is connected, with what hooks may learn of it.
    pub(super) fn transport(
        &self,
        kind: TransportKind,
        encoding: Encoding,
        peer: Option<SocketAddr>,
        headers: &HeaderMap,
    ) -> Transport {
        let (transport, targets) = (Transport::new(kind, encoding), self.targets());
        if targets.is_empty() {
            return transport;
        }
        let headers = question::chosen(&targets.headers, headers);
        let peer = peer.map(|peer| peer.to_string()).unwrap_or_default();
        transport.origin(TransportOrigin { peer, headers })
    }

    fn targets(&self) -> Arc<HookTargets> {
        Arc::clone(&self.targets.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks the back end, if the hook has a URL. A request that waits for its turn is left out once its client is gone.
    fn ask<T: Send + 'static>(
        &self,
        hook: HookKind,
        client: &HookClient,
        claimed: &BTreeMap<String, String>,
        question: &HookQuestion<'_>,
        read: fn(&[u8]) -> Read<T>,
    ) -> Option<Pending<T>> {
        let targets = self.targets();
        let target = targets.get(hook)?;
        let headers = question::headers(&targets.headers, client.transport.origin.as_deref(), claimed);
        let address = client.transport.origin.as_deref().and_then(|origin| origin.peer.parse().ok());
        let (body, reports, runtime) = (question.body(), Arc::clone(&self.reports), self.runtime.clone());
        Some(Box::pin(async move {
            let (mut sender, receiver) = oneshot::channel();
            runtime.spawn(async move {
                let turn = tokio::select! {
                    turn = target.turn(address) => turn,
                    () = sender.closed() => return,
                };
                let asked = match turn {
                    Ok(permit) => target.ask(permit, headers, body).await,
                    Err(failure) => Err(failure),
                };
                let answer = asked.and_then(|body| read(&body).map_err(HookFailure::Malformed));
                if let Err(failure) = &answer {
                    reports.report(hook, failure);
                }
                // The client may be gone.
                let _sent = sender.send(answer);
            });
            receiver.await.unwrap_or(Err(HookFailure::Ended))
        }))
    }

    /// Asks about one that is connected.
    fn ask_about<T: Send + 'static>(
        &self,
        hook: HookKind,
        client: &HookClient,
        question: &HookQuestion<'_>,
        read: fn(&[u8]) -> Read<T>,
    ) -> Option<Pending<T>> {
        self.ask(hook, client, &BTreeMap::new(), question, read)
    }
}

/// Without an answer, the client gets an error.
fn or_refuse<T: Send + 'static>(asked: Pending<T>) -> HookAnswer<T> {
    Box::pin(async move { asked.await.unwrap_or_else(|failure| Err(failure.into())) })
}

/// Without an answer, the back end is asked again later.
fn or_wait(asked: Pending<RefreshGrant>) -> HookAnswer<RefreshGrant> {
    Box::pin(async move {
        asked.await.unwrap_or_else(|_| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let mut grant = RefreshGrant::default();
            grant.expires_at = Some(Millis(0) + now + WITHOUT_ANSWER);
            Ok(grant)
        })
    })
}

impl Backend for Hooks {
    fn connect(&self, client: HookClient, request: ConnectHook) -> Option<HookAnswer<ConnectGrant>> {
        let question = HookQuestion::connect(&client, &request);
        let asked = self.ask(HookKind::Connect, &client, &request.headers, &question, reading::connect);
        asked.map(or_refuse)
    }

    fn refresh(&self, client: HookClient) -> Option<HookAnswer<RefreshGrant>> {
        let question = HookQuestion::about(&client);
        self.ask_about(HookKind::Refresh, &client, &question, reading::refresh).map(or_wait)
    }

    fn subscribe(
        &self,
        client: HookClient,
        channel: ChannelName,
        data: Data,
    ) -> Option<HookAnswer<SubscribeGrant>> {
        let question = HookQuestion::about(&client).channel(&channel).data(&data);
        self.ask_about(HookKind::Subscribe, &client, &question, reading::subscribe).map(or_refuse)
    }

    fn publish(
        &self,
        client: HookClient,
        channel: ChannelName,
        data: Data,
    ) -> Option<HookAnswer<PublishGrant>> {
        let question = HookQuestion::about(&client).channel(&channel).data(&data);
        self.ask_about(HookKind::Publish, &client, &question, reading::publish).map(or_refuse)
    }

    fn rpc(&self, client: HookClient, method: String, data: Data) -> Option<HookAnswer<Data>> {
        let question = HookQuestion::about(&client).method(&method).data(&data);
        self.ask_about(HookKind::Rpc, &client, &question, reading::rpc).map(or_refuse)
    }

    fn sub_refresh(&self, client: HookClient, channel: ChannelName) -> Option<HookAnswer<RefreshGrant>> {
        let question = HookQuestion::about(&client).channel(&channel);
        self.ask_about(HookKind::SubRefresh, &client, &question, reading::refresh).map(or_wait)
    }
}
