//! Where the admin page is served.

use std::sync::Arc;

use longwire::Topics;

use super::access::PageSchemes;
use super::live::{self, LivePages};
use super::page::Admin;
use super::router::router;
use crate::config::AdminSection;
use crate::failure::Failure;
use crate::serve::access::AccessLog;
use crate::serve::client_network::Ipv6Prefix;
use crate::serve::hub::Node;
use crate::serve::listen::{Listening, Place};

/// The admin page, and where it is served.
pub(crate) struct ServedAdmin {
    pub(crate) page: Arc<Admin>,
    /// Its own addresses; empty where clients connect.
    pub(crate) places: Vec<Place>,
}

/// What the page has in common with the server for clients.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SharedSettings {
    /// Whether browsers reach that server by HTTPS.
    pub(crate) is_secure: bool,
    pub(crate) access: AccessLog,
    pub(crate) ipv6_prefix: Ipv6Prefix,
}

impl ServedAdmin {
    /// The page, if it is on. Its own addresses are served from now on, until the program ends. `topics` are those of the
    /// server for clients.
    pub(crate) fn begin(
        section: &AdminSection,
        listening: &mut Listening,
        shared: SharedSettings,
        node: &Arc<Node>,
        topics: &Topics,
    ) -> Result<Option<ServedAdmin>, Failure> {
        if !section.enabled {
            return Ok(None);
        }
        let SharedSettings { is_secure, access, ipv6_prefix } = shared;
        let own = listening.server().map(|server| server.workers(1).topics());
        let (schemes, topics) = match &own {
            Some((_, topics)) => (PageSchemes::Either, vec![topics.clone()]),
            None if is_secure => (PageSchemes::Https, vec![topics.clone()]),
            None => (PageSchemes::Http, vec![topics.clone()]),
        };
        let page = Admin::new(Arc::clone(node), &section.secrets(), schemes, topics, ipv6_prefix)?;
        if let Some((server, _)) = own {
            let (pages, live) = (router(Arc::clone(&page)), LivePages { page: Arc::clone(&page), access });
            let server = if access.is_on { server.count_traffic() } else { server };
            tokio::spawn(async move {
                if let Err(error) = server.http(pages).route(live::PATH, live).run().await {
                    tracing::error!(%error, "the admin page has ended");
                }
            });
        }
        Ok(Some(ServedAdmin { page, places: listening.places.clone() }))
    }
}
