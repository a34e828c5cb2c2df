//! Where the admin page is served.

use std::sync::Arc;

use longwire::Topics;

use super::access::PageSchemes;
use super::live::{self, LivePages};
use super::page::Admin;
use super::router::router;
use crate::config::AdminSection;
use crate::failure::Failure;
use crate::serve::hub::Node;
use crate::serve::listen::{Listening, Place};

/// The admin page, and where it is served.
pub(crate) struct ServedAdmin {
    pub(crate) page: Arc<Admin>,
    /// Its own addresses; empty where clients connect.
    pub(crate) places: Vec<Place>,
}

impl ServedAdmin {
    /// The page, if it is on. Its own addresses are served from now on, until the program ends. `topics` are those of the
    /// server for clients, and `is_secure` says how browsers reach that.
    pub(crate) fn begin(
        section: &AdminSection,
        listening: &mut Listening,
        is_secure: bool,
        node: &Arc<Node>,
        topics: &Topics,
    ) -> Result<Option<ServedAdmin>, Failure> {
        if !section.enabled {
            return Ok(None);
        }
        let own = listening.server().map(|server| server.workers(1).topics());
        let (schemes, topics) = match &own {
            Some((_, topics)) => (PageSchemes::Either, vec![topics.clone()]),
            None if is_secure => (PageSchemes::Https, vec![topics.clone()]),
            None => (PageSchemes::Http, vec![topics.clone()]),
        };
        let page = Admin::new(Arc::clone(node), &section.secrets(), schemes, topics)?;
        if let Some((server, _)) = own {
            let (pages, live) = (router(Arc::clone(&page)), LivePages(Arc::clone(&page)));
            tokio::spawn(async move {
                if let Err(error) = server.http(pages).route(live::PATH, live).run().await {
                    tracing::error!(%error, "the admin page has ended");
                }
            });
        }
        Ok(Some(ServedAdmin { page, places: listening.places.clone() }))
    }
}
