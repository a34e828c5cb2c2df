//! The files of the admin page, embedded in the program.

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use http::StatusCode;

use super::live;
use crate::page_files::{self, PageFile};

/// What the start page has, too, is here again: the admin page may have an
/// address of its own.
const FILES: [PageFile; 20] = [
    ("/admin", include_str!("../../../web/admin/index.html")),
    ("/admin/base.css", include_str!("../../../web/base.css")),
    ("/admin/admin.css", include_str!("../../../web/admin/admin.css")),
    ("/admin/favicon.svg", include_str!("../../../web/favicon.svg")),
    ("/admin/connection.js", include_str!("../../../web/connection.js")),
    ("/admin/status.js", include_str!("../../../web/status.js")),
    ("/admin/app.js", include_str!("../../../web/admin/app.js")),
    ("/admin/api.js", include_str!("../../../web/admin/api.js")),
    ("/admin/channel.js", include_str!("../../../web/admin/channel.js")),
    ("/admin/dom.js", include_str!("../../../web/admin/dom.js")),
    ("/admin/figures.js", include_str!("../../../web/admin/figures.js")),
    ("/admin/format.js", include_str!("../../../web/admin/format.js")),
    ("/admin/lists.js", include_str!("../../../web/admin/lists.js")),
    ("/admin/members.js", include_str!("../../../web/admin/members.js")),
    ("/admin/nodes.js", include_str!("../../../web/admin/nodes.js")),
    ("/admin/plot.js", include_str!("../../../web/admin/plot.js")),
    ("/admin/publications.js", include_str!("../../../web/admin/publications.js")),
    ("/admin/publish.js", include_str!("../../../web/admin/publish.js")),
    ("/admin/refresher.js", include_str!("../../../web/admin/refresher.js")),
    ("/admin/user.js", include_str!("../../../web/admin/user.js")),
];

/// Nothing from elsewhere, nothing inline, and nobody may show the page in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn router() -> Router {
    page_files::router(FILES, POLICY)
        .route("/admin/", get(async || Redirect::permanent("/admin")))
        .route(live::PATH, get(async || (StatusCode::UPGRADE_REQUIRED, "this is a WebSocket endpoint\n")))
}
