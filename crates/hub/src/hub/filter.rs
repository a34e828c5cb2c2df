//! Which clients a back end means.

use bytestring::ByteString;

/// Which clients a call is about: all of a user's, one of them, or one by itself.
///
/// ```
/// use longwire_hub::ClientFilter;
///
/// let filter = ClientFilter { user: "42".into(), except: vec!["c1".into()], ..ClientFilter::default() };
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientFilter {
    /// The user; empty with a client or a session alone.
    pub user: ByteString,
    /// Only this client.
    pub client: Option<ByteString>,
    /// Only the client with this session.
    pub session: Option<ByteString>,
    /// Not these clients.
    pub except: Vec<ByteString>,
}

impl ClientFilter {
    /// Whether it is about a single client.
    pub(super) fn is_of_one(&self) -> bool {
        self.client.is_some() || self.session.is_some()
    }
}
