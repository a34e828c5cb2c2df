//! The demos: their pages, embedded in the program, the users that visitors of the pages are, and the demos that have their
//! own endpoints.

mod desk;
pub(super) mod feed;
mod game;
mod league;
mod market;
mod media;
mod rate;
mod sockets;
pub(super) mod switch;
mod visitors;

use std::sync::Arc;

use axum::Router;
use axum::response::IntoResponse as _;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use longwire::Server;
use longwire::mode::Routed;

pub(super) use self::switch::Demos;
use super::access::AccessLog;
use super::page::{file, websocket_only};
use super::statistics::Statistics;
use super::yjs;
pub(super) use desk::router as desk_router;
pub(super) use visitors::Visitors;

/// The file of this path in `web/demo`, and its path.
macro_rules! embedded {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../web/demo/", $path)))),*]
    };
}

/// The files of all demos. One that has an `index.html` is served at `/demo/NAME`, and is in the gallery, in this order;
/// its card is in `card.js`.
const FILES: &[(&str, &str)] = embedded![
    "shared/hub.js",
    "shared/page.css",
    "shared/ordered.js",
    "shared/page.js",
    "shared/people.css",
    "shared/people.js",
    "shared/sparkline.js",
    "shared/visitor.js",
    "chat/index.html",
    "chat/card.js",
    "chat/chat.css",
    "chat/chat.js",
    "chat/log.js",
    "chat/people.js",
    "chat/room.js",
    "notifications/index.html",
    "notifications/back-end.js",
    "notifications/card.js",
    "notifications/inbox.js",
    "notifications/notifications.css",
    "notifications/notifications.js",
    "notifications/read-position.js",
    "ticker/index.html",
    "ticker/card.js",
    "ticker/prices.js",
    "ticker/reader.js",
    "ticker/scores.js",
    "ticker/ticker.css",
    "ticker/ticker.js",
    "editor/index.html",
    "editor/card.js",
    "editor/carets.js",
    "editor/editor.css",
    "editor/editor.js",
    "editor/ot.js",
    "editor/shared-text.js",
    "whiteboard/index.html",
    "whiteboard/board.js",
    "whiteboard/canvas.js",
    "whiteboard/card.js",
    "whiteboard/whiteboard.css",
    "whiteboard/whiteboard.js",
    "sensors/index.html",
    "sensors/board.js",
    "sensors/card.js",
    "sensors/fleet.js",
    "sensors/panel.js",
    "sensors/sensors.css",
    "sensors/sensors.js",
    "sensors/tab-device.js",
    "game/index.html",
    "game/arena.js",
    "game/card.js",
    "game/controls.js",
    "game/game.css",
    "game/game.js",
    "game/protocol.js",
    "game/timeline.js",
    "media/index.html",
    "media/capture.js",
    "media/card.js",
    "media/clock.js",
    "media/media.css",
    "media/media.js",
    "media/player.js",
    "media/protocol.js",
    "media/sender.js",
    "media/server-clock.js",
    "media/sources.js",
];

/// The pages of the demos, and the list of them for the gallery.
pub(super) fn router(demos: Demos) -> Router {
    let files = match demos {
        Demos::On => FILES,
        Demos::Off => &[],
    };
    let list = list(files);
    let endpoints = match demos {
        Demos::On => &[yjs::PATH, sockets::GAME_PATH, sockets::MEDIA_PATH][..],
        Demos::Off => &[],
    };
    let router = endpoints.iter().fold(Router::new(), |router, path| router.route(path, get(websocket_only)));
    let router = router.route(
        "/demos.json",
        get(async move || {
            ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], list).into_response()
        }),
    );
    files.iter().fold(router, |router, &(path, content)| {
        let served = get(async move || file(path, content));
        match path.strip_suffix("/index.html") {
            Some(name) => router
                .route(&format!("/demo/{name}"), served.clone())
                .route(&format!("/demo/{name}/"), served),
            None => router.route(&format!("/demo/{path}"), served),
        }
    })
}

/// Adds the WebSocket endpoints of the demos that have their own.
pub(super) fn add_sockets(
    server: Server<Routed>,
    demos: Demos,
    statistics: &Arc<Statistics>,
    access: AccessLog,
) -> Server<Routed> {
    match demos {
        Demos::On => sockets::add(server, statistics, access),
        Demos::Off => server,
    }
}

/// The names of the demos, as JSON.
fn list(files: &[(&str, &str)]) -> String {
    let names = files.iter().filter_map(|(path, _)| path.strip_suffix("/index.html"));
    let names: Vec<String> = names.map(|name| format!("{name:?}")).collect();
    format!("{{\"demos\":[{}]}}\n", names.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_its_card() {
        for (path, _) in FILES {
            let Some(name) = path.strip_suffix("/index.html") else { continue };
            assert!(FILES.iter().any(|(path, _)| *path == format!("{name}/card.js")), "{name}");
        }
    }

    #[test]
    fn the_gallery_has_the_pages_in_order() {
        let files = [("shared/hub.js", ""), ("b/index.html", ""), ("b/b.js", ""), ("a/index.html", "")];
        assert_eq!(list(&files), "{\"demos\":[\"b\",\"a\"]}\n");
        assert_eq!(list(&[]), "{\"demos\":[]}\n");
    }
}
