//! The parameters of the admin page's methods.

use serde::Deserialize;

/// The most entries of one page.
const MAX_PAGE: usize = 1_000;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SignInParams {
    /// The password, or the token.
    pub(super) secret: String,
}

/// A list with the largest first.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ListParams {
    /// A pattern with `*` and `?`; what has neither may be anywhere in the name.
    filter: String,
    limit: usize,
}

impl ListParams {
    pub(super) fn pattern(&self) -> String {
        match &self.filter {
            filter if filter.is_empty() || filter.contains(['*', '?']) => filter.clone(),
            part => format!("*{part}*"),
        }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit.min(MAX_PAGE)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ChannelQuery {
    pub(super) channel: String,
}

/// A page of the users that are present in a channel.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MembersParams {
    pub(super) channel: String,
    pub(super) skip: usize,
    limit: usize,
}

impl MembersParams {
    pub(super) fn limit(&self) -> usize {
        self.limit.min(MAX_PAGE)
    }
}

/// A page of a channel's history, from new to old.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PublicationsParams {
    pub(super) channel: String,
    /// Only publications before this offset; 0 for the newest.
    pub(super) before: u64,
    limit: usize,
}

impl PublicationsParams {
    pub(super) fn limit(&self) -> usize {
        self.limit.min(100)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UserParams {
    pub(super) user: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ClientQuery {
    pub(super) client: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_without_wildcards_may_be_anywhere() {
        for (filter, expected) in [("", ""), ("tea", "*tea*"), ("chat:*", "chat:*"), ("t?a", "t?a")] {
            assert_eq!(ListParams { filter: filter.into(), limit: 1 }.pattern(), expected);
        }
    }
}
