//! The page, embedded in the program.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};

/// Path, kind and content of each file.
const FILES: [(&str, &str, &str); 8] = [
    ("/", "text/html; charset=utf-8", include_str!("../../web/index.html")),
    ("/style.css", "text/css; charset=utf-8", include_str!("../../web/style.css")),
    ("/app.js", "text/javascript; charset=utf-8", include_str!("../../web/app.js")),
    ("/chat.js", "text/javascript; charset=utf-8", include_str!("../../web/chat.js")),
    ("/connection.js", "text/javascript; charset=utf-8", include_str!("../../web/connection.js")),
    ("/status.js", "text/javascript; charset=utf-8", include_str!("../../web/status.js")),
    ("/ticker.js", "text/javascript; charset=utf-8", include_str!("../../web/ticker.js")),
    ("/favicon.svg", "image/svg+xml", include_str!("../../web/favicon.svg")),
];

/// The page brings everything it needs, so nothing from elsewhere may run in it.
const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; object-src 'none'";

pub(super) fn router() -> Router {
    let router = FILES.into_iter().fold(Router::new(), |router, (path, kind, content)| {
        router.route(path, get(async move || file(kind, content)))
    });
    router.fallback(async || (StatusCode::NOT_FOUND, "There is nothing here; the page is at /.\n"))
}

fn file(kind: &'static str, content: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        // The next version of the program may bring another page.
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, content).into_response()
}
