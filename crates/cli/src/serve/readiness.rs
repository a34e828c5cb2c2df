//! `/health/ready`: whether the server can do what clients come for.

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::hub::{Node, Readiness};

/// For load balancers that choose among nodes. The server lives, and `/health` says so, also while its broker is down.
pub(super) fn router(node: Arc<Node>) -> Router {
    Router::new().route("/health/ready", get(async move || answer(node.readiness())))
}

fn answer(readiness: Readiness) -> Response {
    let headers = [(CACHE_CONTROL, "no-store"), (CONTENT_TYPE, "application/json")];
    match readiness {
        Readiness::Ready => (headers, "{}\n").into_response(),
        Readiness::Alone => (headers, "{\"alone\":true}\n").into_response(),
        Readiness::NotReady(problem) => {
            let body = format!("{{\"problem\":\"{problem}\"}}\n");
            (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
        }
    }
}
