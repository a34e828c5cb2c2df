//! `/health/ready`: whether the server can do what clients come for.

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CACHE_CONTROL;

use super::hub::Node;

/// For load balancers that choose among nodes. The server lives, and `/health` says so, also while its broker is down.
pub(super) fn router(node: Arc<Node>) -> Router {
    Router::new().route("/health/ready", get(async move || answer(node.problem())))
}

fn answer(problem: Option<&'static str>) -> Response {
    let no_store = [(CACHE_CONTROL, "no-store")];
    match problem {
        None => (no_store, "{}\n".to_owned()).into_response(),
        Some(problem) => {
            let body = format!("{{\"problem\":\"{problem}\"}}\n");
            (StatusCode::SERVICE_UNAVAILABLE, no_store, body).into_response()
        }
    }
}
