//! What the server offers: the hub with its faces, the demos, the API, figures and the admin page.

use std::sync::Arc;

use axum::Router;
use longwire::mode::{Routed, Run};
use longwire::{Server, Topics};
use longwire_socketio::SocketIo;
use longwire_socketio::engine::Engine as SocketIoEngine;
use metrics_exporter_prometheus::PrometheusRecorder;

use super::access::AccessLog;
use super::admin::{self, LivePages, ServedAdmin, SharedSettings, Sources};
use super::client_network::Ipv6Prefix;
use super::demo::{self, Visitors, feed};
use super::endpoints::{Echo, Ticker};
use super::hub::{
    Api, ApiKeys, CENTRIFUGE_PATH, Centrifuge, Hooks, HubSockets, Node, OriginRule, Plain, Streams,
    UNI_CENTRIFUGE_PATH, UniCentrifuge, api_router, hub_config, socketio_engine, streams_router,
};
use super::places::Places;
use super::settings::Settings;
use super::shutdown::Shutdown;
use super::statistics::{self, Statistics};
use super::tally::{self, Tally};
use super::{metrics, page, readiness, service_manager};
use crate::failure::Failure;

/// What all connections share.
pub(super) struct Services {
    node: Arc<Node>,
    statistics: Arc<Statistics>,
    streams: Arc<Streams>,
    socketio: Option<SocketIoEngine<SocketIo>>,
    pub(super) api: Arc<Api>,
    pub(super) admin: Option<ServedAdmin>,
    /// Those of the demos.
    pub(super) visitors: Option<Arc<Visitors>>,
    access: AccessLog,
}

impl Services {
    /// Starts them. `topics` are those of the server for clients, which browsers reach by HTTPS if `is_secure`.
    pub(super) fn start(
        settings: &Settings,
        is_secure: bool,
        topics: &Topics,
        places: &mut Places,
    ) -> Result<Services, Failure> {
        let (config, limits) = (&settings.config, &settings.limits);
        let access = AccessLog { is_on: settings.log.access };
        let hooks = Hooks::new(config)?;
        let visitors = Visitors::of(settings.demos)?;
        let mut hub = hub_config(config, &hooks);
        if let Some(visitors) = &visitors {
            visitors.welcome(&mut hub);
        }
        let node = Node::start(hub, topics.clone(), hooks, settings.broker()?)?;
        feed::start(settings.demos, &node);
        let keys = ApiKeys::new(&config.document.api.keys)?;
        let api = Arc::new(Api { node: Arc::clone(&node), keys });
        let origins = OriginRule { is_secure, allowed: settings.origins.clone() };
        let streams = Streams::new(Arc::clone(&node), origins, access, limits.max_buffered.0);
        let socketio = settings.socketio.then(|| socketio_engine(Arc::clone(&streams), limits));
        let shared = SharedSettings { is_secure, access, ipv6_prefix: Ipv6Prefix(limits.ipv6_prefix) };
        let section = &config.document.admin;
        let admin = ServedAdmin::begin(section, &mut places.admin, shared, &node, topics)?;
        let statistics = Arc::new(Statistics::new());
        Ok(Services { node, statistics, streams, socketio, api, admin, visitors, access })
    }

    /// What is answered without a WebSocket. The API is served apart from it, if it has addresses of its own.
    pub(super) fn pages(&self, settings: &Settings, places: &mut Places) -> Result<Router, Failure> {
        let mut pages = page::router()
            .merge(readiness::router(Arc::clone(&self.node)))
            .merge(demo::router(settings.demos))
            .merge(streams_router(Arc::clone(&self.streams)));
        if let Some(visitors) = &self.visitors {
            pages = pages.merge(demo::desk_router(Arc::clone(visitors), Arc::clone(&self.node))?);
        }
        if let Some(socketio) = &self.socketio {
            pages = pages.route_service(socketio.path(), socketio.service());
        }
        if let Some(admin) = self.admin_among_clients() {
            pages = pages.merge(admin::router(Arc::clone(&admin.page)));
        }
        if !places.serve_api(Arc::clone(&self.api)) {
            pages = pages.merge(api_router(Arc::clone(&self.api)));
        }
        Ok(pages)
    }

    /// Records figures from now on, for `/metrics` and for the admin page: each if it is on. Returns the page of the first.
    pub(super) fn record(&self, settings: &Settings, topics: &Topics) -> Result<Router, Failure> {
        let prometheus = settings.metrics.then(metrics::recorder).transpose()?;
        let handle = prometheus.as_ref().map(PrometheusRecorder::handle);
        let tally = self.admin.as_ref().map(|_| Arc::new(Tally::default()));
        tally::record(prometheus, tally.clone())?;
        if let (Some(admin), Some(tally)) = (&self.admin, tally) {
            let (statistics, streams) = (Arc::clone(&self.statistics), Arc::clone(&self.streams));
            admin::watch(&admin.page, Sources { statistics, tally, streams, topics: topics.clone() });
        }
        Ok(handle.map_or_else(Router::new, |handle| metrics::router(handle, Arc::clone(&self.node))))
    }

    /// Tells clients of the ticker and the service manager how the server is doing, until the program ends.
    pub(super) fn tell_how_it_goes(&self, topics: Topics) {
        tokio::spawn(statistics::tick(Arc::clone(&self.statistics), topics.clone()));
        tokio::spawn(service_manager::keep_telling(topics, self.statistics.status()));
    }

    /// What ends with the server.
    pub(super) fn shutdown(&self, settings: &Settings) -> Shutdown {
        let spread = settings.config.document.shutdown.spread.map(|spread| spread.0);
        Shutdown { streams: Arc::clone(&self.streams), socketio: self.socketio.clone(), spread }
    }

    /// Adds the endpoints for WebSockets.
    pub(super) fn add_sockets(&self, server: Server<Run>, settings: &Settings) -> Server<Routed> {
        let Services { node, statistics, access, .. } = self;
        let access = *access;
        let server = if access.is_on { server.count_traffic() } else { server };
        let server = server
            // A session has one question to ask at a time; until the answer, its client's messages wait.
            .spawned_per_connection(1)
            .route(CENTRIFUGE_PATH, HubSockets::new(Centrifuge, node, statistics, access))
            .route(UNI_CENTRIFUGE_PATH, HubSockets::new(UniCentrifuge, node, statistics, access))
            .route("/echo", Echo { statistics: Arc::clone(statistics), access })
            .route("/channel/{name}", HubSockets::new(Plain, node, statistics, access))
            .route("/ticker", Ticker { statistics: Arc::clone(statistics), access });
        let server = demo::add_sockets(server, settings.demos, statistics, access);
        let server = match &self.socketio {
            Some(socketio) => server.route(socketio.path(), socketio.handler()),
            None => server,
        };
        match self.admin_among_clients() {
            Some(admin) => {
                server.route(admin::LIVE_PATH, LivePages { page: Arc::clone(&admin.page), access })
            }
            None => server,
        }
    }

    /// The admin page, if it is served where clients connect.
    fn admin_among_clients(&self) -> Option<&ServedAdmin> {
        self.admin.as_ref().filter(|admin| admin.places.is_empty())
    }
}
