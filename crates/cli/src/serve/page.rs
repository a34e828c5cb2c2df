//! The web page, embedded in the program.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{ALLOW, CACHE_CONTROL};
use http::{Method, StatusCode, Uri};
use longwire::Refusal;

use crate::page_files::{self, PageFile};

const FILES: [PageFile; 9] = [
    ("/", include_str!("../../web/index.html")),
    ("/base.css", include_str!("../../web/base.css")),
    ("/style.css", include_str!("../../web/style.css")),
    ("/app.js", include_str!("../../web/app.js")),
    ("/gallery.js", include_str!("../../web/gallery.js")),
    ("/connection.js", include_str!("../../web/connection.js")),
    ("/status.js", include_str!("../../web/status.js")),
    ("/ticker.js", include_str!("../../web/ticker.js")),
    ("/favicon.svg", include_str!("../../web/favicon.svg")),
];

/// The page contains everything it needs, so it may load nothing from elsewhere.
const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; object-src 'none'";

/// The paths of the WebSocket endpoints.
const ENDPOINTS: [&str; 4] = ["/echo", "/ticker", "/channel/{name}", "/connection/websocket"];

const ALLOWED: &str = "GET, HEAD, OPTIONS";

pub(super) fn router() -> Router {
    ENDPOINTS
        .into_iter()
        .fold(page_files::router(FILES, POLICY), |router, path| router.route(path, get(websocket_only)))
        .route("/health", get(health))
        .fallback(nothing_here)
        .method_not_allowed_fallback(other_method)
}

/// A plain HTTP request for a WebSocket endpoint gets 426 (RFC 9110 §15.5.22).
pub(super) async fn websocket_only(uri: Uri) -> Response {
    let reason = format!("{} is a WebSocket endpoint: use `longwire connect` or `new WebSocket`", uri.path());
    Refusal::upgrade_required(reason).response().into_response()
}

/// For load balancers.
async fn health() -> Response {
    ([(CACHE_CONTROL, "no-store")], "{}\n").into_response()
}

async fn nothing_here(method: Method) -> Response {
    if method == Method::OPTIONS {
        return options();
    }
    (StatusCode::NOT_FOUND, "There is nothing here; the page is at /.\n").into_response()
}

/// Load balancers use OPTIONS as a health check (RFC 9110 §9.3.7).
async fn other_method(method: Method) -> Response {
    if method == Method::OPTIONS {
        return options();
    }
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, ALLOWED)]).into_response()
}

fn options() -> Response {
    (StatusCode::NO_CONTENT, [(ALLOW, ALLOWED)]).into_response()
}

/// A file of this page or of a demo.
pub(super) fn file(path: &str, content: &'static str) -> Response {
    page_files::file(path, content, POLICY)
}
