//! The WebSocket endpoints of the demos that do not go through the hub.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::{Duration, Instant};

use longwire::Server;
use longwire::mode::Routed;

pub(super) use super::game::PATH as GAME_PATH;
use super::game::{self, Arena, Game};
pub(super) use super::media::PATH as MEDIA_PATH;
use super::media::{Media, Rooms};
use crate::serve::access::AccessLog;
use crate::serve::statistics::Statistics;
use crate::serve::yjs::{self, DocumentLimits, Documents, Yjs};

/// How often idle documents are looked for.
const FORGETTING: Duration = Duration::from_secs(60);

/// Adds them to a server.
pub(super) fn add(server: Server<Routed>, statistics: &Arc<Statistics>, access: AccessLog) -> Server<Routed> {
    let statistics = || Arc::clone(statistics);
    let arena = Arc::new(Arena::new(RandomState::new().hash_one("the arena")));
    let ticked = Arc::clone(&arena);
    let documents = Documents::new(DocumentLimits::default());
    let kept = Arc::clone(&documents);
    server
        .every(game::PERIOD, move |topics| ticked.tick(topics))
        .route(GAME_PATH, Game { arena, statistics: statistics(), access })
        .route(MEDIA_PATH, Media { rooms: Arc::new(Rooms::new()), statistics: statistics(), access })
        .every(FORGETTING, move |_| kept.forget_idle(Instant::now()))
        .route(yjs::PATH, Yjs { documents, statistics: statistics(), access })
}
