//! The files of the admin page, embedded in the program.

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};

use super::live;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Path, media type and content of each file. What the start page has, too, is here again: the admin page may have an
/// address of its own.
const FILES: [(&str, &str, &str); 20] = [
    ("/admin", HTML, include_str!("../../../web/admin/index.html")),
    ("/admin/base.css", CSS, include_str!("../../../web/base.css")),
    ("/admin/admin.css", CSS, include_str!("../../../web/admin/admin.css")),
    ("/admin/favicon.svg", "image/svg+xml", include_str!("../../../web/favicon.svg")),
    ("/admin/connection.js", SCRIPT, include_str!("../../../web/connection.js")),
    ("/admin/status.js", SCRIPT, include_str!("../../../web/status.js")),
    ("/admin/app.js", SCRIPT, include_str!("../../../web/admin/app.js")),
    ("/admin/api.js", SCRIPT, include_str!("../../../web/admin/api.js")),
    ("/admin/channel.js", SCRIPT, include_str!("../../../web/admin/channel.js")),
    ("/admin/dom.js", SCRIPT, include_str!("../../../web/admin/dom.js")),
    ("/admin/figures.js", SCRIPT, include_str!("../../../web/admin/figures.js")),
    ("/admin/format.js", SCRIPT, include_str!("../../../web/admin/format.js")),
    ("/admin/lists.js", SCRIPT, include_str!("../../../web/admin/lists.js")),
    ("/admin/members.js", SCRIPT, include_str!("../../../web/admin/members.js")),
    ("/admin/nodes.js", SCRIPT, include_str!("../../../web/admin/nodes.js")),
    ("/admin/plot.js", SCRIPT, include_str!("../../../web/admin/plot.js")),
    ("/admin/publications.js", SCRIPT, include_str!("../../../web/admin/publications.js")),
    ("/admin/publish.js", SCRIPT, include_str!("../../../web/admin/publish.js")),
    ("/admin/refresher.js", SCRIPT, include_str!("../../../web/admin/refresher.js")),
    ("/admin/user.js", SCRIPT, include_str!("../../../web/admin/user.js")),
];

/// Nothing from elsewhere, nothing inline, and nobody may show the page in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn router() -> Router {
    let router = FILES.into_iter().fold(Router::new(), |router, (path, kind, content)| {
        router.route(path, get(async move || file(kind, content)))
    });
    router
        .route("/admin/", get(async || Redirect::permanent("/admin")))
        .route(live::PATH, get(async || (StatusCode::UPGRADE_REQUIRED, "this is a WebSocket endpoint\n")))
}

fn file(kind: &'static str, content: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        // The next version of the program may have another page.
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, content).into_response()
}
