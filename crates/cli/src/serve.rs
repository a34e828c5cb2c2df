//! `longwire serve`.

mod access;
mod admin;
mod announcement;
mod certificate;
mod client_network;
mod demo;
mod endpoints;
mod hub;
mod listen;
mod metrics;
mod page;
mod reload;
mod secrets;
mod service_manager;
mod settings;
mod shutdown;
mod statistics;
mod tally;
mod yjs;

use std::process::ExitCode;
use std::sync::Arc;

use longwire::{Deflate, Server};

use crate::args::listen::DEFAULT_LISTEN;
use crate::args::{ListenAddr, ServeArgs};
use crate::config::Listen;
use crate::failure::Failure;
use crate::log;
use crate::signals::{Ending, HangUp};
use access::AccessLog;
use admin::{LivePages, ServedAdmin, SharedSettings, Sources};
use announcement::Announcement;
use certificate::Certificate;
use client_network::Ipv6Prefix;
use demo::{Visitors, feed};
use endpoints::{Echo, NoSockets, Ticker};
use hub::{
    Api, ApiKeys, CENTRIFUGE_PATH, Centrifuge, Hooks, HubSockets, Node, OriginRule, Plain, Streams,
    UNI_CENTRIFUGE_PATH, UniCentrifuge, api_router, hub_config, socketio_engine, streams_router,
};
use listen::Listening;
use listen::given::Given;
use reload::Reload;
use settings::{SHUTDOWN_TIME, Settings};
use shutdown::{Shutdown, asked_to_stop};
use statistics::Statistics;
use tally::Tally;

/// File descriptors for everything except connections.
const SPARE_DESCRIPTORS: u64 = 64;

pub(crate) async fn run(args: ServeArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::of(&args)?;
    let access = AccessLog { is_on: settings.log.access };
    log::start(settings.log);
    let limits = &settings.limits;
    let certificate = match settings.tls {
        Some((certificate, key)) => Some(Certificate::read(certificate, key)?),
        None => None,
    };
    raise_descriptor_limit(limits.max_connections);
    let mut given = Given::take();
    // Of the sockets that the program was started with, the API and the admin page have those that they name.
    let mut api_listening = listen_apart(&settings.config.document.api.listen, &mut given).await?;
    let admin_section = &settings.config.document.admin;
    let admin_places = if admin_section.enabled { &admin_section.listen[..] } else { &[] };
    let mut admin_listening = listen_apart(admin_places, &mut given).await?;
    let mut listening = listen(&settings.listen, &mut given).await?;
    let mut server = listening.server().ok_or_else(|| Failure::Other("there is nowhere to listen".into()))?;
    // Listen before announcing the address: from then on, no signal may end the process without a shutdown.
    let (ending, hang_up) = (Ending::of_server(), HangUp::listen());
    let engine = settings.engine.resolve();
    let workers = settings.workers.map_or_else(cores, usize::from);
    if let Some(certificate) = &certificate {
        server = server.tls(certificate.tls());
    }
    if settings.behind_tls_proxy {
        server = server.behind_tls_proxy();
    }
    if let Some(proxies) = settings.trusted_proxies {
        server = server.trusted_proxies(proxies);
    }
    let statistics = Arc::new(Statistics::new());
    let (server, topics) = server.topics();
    let hooks = Hooks::new(&settings.config)?;
    let visitors = Visitors::of(settings.demos)?;
    let mut hub = hub_config(&settings.config, &hooks);
    if let Some(visitors) = &visitors {
        visitors.welcome(&mut hub);
    }
    let node = Node::start(hub, topics.clone(), hooks)?;
    feed::start(settings.demos, &node);
    let api =
        Arc::new(Api { node: Arc::clone(&node), keys: ApiKeys::new(&settings.config.document.api.keys)? });
    let is_secure = certificate.is_some() || settings.behind_tls_proxy;
    let origins = OriginRule { is_secure, allowed: settings.origins.clone() };
    let streams = Streams::new(Arc::clone(&node), origins, access, limits.max_buffered.0);
    let mut pages =
        page::router().merge(demo::router(settings.demos)).merge(streams_router(Arc::clone(&streams)));
    if let Some(visitors) = &visitors {
        pages = pages.merge(demo::desk_router(Arc::clone(visitors), Arc::clone(&node))?);
    }
    let socketio = settings.socketio.then(|| socketio_engine(Arc::clone(&streams), limits));
    if let Some(socketio) = &socketio {
        pages = pages.route_service(socketio.path(), socketio.service());
    }
    let prometheus = settings.metrics.then(metrics::recorder).transpose()?;
    if let Some(recorder) = &prometheus {
        pages = pages.merge(metrics::router(recorder.handle(), Arc::clone(&node)));
    }
    let admin = {
        let ipv6_prefix = Ipv6Prefix(limits.ipv6_prefix);
        let shared = SharedSettings { is_secure, access, ipv6_prefix };
        ServedAdmin::begin(admin_section, &mut admin_listening, shared, &node, &topics)?
    };
    let tally = admin.as_ref().map(|_| Arc::new(Tally::default()));
    tally::record(prometheus, tally.clone())?;
    if let (Some(admin), Some(tally)) = (&admin, tally) {
        if admin.places.is_empty() {
            pages = pages.merge(admin::router(Arc::clone(&admin.page)));
        }
        let (statistics, streams, topics) = (Arc::clone(&statistics), Arc::clone(&streams), topics.clone());
        admin::watch(&admin.page, Sources { statistics, tally, streams, topics });
    }
    match api_listening.server() {
        None => pages = pages.merge(api_router(Arc::clone(&api))),
        Some(server) => drop(tokio::spawn(serve_api(server, Arc::clone(&api)))),
    }
    let announcement = Announcement {
        places: &listening.places,
        api: &api_listening.places,
        has_api: !api.keys.is_empty(),
        admin: admin.as_ref().map(|admin| &admin.places[..]),
        secure: certificate.is_some(),
        engine,
        workers,
        config: &settings.config,
    };
    announcement.print();
    tokio::spawn(statistics::tick(Arc::clone(&statistics), topics.clone()));
    let status = statistics.status();
    tokio::spawn(service_manager::keep_telling(topics, status));
    let spread = settings.config.document.shutdown.spread;
    let jwks_url = settings.config.document.tokens.jwks_url.clone();
    let shutdown = Shutdown { streams, socketio: socketio.clone(), spread: spread.map(|spread| spread.0) };
    let connection = limits.connection();
    let server = server
        .limits(connection)
        .deflate(settings.compression.then(Deflate::default))
        .max_connections(limits.max_connections)
        .max_connections_per_ip(limits.max_connections_per_ip)
        .ipv6_prefix(limits.ipv6_prefix)
        .max_buffered(limits.max_buffered.0)
        .origins(settings.origins)
        .http(pages)
        .shutdown(asked_to_stop(ending))
        .shutdown_spread(|sockets| shutdown.begin(sockets))
        .shutdown_time(SHUTDOWN_TIME)
        .engine(engine)
        .workers(workers)
        // A session has one question to ask at a time; until the answer, its client's messages wait.
        .spawned_per_connection(1)
        .route(CENTRIFUGE_PATH, HubSockets::new(Centrifuge, &node, &statistics, access))
        .route(UNI_CENTRIFUGE_PATH, HubSockets::new(UniCentrifuge, &node, &statistics, access))
        .route("/echo", Echo { statistics: Arc::clone(&statistics), access })
        .route("/channel/{name}", HubSockets::new(Plain, &node, &statistics, access))
        .route("/ticker", Ticker { statistics: Arc::clone(&statistics), access });
    let server = demo::add_sockets(server, settings.demos, &statistics, access);
    let server = match &socketio {
        Some(socketio) => server.route(socketio.path(), socketio.handler()),
        None => server,
    };
    let server = if access.is_on { server.count_traffic() } else { server };
    let server = match &admin {
        Some(admin) if admin.places.is_empty() => {
            server.route(admin::LIVE_PATH, LivePages { page: Arc::clone(&admin.page), access })
        }
        _ => server,
    };
    let admin = admin.map(|admin| admin.page);
    tokio::spawn(Reload { certificate, args, api, admin, visitors, jwks_url }.at_hang_up(hang_up));
    service_manager::ready();
    let _until_the_end = [listening.files, api_listening.files, admin_listening.files];
    server.run().await?;
    Ok(ExitCode::SUCCESS)
}

/// Listens where clients connect.
async fn listen(places: &[ListenAddr], given: &mut Given) -> Result<Listening, Failure> {
    let by_default = match given.count() {
        0 => ListenAddr::Port(DEFAULT_LISTEN),
        _ => ListenAddr::Given(None),
    };
    let places = if places.is_empty() { &[by_default][..] } else { places };
    Listening::on(places, given).await
}

/// Listens where something has its own addresses.
async fn listen_apart(places: &[Listen], given: &mut Given) -> Result<Listening, Failure> {
    Listening::on(&places.iter().map(|place| place.0.clone()).collect::<Vec<_>>(), given).await
}

/// Serves the API on an address of its own, until the program ends.
async fn serve_api(server: Server, api: Arc<Api>) {
    let served = server.http(api_router(api)).workers(1).run(NoSockets).await;
    if let Err(error) = served {
        tracing::error!(%error, "the API has ended");
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Raises the limit on file descriptors. Systems start programs with a low limit, and each connection takes one.
fn raise_descriptor_limit(connections: usize) {
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(SPARE_DESCRIPTORS);
    match rlimit::increase_nofile_limit(wanted) {
        Ok(got) if got < wanted => {
            tracing::warn!(
                "the system allows {got} file descriptors, too few for {connections} connections (ulimit -n)"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "cannot raise the limit on file descriptors"),
    }
}
