//! What a case tests: the rule of an RFC, how binding it is, and the family.

use std::fmt;

use serde::Serialize;

/// A rule of an RFC, in a sentence of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) rfc: u16,
    pub(crate) section: &'static str,
    pub(crate) says: &'static str,
}

impl Rule {
    /// A rule of RFC 6455, the WebSocket protocol.
    pub(crate) const fn of_6455(section: &'static str, says: &'static str) -> Rule {
        Rule { rfc: 6455, section, says }
    }

    /// A rule of RFC 7692, the compression of messages.
    pub(crate) const fn of_7692(section: &'static str, says: &'static str) -> Rule {
        Rule { rfc: 7692, section, says }
    }

    /// Where the rule stands, as in `RFC 6455 §5.5`.
    pub(crate) fn paragraph(&self) -> String {
        format!("RFC {} §{}", self.rfc, self.section)
    }
}

/// How binding a rule is.
///
/// ```
/// assert_eq!(longwire_check::Level::Must.to_string(), "must");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The RFC requires it.
    Must,
    /// The RFC recommends it, or it costs those who are connected if it is missing.
    Should,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Must => "must",
            Level::Should => "should",
        })
    }
}

/// A group of cases that test one part of the protocol.
///
/// ```
/// use longwire_check::Family;
///
/// assert_eq!(Family::Handshake.to_string(), "handshake");
/// assert!(Family::ALL.contains(&Family::Utf8));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// The opening handshake (RFC 6455 §4).
    Handshake,
    /// The origin of pages (§10.2).
    Origin,
    /// Reserved bits and opcodes (§5.2).
    Framing,
    /// The masking of clients' frames (§5.3).
    Masking,
    /// The three forms of lengths (§5.2).
    Lengths,
    /// Messages in several frames (§5.4).
    Fragmentation,
    /// Ping and pong (§5.5).
    Control,
    /// The encoding of text (§8.1).
    Utf8,
    /// The closing handshake (§7).
    Closing,
    /// permessage-deflate (RFC 7692).
    Compression,
    /// Subprotocols (RFC 6455 §1.9).
    Subprotocols,
    /// Pings over a longer time (§5.5.2).
    Keepalive,
    /// Large, many and unread messages (§10.4).
    Limits,
    /// TLS below the WebSocket (§10.6).
    Tls,
    /// Attacks, with a well-behaved client beside them. They run only if asked for.
    Attack,
}

impl Family {
    /// All families, in the order in which they are shown.
    pub const ALL: [Family; 15] = [
        Family::Handshake,
        Family::Origin,
        Family::Framing,
        Family::Masking,
        Family::Lengths,
        Family::Fragmentation,
        Family::Control,
        Family::Utf8,
        Family::Closing,
        Family::Compression,
        Family::Subprotocols,
        Family::Keepalive,
        Family::Limits,
        Family::Tls,
        Family::Attack,
    ];
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Family::Handshake => "handshake",
            Family::Origin => "origin",
            Family::Framing => "framing",
            Family::Masking => "masking",
            Family::Lengths => "lengths",
            Family::Fragmentation => "fragmentation",
            Family::Control => "control",
            Family::Utf8 => "utf8",
            Family::Closing => "closing",
            Family::Compression => "compression",
            Family::Subprotocols => "subprotocols",
            Family::Keepalive => "keepalive",
            Family::Limits => "limits",
            Family::Tls => "tls",
            Family::Attack => "attack",
        })
    }
}
