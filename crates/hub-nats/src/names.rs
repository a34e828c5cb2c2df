//! The names of subjects and streams.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use longwire_hub::{ChannelName, PRIVATE_PREFIX};
use ring::digest::{SHA256, digest};

/// How much of a digest stands in a subject, in bytes. That two texts share it by chance does not happen.
const DIGEST_LEN: usize = 16;

/// Names everything of one prefix.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    prefix: String,
}

/// What a stream keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Publications, positions and versions.
    History,
    /// Idempotency keys.
    Keys,
    /// Who is present.
    Presence,
}

/// The channels that share their streams: those of a namespace. The token stands in subjects and names of streams.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Group(String);

impl Group {
    pub(crate) fn of(channel: &ChannelName) -> Group {
        let namespace = channel.namespace().map(|name| name.strip_prefix(PRIVATE_PREFIX).unwrap_or(name));
        // No encoded name has small letters behind an equals sign.
        Group(namespace.map_or_else(|| "=none".to_owned(), encode))
    }
}

impl Names {
    pub(crate) fn new(prefix: &str) -> Names {
        Names { prefix: prefix.to_owned() }
    }

    pub(crate) fn stream(&self, kind: Kind, group: &Group) -> String {
        let kind = match kind {
            Kind::History => "history",
            Kind::Keys => "keys",
            Kind::Presence => "presence",
        };
        format!("{}-{kind}-{}", self.prefix, group.0)
    }

    /// The subjects that a stream keeps.
    pub(crate) fn kept_by(&self, kind: Kind, group: &Group) -> Vec<String> {
        let (prefix, group) = (&self.prefix, &group.0);
        match kind {
            Kind::History => {
                vec![format!("{prefix}.history.{group}.>"), format!("{prefix}.version.{group}.*")]
            }
            Kind::Keys => vec![format!("{prefix}.key.{group}.*.*")],
            Kind::Presence => vec![format!("{prefix}.presence.{group}.*.*.*")],
        }
    }

    /// The history of all channels of a group.
    pub(crate) fn all_history(&self, group: &Group) -> String {
        format!("{}.history.{}.>", self.prefix, group.0)
    }

    /// Where nodes listen to all channels of a group.
    pub(crate) fn all_events(&self, group: &Group) -> String {
        format!("{}.events.{}.>", self.prefix, group.0)
    }

    pub(crate) fn history(&self, channel: &ChannelName) -> String {
        self.of_channel("history", channel)
    }

    /// Where nodes listen to a channel. NATS publishes here again what it has stored in the channel's history.
    pub(crate) fn events(&self, channel: &ChannelName) -> String {
        self.of_channel("events", channel)
    }

    /// The last version that was published without history.
    pub(crate) fn version(&self, channel: &ChannelName) -> String {
        self.of_channel("version", channel)
    }

    pub(crate) fn key(&self, channel: &ChannelName, key: &str) -> String {
        format!("{}.{}", self.of_channel("key", channel), digest_of(key))
    }

    pub(crate) fn present(&self, channel: &ChannelName, client: &str, user: &str) -> String {
        format!("{}.{}.{}", self.of_channel("presence", channel), encode(client), digest_of(user))
    }

    pub(crate) fn present_client(&self, channel: &ChannelName, client: &str) -> String {
        format!("{}.{}.*", self.of_channel("presence", channel), encode(client))
    }

    pub(crate) fn all_present(&self, channel: &ChannelName) -> String {
        format!("{}.*.*", self.of_channel("presence", channel))
    }

    /// A stream that does not exist.
    pub(crate) fn no_stream(&self) -> String {
        format!("{}-=probe", self.prefix)
    }

    /// All subjects.
    pub(crate) fn all(&self) -> String {
        format!("{}.>", self.prefix)
    }

    /// Where nodes listen to the channel of a subject of presence.
    pub(crate) fn events_of_present(&self, subject: &str) -> Option<String> {
        let place = subject.strip_prefix(&format!("{}.presence.", self.prefix))?;
        let mut tokens = place.split('.');
        let (group, channel) = (tokens.next()?, tokens.next()?);
        Some(format!("{}.events.{group}.{channel}", self.prefix))
    }

    pub(crate) fn nodes(&self) -> String {
        format!("{}.nodes", self.prefix)
    }

    /// A subject that only tells whether this node may publish and subscribe.
    pub(crate) fn probe(&self) -> String {
        format!("{}.events.=probe", self.prefix)
    }

    fn of_channel(&self, what: &str, channel: &ChannelName) -> String {
        format!("{}.{what}.{}.{}", self.prefix, Group::of(channel).0, encode(channel))
    }
}

/// The user's part of a subject of presence.
pub(crate) fn user_of(subject: &str) -> &str {
    subject.rsplit_once('.').map_or(subject, |(_, user)| user)
}

/// Any text as one token of a subject. Different texts have different tokens: all but ASCII letters, digits, hyphens and
/// underscores is written as `=` and two hexadecimal digits for each byte.
fn encode(text: &str) -> String {
    if text.is_empty() {
        return "==".to_owned();
    }
    let mut token = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            token.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _written = write!(token, "={byte:02X}");
        }
    }
    token
}

/// A text of any length as one short token.
fn digest_of(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.as_ref().get(..DIGEST_LEN).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(token: &str) -> String {
        let mut parts = token.split('=');
        let mut bytes = parts.next().unwrap().as_bytes().to_vec();
        for part in parts.filter(|_| token != "==") {
            let (digits, rest) = part.split_at(2);
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            bytes.extend(rest.as_bytes());
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn any_text_is_a_token_that_can_be_read_back() {
        for text in
            ["", "news", "a.b", "a b", "*", ">", "a=2Eb", "==", "=none", "\u{fc}ber", "\0\n\t", "$a:b#1,2"]
        {
            let token = encode(text);
            assert_eq!(decode(&token), text);
            assert!(token.bytes().all(|byte| byte.is_ascii_graphic() && !b".*>".contains(&byte)), "{token}");
        }
    }

    #[test]
    fn the_channels_of_a_namespace_share_their_streams() {
        let names = Names::new("longwire");
        let stream = |channel: &str| names.stream(Kind::History, &Group::of(&channel.parse().unwrap()));
        assert_eq!(stream("chat:tea"), "longwire-history-chat");
        assert_eq!(stream("$chat:tea"), "longwire-history-chat");
        assert_eq!(stream("a.b:tea"), "longwire-history-a=2Eb");
        assert_eq!(stream("tea"), "longwire-history-=none");
        assert_ne!(stream("=none:tea"), stream("tea"));
    }

    #[test]
    fn a_subject_of_presence_names_the_channel_and_the_user() {
        let names = Names::new("longwire");
        let subject = names.present(&"news".parse().unwrap(), "c.1", "42");
        assert_eq!(user_of(&subject), digest_of("42"));
        assert_eq!(names.events_of_present(&subject), Some(names.events(&"news".parse().unwrap())));
        assert_ne!(digest_of("42"), digest_of("4.2"));
    }
}
