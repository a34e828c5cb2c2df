//! Connecting, and finding out whether the server is what the store needs.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{GetStreamErrorKind, RequestError, RequestErrorKind};
use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, ServerAddr, rustls};
use futures_util::StreamExt as _;
use percent_encoding::percent_decode_str;

use crate::error::NatsError;
use crate::failure::{Chain, cause};
use crate::jetstream::JetStream;
use crate::line::{Interruptions, Line};
use crate::names::Names;
use crate::options::{NatsCredentials, NatsOptions, without_secrets};

/// The longest wait between two attempts to connect again.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Messages of one channel that wait to be handed on. Handing on does not block, so they are few.
const WAITING: usize = 4096;

/// Connects to one of the servers.
pub(crate) async fn connect(
    options: &NatsOptions,
    interruptions: Arc<Interruptions>,
) -> Result<Client, NatsError> {
    let given = options.servers.iter().map(|url| address(url)).collect::<Result<Vec<_>, _>>()?;
    let in_url = given.iter().find_map(credentials_of);
    // The client shows its addresses in its log.
    let servers = options.servers.iter().map(|url| address(&without_secrets(url)));
    let servers = servers.collect::<Result<Vec<_>, _>>()?;
    let credentials = in_url.filter(|_| options.credentials == NatsCredentials::None);
    let mut connect = with_credentials(credentials.as_ref().unwrap_or(&options.credentials))
        .await?
        .name("longwire")
        .connection_timeout(options.connect_timeout)
        .request_timeout(Some(options.call_timeout))
        .ping_interval(options.ping_interval)
        .subscription_capacity(WAITING)
        .max_reconnects(None)
        .reconnect_delay_callback(wait)
        .require_tls(options.tls.is_required)
        .event_callback(move |event| {
            interruptions.note(&event);
            std::future::ready(())
        });
    if let Some(file) = &options.tls.ca_file {
        connect = connect.add_root_certificates(file.clone());
    }
    if let Some((certificate, key)) = &options.tls.client_certificate {
        connect = connect.add_client_certificate(certificate.clone(), key.clone());
    }
    connect.connect(servers).await.map_err(|error| explained(&error))
}

/// Finds out whether the server has what the store needs, and may be used.
pub(crate) async fn check(line: &Line, jetstream: &JetStream, names: &Names) -> Result<(), NatsError> {
    let client = line.client();
    if !client.is_server_compatible(2, 9, 0) {
        return Err(NatsError::TooOld { version: client.server_info().version });
    }
    let subjects = || NatsError::NotPermitted { subjects: format!("{} and _INBOX.>", names.all()) };
    let time = line.call_timeout();
    let echo = echo(line, names);
    tokio::time::timeout(time, echo).await.ok().flatten().ok_or_else(subjects)?;
    // Whatever stream is asked for: the answer tells whether there could be any.
    let Err(error) = jetstream.context().get_stream(names.no_stream()).await else { return Ok(()) };
    match error.kind() {
        GetStreamErrorKind::JetStream(refusal) => match refusal.error_code() {
            ErrorCode::STREAM_NOT_FOUND => Ok(()),
            ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => {
                Err(NatsError::NoJetStream)
            }
            _ => Err(NatsError::Unreachable(refusal.to_string())),
        },
        _ if cause::<RequestError>(&error)
            .is_some_and(|error| error.kind() == RequestErrorKind::TimedOut) =>
        {
            Err(NatsError::NotPermitted { subjects: "$JS.API.>".to_owned() })
        }
        _ => Err(NatsError::NoJetStream),
    }
}

/// Hears a message of its own, on a subject of the prefix.
async fn echo(line: &Line, names: &Names) -> Option<()> {
    let mut subscriber = line.client().subscribe(names.probe()).await.ok()?;
    line.client().publish(names.probe(), "".into()).await.ok()?;
    line.pass().await.ok()?;
    subscriber.next().await.map(drop)
}

fn address(url: &str) -> Result<ServerAddr, NatsError> {
    url.parse().map_err(|error| NatsError::Address(format!("{}: {error}", without_secrets(url))))
}

/// The credentials in a URL. A user without a password is a token, as with other clients of NATS.
fn credentials_of(server: &ServerAddr) -> Option<NatsCredentials> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let user = decoded(server.username()?);
    Some(match server.password() {
        Some(password) => NatsCredentials::Password { user, password: decoded(password) },
        None => NatsCredentials::Token(user),
    })
}

async fn with_credentials(credentials: &NatsCredentials) -> Result<ConnectOptions, NatsError> {
    let options = ConnectOptions::new();
    Ok(match credentials {
        NatsCredentials::None => options,
        NatsCredentials::Password { user, password } => {
            options.user_and_password(user.clone(), password.clone())
        }
        NatsCredentials::Token(token) => options.token(token.clone()),
        NatsCredentials::NkeySeed(seed) => options.nkey(seed.clone()),
        NatsCredentials::File(path) => options
            .credentials_file(path)
            .await
            .map_err(|error| NatsError::Credentials(format!("{}: {error}", path.display())))?,
    })
}

/// How long to wait before an attempt, so that all nodes do not come back at the same moment.
fn wait(attempts: usize) -> Duration {
    if attempts <= 1 {
        return Duration::ZERO;
    }
    let doublings = u32::try_from(attempts.min(12)).unwrap_or(0);
    let longest = LONGEST_WAIT.min(Duration::from_millis(10) * 2_u32.pow(doublings));
    longest.mul_f64(rand::random_range(0.5..1.0))
}

fn explained(error: &ConnectError) -> NatsError {
    let text = Chain(error).to_string();
    match error.kind() {
        ConnectErrorKind::ServerParse => NatsError::Address(text),
        ConnectErrorKind::AuthorizationViolation => NatsError::Unauthorized,
        ConnectErrorKind::Authentication => NatsError::Credentials(text),
        ConnectErrorKind::Tls => NatsError::Tls(text),
        _ if is_of_tls(error) => NatsError::Tls(text),
        _ => NatsError::Unreachable(text),
    }
}

/// Whether TLS is among the causes.
fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let inner = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if inner.is_some() || error.is::<rustls::Error>() {
            return true;
        }
        next = error.source();
    }
    false
}
