//! What a store listens to, and the names of keys.

use longwire_hub::ChannelName;

/// What a store listens to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    /// The messages of nodes to all nodes.
    Nodes,
    /// The events of a channel.
    Channel(ChannelName),
}

/// What belongs to one server, since it has one hash tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// A hash: the stream's epoch and newest offset.
    Position,
    /// A stream: the publications by their offsets.
    Entries,
    /// A list: the length and the time of each entry.
    Sizes,
    /// A string: the last version that was published.
    Version,
    /// A hash: the clients that are present.
    Members,
    /// A sorted set: their clients by their expiry.
    Deadlines,
    /// A hash: how many clients each user has.
    Users,
    /// What is subscribed to.
    Events,
}

impl KeyKind {
    fn name(self) -> &'static str {
        match self {
            KeyKind::Position => "position",
            KeyKind::Entries => "entries",
            KeyKind::Sizes => "sizes",
            KeyKind::Version => "version",
            KeyKind::Members => "members",
            KeyKind::Deadlines => "deadlines",
            KeyKind::Users => "users",
            KeyKind::Events => "events",
        }
    }
}

impl Topic {
    /// The hash tag. A closing brace would end it early, so it is escaped.
    pub(crate) fn tag(&self) -> String {
        match self {
            Topic::Nodes => "all nodes".to_owned(),
            Topic::Channel(channel) => channel.replace('%', "%25").replace('}', "%7D"),
        }
    }

    /// What is subscribed to.
    pub(crate) fn name(&self, prefix: &str) -> Vec<u8> {
        match self {
            Topic::Nodes => format!("{prefix}:nodes:{{{}}}", self.tag()).into_bytes(),
            Topic::Channel(_) => self.key(prefix, KeyKind::Events),
        }
    }

    pub(crate) fn key(&self, prefix: &str, kind: KeyKind) -> Vec<u8> {
        format!("{prefix}:{}:{{{}}}", kind.name(), self.tag()).into_bytes()
    }

    /// The key of what is known of an idempotency key.
    pub(crate) fn idempotency_key(&self, prefix: &str, key: &str) -> Vec<u8> {
        format!("{prefix}:key:{{{}}}:{key}", self.tag()).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(name: &str) -> Topic {
        Topic::Channel(name.parse().unwrap())
    }

    #[test]
    fn the_hash_tag_is_the_whole_name_whatever_is_in_it() {
        for name in ["news", "}", "a}b", "{a}", "%7D"] {
            let key = String::from_utf8(channel(name).key("longwire", KeyKind::Entries)).unwrap();
            let (_, rest) = key.split_once('{').unwrap();
            let (tag, rest) = rest.split_once('}').unwrap();
            assert!(!tag.is_empty() && rest.is_empty(), "{key}");
        }
    }

    #[test]
    fn different_channels_have_different_keys() {
        let name = |topic: &Topic| topic.key("longwire", KeyKind::Entries);
        assert_ne!(name(&channel("a}")), name(&channel("a%7D")));
        let one = channel("a").idempotency_key("longwire", "b}:c");
        assert_ne!(one, channel("a}:b").idempotency_key("longwire", "c"));
    }
}
