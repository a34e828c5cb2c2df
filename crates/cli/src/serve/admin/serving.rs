//! Where the admin page is served.

use std::net::SocketAddr;
use std::sync::Arc;

use longwire::{Server, Topics};

use super::access::PageSchemes;
use super::live::{self, LivePages};
use super::page::Admin;
use super::router::router;
use crate::config::AdminSection;
use crate::failure::Failure;
use crate::serve::hub::Node;
use crate::serve::listen::listen;

/// The admin page, and where it is served.
pub(crate) struct ServedAdmin {
    pub(crate) page: Arc<Admin>,
    /// Its own address; `None` where clients connect.
    pub(crate) address: Option<SocketAddr>,
}

impl ServedAdmin {
    /// The page, if it is on. Its own addresses are served from now on, until the program ends. `topics` are those of the
    /// server for clients, and `is_secure` says how browsers reach that.
    pub(crate) async fn begin(
        section: &AdminSection,
        is_secure: bool,
        node: &Arc<Node>,
        topics: &Topics,
    ) -> Result<Option<ServedAdmin>, Failure> {
        if !section.enabled {
            return Ok(None);
        }
        let (mut servers, mut own_topics) = (Vec::new(), Vec::new());
        for address in &section.listen {
            let (server, topics) = listen(&address.0).await?.workers(1).topics();
            servers.push(server);
            own_topics.push(topics);
        }
        let address = servers.first().map(Server::local_addr);
        let (schemes, topics) = match address {
            Some(_) => (PageSchemes::Either, own_topics),
            None if is_secure => (PageSchemes::Https, vec![topics.clone()]),
            None => (PageSchemes::Http, vec![topics.clone()]),
        };
        let page = Admin::new(Arc::clone(node), &section.secrets(), schemes, topics)?;
        for server in servers {
            let (pages, live) = (router(Arc::clone(&page)), LivePages(Arc::clone(&page)));
            tokio::spawn(async move {
                if let Err(error) = server.http(pages).route(live::PATH, live).run().await {
                    tracing::error!(%error, "the admin page has ended");
                }
            });
        }
        Ok(Some(ServedAdmin { page, address }))
    }
}
