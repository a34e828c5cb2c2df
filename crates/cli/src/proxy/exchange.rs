//! Passes requests and responses on, and opens tunnels behind those that open a WebSocket.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::header::{CONNECTION, HOST, ORIGIN, SEC_WEBSOCKET_EXTENSIONS};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1 as client;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use longwire::{Client, Direction};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::admission::Admission;
use super::faults::{self, Faults};
use super::journal::{Book, Journal};
use super::stopping::Stop;
use super::tap::{self, Tap};
use super::tunnel::{self, TunnelEnd};
use crate::args::ProxyFault;
use crate::har::Handshake;
use crate::terminal::{self, escape};

/// How long a client may take to send the head of its request, and a server to answer it.
const HEAD_TIME: Duration = Duration::from_secs(30);

type Body = BoxBody<Bytes, hyper::Error>;

/// What all connections share.
pub(super) struct Proxying {
    pub(super) client: Client,
    /// The URL of the endpoint.
    pub(super) url: String,
    /// The same as `http://` or `https://`.
    pub(super) uri: Uri,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) faults: Vec<ProxyFault>,
    pub(super) offers_compression: bool,
    pub(super) admission: Admission,
    pub(super) book: Arc<Book>,
    pub(super) connections: AtomicU64,
}

/// Serves one client until it leaves.
pub(super) async fn serve(proxying: Arc<Proxying>, stream: TcpStream, from: SocketAddr) {
    let service = service_fn(move |request| {
        let proxying = Arc::clone(&proxying);
        async move { Ok::<_, Infallible>(proxying.pass(request).await) }
    });
    let served = server::Builder::new()
        .preserve_header_case(true)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%from, %error, "a client's connection has ended");
    }
}

impl Proxying {
    async fn pass(self: Arc<Proxying>, mut request: Request<Incoming>) -> Response<Body> {
        if let Some(why) = self.admission.refusal(request.headers()) {
            // A browser tells its page nothing of the answer.
            terminal::complain(&escape(&format!("longwire: {why}")));
            return answer(StatusCode::FORBIDDEN, &why);
        }
        let is_upgrade = longwire::is_upgrade(&request);
        let upgraded = is_upgrade.then(|| hyper::upgrade::on(&mut request));
        self.adapt(&mut request);
        let (url, headers) = (self.shown_url(request.uri()), request.headers().clone());
        let (began, begun) = (SystemTime::now(), Instant::now());
        let journal = is_upgrade.then(|| {
            let number = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
            self.book.connection(number)
        });
        let mut response = match self.ask(request).await {
            Ok(response) => response,
            Err(error) => {
                if let Some(journal) = journal {
                    journal.note("end", &error);
                }
                return answer(StatusCode::BAD_GATEWAY, &error);
            }
        };
        let Some((journal, upgraded)) = journal.zip(upgraded) else { return response.map(BodyExt::boxed) };
        let stop = self.book.stopping.stop();
        let handshake = Handshake {
            url,
            began,
            took: begun.elapsed(),
            request_headers: headers,
            status: response.status().as_u16(),
            response_headers: response.headers().clone(),
        };
        let extensions = joined(response.headers(), &SEC_WEBSOCKET_EXTENSIONS);
        journal.answered(&handshake, &extensions);
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let server = hyper::upgrade::on(&mut response);
            tokio::spawn(self.tunnel([upgraded, server], extensions, journal, stop));
        }
        response.map(BodyExt::boxed)
    }

    /// Makes a request to the proxy one to the server.
    fn adapt(&self, request: &mut Request<Incoming>) {
        let target = match request.uri().path_and_query() {
            Some(target) if target.as_str() != "/" => target.clone(),
            _ => self.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")),
        };
        *request.uri_mut() = Uri::from(target);
        let comes_through_proxy = self.admission.is_own_origin(request.headers());
        let headers = request.headers_mut();
        if let Some(host) = self.host() {
            headers.insert(HOST, host);
        }
        if comes_through_proxy && let Some(origin) = self.origin() {
            headers.insert(ORIGIN, origin);
        }
        if !self.offers_compression {
            headers.remove(SEC_WEBSOCKET_EXTENSIONS);
        }
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
    }

    fn host(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(host_and_port(&self.uri)?).ok()
    }

    fn origin(&self) -> Option<HeaderValue> {
        let scheme = self.uri.scheme_str()?;
        HeaderValue::from_str(&format!("{scheme}://{}", host_and_port(&self.uri)?)).ok()
    }

    /// The URL of a request, as a WebSocket URL without credentials.
    fn shown_url(&self, target: &Uri) -> String {
        let scheme = if self.uri.scheme_str() == Some("https") { "wss" } else { "ws" };
        format!("{scheme}://{}{target}", host_and_port(&self.uri).unwrap_or_default())
    }

    async fn ask(&self, request: Request<Incoming>) -> Result<Response<Incoming>, String> {
        let stream = self.client.dial(&self.url).await.map_err(|error| error.to_string())?;
        let failed = |error: hyper::Error| format!("the server did not answer: {error}");
        let (mut sender, connection) = client::Builder::new()
            .preserve_header_case(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(failed)?;
        let driving = tokio::spawn(async move {
            let _ended = connection.with_upgrades().await;
        });
        match timeout(HEAD_TIME, sender.send_request(request)).await {
            // The body, or what follows an upgrade, still comes over this connection.
            Ok(answered) => answered.map_err(failed),
            Err(_) => {
                driving.abort();
                Err(format!("the server did not answer within {} s", HEAD_TIME.as_secs()))
            }
        }
    }

    /// Passes everything on until the connection has ended, and records how.
    async fn tunnel(
        self: Arc<Proxying>,
        ends: [OnUpgrade; 2],
        extensions: String,
        journal: Journal,
        mut stop: Stop,
    ) {
        let why = tokio::select! {
            why = self.pass_frames(ends, &extensions, &journal) => why,
            () = stop.asked() => "the proxy was stopped".to_owned(),
        };
        journal.ended(&why);
    }

    /// Returns why the connection has ended.
    async fn pass_frames(
        &self,
        [client, server]: [OnUpgrade; 2],
        extensions: &str,
        journal: &Journal,
    ) -> String {
        let (client, server) = match tokio::try_join!(client, server) {
            Ok((client, server)) => (TokioIo::new(client), TokioIo::new(server)),
            Err(error) => return format!("the connection was not opened: {error}"),
        };
        let [client_context, server_context] = match tap::contexts(extensions) {
            Some(contexts) => contexts.map(Some),
            None => [None, None],
        };
        let [client_faults, server_faults] =
            [Direction::Sent, Direction::Received].map(|direction| Faults::of(&self.faults, direction));
        let delays = [client_faults.delay(), server_faults.delay()];
        let taps = [Tap::new(client_context, client_faults), Tap::new(server_context, server_faults)];
        let cut = faults::cut_time(&self.faults);
        match tunnel::run(client, server, taps, delays, cut, journal).await {
            TunnelEnd::Closed(_) if journal.is_closed() => "ended".to_owned(),
            TunnelEnd::Closed(first) => {
                format!("{} ended the connection without a Close frame", tap::sender(first))
            }
            TunnelEnd::Cut => "cut by --fault".to_owned(),
            TunnelEnd::Broken(direction, error) => format!("{} is gone: {error}", tap::sender(direction)),
        }
    }
}

/// Host and port without user name and password.
fn host_and_port(uri: &Uri) -> Option<&str> {
    let authority = uri.authority()?.as_str();
    Some(authority.rsplit_once('@').map_or(authority, |(_, host)| host))
}

fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    values.join(", ")
}

/// An answer of the proxy itself.
fn answer(status: StatusCode, why: &str) -> Response<Body> {
    let text = format!("longwire proxy: {}\n", escape(why));
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
