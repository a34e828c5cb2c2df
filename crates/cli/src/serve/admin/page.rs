//! What all requests of the admin page share.

use std::sync::Arc;

use longwire::Topics;

use super::access::{Access, PageSchemes};
use super::figures::FigureHistory;
use super::sessions::SessionNumber;
use crate::config::Secret;
use crate::failure::Failure;
use crate::serve::client_network::Ipv6Prefix;
use crate::serve::hub::{LineAllowance, Node};

/// The close code for pages of a session that has ended: policy violation.
const SIGNED_OUT: u16 = 1008;

/// The admin page, which all its requests share.
pub(crate) struct Admin {
    pub(super) node: Arc<Node>,
    pub(super) access: Access,
    pub(super) figures: FigureHistory,
    /// The lines of the log about failures to sign in.
    pub(super) failures: LineAllowance,
    /// The topics of the servers that serve the page.
    pub(super) pages: Vec<Topics>,
}

impl Admin {
    /// The page, for who knows one of the secrets; for everybody without any.
    pub(crate) fn new(
        node: Arc<Node>,
        secrets: &[Secret],
        schemes: PageSchemes,
        pages: Vec<Topics>,
        ipv6_prefix: Ipv6Prefix,
    ) -> Result<Arc<Admin>, Failure> {
        let access = Access::new(secrets, schemes, ipv6_prefix)?;
        let (figures, failures) = (FigureHistory::default(), LineAllowance::default());
        Ok(Arc::new(Admin { node, access, figures, failures, pages }))
    }

    /// Replaces the secrets. If they are others, everybody has to sign in again.
    pub(crate) fn replace_secrets(&self, secrets: &[Secret]) {
        let ended = self.access.replace(secrets);
        self.close_pages(&ended);
    }

    /// Closes the WebSockets of sessions that have ended.
    pub(super) fn close_pages(&self, ended: &[SessionNumber]) {
        for session in ended {
            for pages in &self.pages {
                // The code may be sent, and nobody waits for the end.
                let _closing = pages.close(&session.topic(), SIGNED_OUT, "signed out");
            }
        }
    }
}
