//! The requests that open a stream, and what they carry.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use longwire_hub::centrifuge::Encoding;
use longwire_hub::{HubConfig, TransportKind};
use std::time::Duration;
use tokio::time::timeout;

use super::body::StreamFormat;

/// The parameter with what the client sends first.
const CONNECT: &str = "cf_connect";

/// How long a request may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// What a request may have beside a publication.
const ENVELOPE: usize = 64 << 10;

/// How a stream is opened and what it consists of.
#[derive(Debug, Clone, Copy)]
pub(super) struct StreamTransport {
    pub(super) encoding: Encoding,
    pub(super) format: StreamFormat,
}

impl StreamTransport {
    pub(super) fn of(kind: TransportKind, headers: &HeaderMap) -> StreamTransport {
        let is_binary = kind == TransportKind::HttpStream && encoding(headers) == Encoding::Protobuf;
        let (encoding, format) = match kind {
            _ if is_binary => (Encoding::Protobuf, StreamFormat::Protobuf),
            TransportKind::Sse | TransportKind::UniSse => (Encoding::Json, StreamFormat::Events),
            _ => (Encoding::Json, StreamFormat::Lines),
        };
        StreamTransport { encoding, format }
    }
}

/// The encoding of a body.
pub(super) fn encoding(headers: &HeaderMap) -> Encoding {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/octet-stream") { Encoding::Protobuf } else { Encoding::Json }
}

/// What the client sends first: in the address, as browsers' `EventSource` has to, or in the body.
pub(super) async fn first_words(
    kind: TransportKind,
    request: Request,
    config: &HubConfig,
) -> Result<Bytes, Response> {
    let takes_query = matches!(kind, TransportKind::Sse | TransportKind::UniSse);
    if request.method() == Method::POST {
        return read(request.into_body(), config).await;
    }
    if !takes_query {
        return Err(StatusCode::METHOD_NOT_ALLOWED.into_response());
    }
    let query = request.uri().query().unwrap_or_default();
    let found = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == CONNECT);
    match found {
        Some((_, value)) if !value.is_empty() => Ok(value.into_owned().into_bytes().into()),
        _ => {
            let problem = format!("the parameter {CONNECT} has to say what the client sends first\n");
            Err((StatusCode::BAD_REQUEST, problem).into_response())
        }
    }
}

/// Reads a body. It may be as long as a publication and what is around it.
pub(super) async fn read(body: Body, config: &HubConfig) -> Result<Bytes, Response> {
    // Each character of a JSON string may be escaped.
    let most = config.limits.publication.saturating_mul(2).saturating_add(ENVELOPE);
    match timeout(BODY_TIME, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => {
            let problem = format!("a request has at most {most} bytes\n");
            Err((StatusCode::PAYLOAD_TOO_LARGE, problem).into_response())
        }
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the request did not arrive in time\n").into_response()),
    }
}
