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
mod places;
mod readiness;
mod reload;
mod secrets;
mod service_manager;
mod services;
mod settings;
mod shutdown;
mod statistics;
mod tally;
mod yjs;

use std::process::ExitCode;
use std::sync::Arc;

use longwire::mode::Run;
use longwire::{Deflate, Server, UringRefusal};

use crate::args::ServeArgs;
use crate::failure::Failure;
use crate::log;
use crate::signals::{Ending, HangUp};
use announcement::Announcement;
use certificate::Certificate;
use places::Places;
use reload::Reload;
use services::Services;
use settings::{SHUTDOWN_TIME, Settings};
use shutdown::asked_to_stop;

/// File descriptors for everything except connections.
const SPARE_DESCRIPTORS: u64 = 64;

pub(crate) async fn run(args: ServeArgs) -> Result<ExitCode, Failure> {
    let mut settings = Settings::of(&args)?;
    log::start(&settings.log);
    let refusal = settings.resolve_engine();
    let certificate = settings.tls.as_ref().map(|files| Certificate::read(&files.0, &files.1)).transpose()?;
    raise_descriptor_limit(settings.limits.max_connections);
    let mut places = Places::open(&settings).await?;
    let server = places.server()?;
    // Listen before announcing the address: from then on, no signal may end the process without a shutdown.
    let (ending, hang_up) = (Ending::of_server(), HangUp::listen());
    let (server, topics) = reached_by(server, &settings, certificate.as_ref()).topics();
    let is_secure = certificate.is_some() || settings.behind_tls_proxy;
    let services = Services::start(&settings, is_secure, &topics, &mut places)?;
    services.api.node.wait_for_broker().await?;
    let pages = services.pages(&settings, &mut places)?.merge(services.record(&settings, &topics)?);
    announcement(&settings, refusal, &places, &services).print();
    services.tell_how_it_goes(topics);
    let shutdown = services.shutdown(&settings);
    let server = within_limits(server, &settings)
        .http(pages)
        .shutdown(asked_to_stop(ending))
        .shutdown_spread(|sockets| shutdown.begin(sockets))
        .shutdown_time(SHUTDOWN_TIME);
    let server = services.add_sockets(server, &settings);
    let Services { api, admin, visitors, .. } = services;
    let node = Arc::clone(&api.node);
    let (admin, jwks_url) = (admin.map(|admin| admin.page), settings.config.document.tokens.jwks_url);
    tokio::spawn(Reload { certificate, args, api, admin, visitors, jwks_url }.at_hang_up(hang_up));
    service_manager::ready();
    let _until_the_end = places.into_files();
    let served = server.run().await;
    node.leave().await;
    served?;
    Ok(ExitCode::SUCCESS)
}

/// The server as clients reach it: by TLS, or through proxies.
fn reached_by(mut server: Server, settings: &Settings, certificate: Option<&Certificate>) -> Server {
    if let Some(certificate) = certificate {
        server = server.tls(certificate.tls());
    }
    if settings.behind_tls_proxy {
        server = server.behind_tls_proxy();
    }
    match &settings.trusted_proxies {
        Some(proxies) => server.trusted_proxies(proxies.clone()),
        None => server,
    }
}

/// The server with its bounds.
fn within_limits(server: Server<Run>, settings: &Settings) -> Server<Run> {
    let limits = &settings.limits;
    server
        .limits(limits.connection())
        .deflate(settings.compression.then(Deflate::default))
        .max_connections(limits.max_connections)
        .max_connections_per_ip(limits.max_connections_per_ip)
        .ipv6_prefix(limits.ipv6_prefix)
        .max_buffered(limits.max_buffered.0)
        .origins(settings.origins.clone())
        .engine(settings.engine)
        .workers(workers(settings))
}

fn announcement<'a>(
    settings: &'a Settings,
    refusal: Option<UringRefusal>,
    places: &'a Places,
    services: &'a Services,
) -> Announcement<'a> {
    Announcement {
        places: places.of_clients(),
        api: places.of_api(),
        has_api: !services.api.keys.is_empty(),
        admin: services.admin.as_ref().map(|admin| &admin.places[..]),
        secure: settings.tls.is_some(),
        engine: settings.engine,
        refusal,
        workers: workers(settings),
        config: &settings.config,
    }
}

/// How many threads serve connections.
fn workers(settings: &Settings) -> usize {
    settings.workers.map_or_else(cores, usize::from)
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
