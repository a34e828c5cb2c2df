//! `POST /api/{method}`: the API for back ends, as Centrifugo has it.

mod answer;
mod keys;
mod methods;
mod request;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::node::Node;
pub(crate) use keys::ApiKeys;
pub(crate) use methods::Refused;

/// The longest request, in bytes. A longer one is answered with 413.
const MAX_BODY: usize = 4 << 20;

/// How long a request may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The API, which all its requests share.
pub(crate) struct Api {
    pub(crate) node: Arc<Node>,
    pub(crate) keys: ApiKeys,
}

pub(crate) fn router(api: Arc<Api>) -> Router {
    Router::new().route("/api/{method}", post(handle)).with_state(api)
}

async fn handle(State(api): State<Arc<Api>>, Path(method): Path<String>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    // Before anything is read.
    if !api.keys.open(&head.headers) {
        let problem = if api.keys.is_empty() {
            "there is no API key in the configuration: set `keys` in [api], or LONGWIRE_API_KEYS\n"
        } else {
            "send one of the keys in the configuration as X-API-Key\n"
        };
        return (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "apikey")], problem).into_response();
    }
    match read_body(body).await {
        Ok(body) => answer_of_api(&api.node, &method, &body).await,
        Err(refusal) => refusal,
    }
}

/// The body of a request, or the response if it is too long or too slow.
pub(crate) async fn read_body(body: Body) -> Result<Bytes, Response> {
    read_short_body(body, MAX_BODY).await
}

/// The same for requests that have at most so many bytes.
pub(crate) async fn read_short_body(body: Body, most: usize) -> Result<Bytes, Response> {
    match timeout(BODY_TIME, to_bytes(body, most)).await {
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the request did not arrive in time\n").into_response()),
        Ok(Err(_)) => {
            let problem = format!("a request has at most {most} bytes\n");
            Err((StatusCode::PAYLOAD_TOO_LARGE, problem).into_response())
        }
        // A method without parameters may be called without a body.
        Ok(Ok(body)) if body.is_empty() => Ok(Bytes::from_static(b"{}")),
        Ok(Ok(body)) => Ok(body),
    }
}

/// Calls a method of the API.
pub(crate) async fn answer_of_api(node: &Node, method: &str, body: &[u8]) -> Response {
    let params = match serde_json::from_slice::<&RawValue>(body) {
        Ok(params) => params,
        Err(error) => return bad_request(&error),
    };
    if method == "batch" {
        return match methods::batch(node, params).await {
            Ok(replies) => json(replies),
            Err(error) => bad_request(&error),
        };
    }
    respond(methods::call(node, method, params).await)
}

/// The response to a call.
pub(crate) fn respond(called: Result<String, Refused>) -> Response {
    match called {
        Ok(result) => json(format!("{{\"result\":{result}}}")),
        Err(Refused::Error(error)) => json(format!("{{\"error\":{}}}", answer::error(error))),
        Err(Refused::Malformed(error)) => bad_request(&error),
        Err(Refused::NoMethod) => (StatusCode::NOT_FOUND, "there is no such method\n").into_response(),
    }
}

fn bad_request(error: &serde_json::Error) -> Response {
    (StatusCode::BAD_REQUEST, format!("the request is not what the method expects: {error}\n"))
        .into_response()
}

fn json(text: String) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (headers, Body::from(text)).into_response()
}
