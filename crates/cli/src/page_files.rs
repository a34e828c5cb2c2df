//! Files of web pages that are embedded in the program, and how they are served.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};

/// Path and content of a file. Its media type follows from the end of its name; a path without an end is a page.
pub(crate) type PageFile = (&'static str, &'static str);

/// Serves `files` at their paths. `policy`: their Content-Security-Policy.
pub(crate) fn router(files: impl IntoIterator<Item = PageFile>, policy: &'static str) -> Router {
    files.into_iter().fold(Router::new(), |router, (path, content)| {
        router.route(path, get(async move || file(path, content, policy)))
    })
}

/// The file with this path.
pub(crate) fn file(path: &str, content: &'static str, policy: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, media_type(path)),
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // For browsers that do not know `frame-ancestors`.
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        // The next version of the program may have another page.
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, content).into_response()
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        Some((_, "html")) | None => "text/html; charset=utf-8",
        Some(_) => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_type_follows_from_the_name() {
        let types = ["/", "/admin", "/a/index.html", "/a.css", "/a.b.js", "/a.svg", "/a.bin"].map(media_type);
        let text = |kind: &str| format!("text/{kind}; charset=utf-8");
        assert_eq!(types[..5], [text("html"), text("html"), text("html"), text("css"), text("javascript")]);
        assert_eq!(types[5..], ["image/svg+xml".to_owned(), text("plain")]);
    }
}
