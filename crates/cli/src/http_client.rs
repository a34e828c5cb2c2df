//! Requests to the back end: one answer each, within a time and a length.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{self, Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};

use crate::failure::Failure;

/// How long an unused connection is kept: less than the 5 s after which common servers close it.
const IDLE_TIME: Duration = Duration::from_secs(4);

/// Sends requests by HTTP/1.1, over TLS or not, and keeps connections for the next ones. Clones share them.
#[derive(Clone)]
pub(crate) struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// A request, and what its answer may take.
pub(crate) struct HttpRequest {
    pub(crate) method: Method,
    pub(crate) url: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether it does no harm if the server gets it twice. It is sent again if its connection breaks.
    pub(crate) is_repeatable: bool,
    pub(crate) timeout: Duration,
    /// The longest answer, in bytes.
    pub(crate) max_answer: usize,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum HttpFailure {
    /// Connecting failed, or the connection broke.
    Unreachable(String),
    TimedOut(Duration),
    /// Another status than success.
    Status(StatusCode),
    /// The answer is longer than this.
    TooLong(usize),
}

impl HttpClient {
    /// A client. With `tls`, it trusts the certificate authorities of the system.
    pub(crate) fn new(tls: bool) -> Result<HttpClient, Failure> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(trust(tls)?).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIME)
            .pool_timer(TokioTimer::new())
            .build(connector.wrap_connector(http));
        Ok(HttpClient { client })
    }

    /// Sends a request, and returns the body of its answer. Must be called within a runtime.
    pub(crate) async fn send(&self, request: &HttpRequest) -> Result<Bytes, HttpFailure> {
        let timeout = request.timeout;
        let answer = tokio::time::timeout(timeout, self.exchange(request)).await;
        answer.unwrap_or(Err(HttpFailure::TimedOut(timeout)))
    }

    async fn exchange(&self, request: &HttpRequest) -> Result<Bytes, HttpFailure> {
        let response = match self.client.request(request.build()).await {
            // Servers close connections that they think are unused.
            Err(error) if request.is_repeatable && !error.is_connect() => {
                self.client.request(request.build()).await
            }
            answer => answer,
        };
        let response = response.map_err(|error: legacy::Error| unreachable(&error))?;
        if !response.status().is_success() {
            return Err(HttpFailure::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), request.max_answer).collect().await;
        match body {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(HttpFailure::TooLong(request.max_answer)),
            Err(error) => Err(unreachable(&*error)),
        }
    }
}

impl HttpRequest {
    fn build(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.url.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

fn trust(tls: bool) -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    if tls {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "cannot use a certificate authority of the system");
        }
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err(Failure::Other(
                "the system has no certificate authorities, which URLs with https:// need".into(),
            ));
        }
    }
    let config = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::Other(format!("cannot set up TLS: {error}")))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The error with its causes, each of which says more than the one before.
fn unreachable(error: &(dyn Error + 'static)) -> HttpFailure {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    HttpFailure::Unreachable(text)
}

impl fmt::Display for HttpFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpFailure::Unreachable(why) => f.write_str(why),
            HttpFailure::TimedOut(time) => write!(f, "no answer within {time:?}"),
            HttpFailure::Status(status) => write!(f, "the answer's status is {status}"),
            HttpFailure::TooLong(limit) => write!(f, "the answer has more than {limit} bytes"),
        }
    }
}
