//! The variants in which publications, joins and leaves are encoded, each in a topic of its own.

use crate::centrifuge::{Encoding, Wrapping};

/// The encoding of a topic. A topic's name is the prefix of its variant, and the channel's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    Json,
    Protobuf,
    JsonBare,
    ProtobufBare,
    JsonDelta,
    ProtobufDelta,
    Plain,
    JsonJoins,
    ProtobufJoins,
    JsonBareJoins,
    ProtobufBareJoins,
}

/// How publications are encoded for a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// As the publisher sent them.
    AsSent,
    /// As pushes, each with its whole content.
    Pushes(Encoding, Wrapping),
    /// As pushes with the difference to the previous publication.
    Deltas(Encoding),
}

impl Variant {
    pub(crate) const COUNT: usize = 11;

    /// Those that carry publications.
    pub(crate) const PUBLICATIONS: [Variant; 7] = [
        Variant::Json,
        Variant::Protobuf,
        Variant::JsonBare,
        Variant::ProtobufBare,
        Variant::JsonDelta,
        Variant::ProtobufDelta,
        Variant::Plain,
    ];

    /// Those that carry joins and leaves, with their encodings.
    pub(crate) const JOINS: [(Variant, Encoding, Wrapping); 4] = [
        (Variant::JsonJoins, Encoding::Json, Wrapping::Reply),
        (Variant::ProtobufJoins, Encoding::Protobuf, Wrapping::Reply),
        (Variant::JsonBareJoins, Encoding::Json, Wrapping::Bare),
        (Variant::ProtobufBareJoins, Encoding::Protobuf, Wrapping::Bare),
    ];

    /// The variant of a subscription's publications.
    pub(crate) fn of(encoding: Encoding, wrapping: Wrapping, delta: bool) -> Variant {
        match (encoding, wrapping, delta) {
            (Encoding::Json, Wrapping::Reply, true) => Variant::JsonDelta,
            (Encoding::Protobuf, Wrapping::Reply, true) => Variant::ProtobufDelta,
            (Encoding::Json, Wrapping::Reply, false) => Variant::Json,
            (Encoding::Protobuf, Wrapping::Reply, false) => Variant::Protobuf,
            (Encoding::Json, Wrapping::Bare, _) => Variant::JsonBare,
            (Encoding::Protobuf, Wrapping::Bare, _) => Variant::ProtobufBare,
        }
    }

    /// The variant of a subscription's joins and leaves.
    pub(crate) fn joins(encoding: Encoding, wrapping: Wrapping) -> Variant {
        match (encoding, wrapping) {
            (Encoding::Json, Wrapping::Reply) => Variant::JsonJoins,
            (Encoding::Protobuf, Wrapping::Reply) => Variant::ProtobufJoins,
            (Encoding::Json, Wrapping::Bare) => Variant::JsonBareJoins,
            (Encoding::Protobuf, Wrapping::Bare) => Variant::ProtobufBareJoins,
        }
    }

    pub(crate) fn content(self) -> Content {
        match self {
            Variant::Json | Variant::JsonJoins => Content::Pushes(Encoding::Json, Wrapping::Reply),
            Variant::Protobuf | Variant::ProtobufJoins => {
                Content::Pushes(Encoding::Protobuf, Wrapping::Reply)
            }
            Variant::JsonBare | Variant::JsonBareJoins => Content::Pushes(Encoding::Json, Wrapping::Bare),
            Variant::ProtobufBare | Variant::ProtobufBareJoins => {
                Content::Pushes(Encoding::Protobuf, Wrapping::Bare)
            }
            Variant::JsonDelta => Content::Deltas(Encoding::Json),
            Variant::ProtobufDelta => Content::Deltas(Encoding::Protobuf),
            Variant::Plain => Content::AsSent,
        }
    }

    pub(crate) fn is_delta(self) -> bool {
        matches!(self, Variant::JsonDelta | Variant::ProtobufDelta)
    }

    /// The place of the variant in a table.
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// The name of the topic of this variant for a channel.
    pub(crate) fn topic(self, channel: &str) -> String {
        let prefix = match self {
            Variant::Json => "j:",
            Variant::Protobuf => "p:",
            Variant::JsonBare => "J:",
            Variant::ProtobufBare => "P:",
            Variant::JsonDelta => "jd:",
            Variant::ProtobufDelta => "pd:",
            Variant::Plain => "t:",
            Variant::JsonJoins => "jj:",
            Variant::ProtobufJoins => "pj:",
            Variant::JsonBareJoins => "Jj:",
            Variant::ProtobufBareJoins => "Pj:",
        };
        [prefix, channel].concat()
    }
}
