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
    JsonNumbered,
    JsonDeltaNumbered,
    JsonNumberedJoins,
}

/// How pushes say which channel they are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Naming {
    /// By its name.
    #[default]
    Name,
    /// By its number, which the client has negotiated. There is one per channel and node, so that clients share messages.
    Number,
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
    pub(crate) const COUNT: usize = 14;

    /// Those that carry publications.
    pub(crate) const PUBLICATIONS: [Variant; 9] = [
        Variant::Json,
        Variant::Protobuf,
        Variant::JsonBare,
        Variant::ProtobufBare,
        Variant::JsonDelta,
        Variant::ProtobufDelta,
        Variant::Plain,
        Variant::JsonNumbered,
        Variant::JsonDeltaNumbered,
    ];

    /// Those that carry joins and leaves, with their encodings.
    pub(crate) const JOINS: [(Variant, Encoding, Wrapping); 5] = [
        (Variant::JsonJoins, Encoding::Json, Wrapping::Reply),
        (Variant::ProtobufJoins, Encoding::Protobuf, Wrapping::Reply),
        (Variant::JsonBareJoins, Encoding::Json, Wrapping::Bare),
        (Variant::ProtobufBareJoins, Encoding::Protobuf, Wrapping::Bare),
        (Variant::JsonNumberedJoins, Encoding::Json, Wrapping::Reply),
    ];

    /// The variant of a subscription's publications. Numbers are negotiated in JSON alone.
    pub(crate) fn of(encoding: Encoding, wrapping: Wrapping, delta: bool, naming: Naming) -> Variant {
        match (encoding, wrapping, delta) {
            (Encoding::Json, Wrapping::Reply, true) if naming == Naming::Number => Variant::JsonDeltaNumbered,
            (Encoding::Json, Wrapping::Reply, false) if naming == Naming::Number => Variant::JsonNumbered,
            (Encoding::Json, Wrapping::Reply, true) => Variant::JsonDelta,
            (Encoding::Protobuf, Wrapping::Reply, true) => Variant::ProtobufDelta,
            (Encoding::Json, Wrapping::Reply, false) => Variant::Json,
            (Encoding::Protobuf, Wrapping::Reply, false) => Variant::Protobuf,
            (Encoding::Json, Wrapping::Bare, _) => Variant::JsonBare,
            (Encoding::Protobuf, Wrapping::Bare, _) => Variant::ProtobufBare,
        }
    }

    /// The variant of a subscription's joins and leaves.
    pub(crate) fn joins(encoding: Encoding, wrapping: Wrapping, naming: Naming) -> Variant {
        match (encoding, wrapping) {
            (Encoding::Json, Wrapping::Reply) if naming == Naming::Number => Variant::JsonNumberedJoins,
            (Encoding::Json, Wrapping::Reply) => Variant::JsonJoins,
            (Encoding::Protobuf, Wrapping::Reply) => Variant::ProtobufJoins,
            (Encoding::Json, Wrapping::Bare) => Variant::JsonBareJoins,
            (Encoding::Protobuf, Wrapping::Bare) => Variant::ProtobufBareJoins,
        }
    }

    /// How pushes of this variant say which channel they are of.
    pub(crate) fn naming(self) -> Naming {
        match self {
            Variant::JsonNumbered | Variant::JsonDeltaNumbered | Variant::JsonNumberedJoins => Naming::Number,
            _ => Naming::Name,
        }
    }

    pub(crate) fn content(self) -> Content {
        match self {
            Variant::Json | Variant::JsonJoins | Variant::JsonNumbered | Variant::JsonNumberedJoins => {
                Content::Pushes(Encoding::Json, Wrapping::Reply)
            }
            Variant::Protobuf | Variant::ProtobufJoins => {
                Content::Pushes(Encoding::Protobuf, Wrapping::Reply)
            }
            Variant::JsonBare | Variant::JsonBareJoins => Content::Pushes(Encoding::Json, Wrapping::Bare),
            Variant::ProtobufBare | Variant::ProtobufBareJoins => {
                Content::Pushes(Encoding::Protobuf, Wrapping::Bare)
            }
            Variant::JsonDelta | Variant::JsonDeltaNumbered => Content::Deltas(Encoding::Json),
            Variant::ProtobufDelta => Content::Deltas(Encoding::Protobuf),
            Variant::Plain => Content::AsSent,
        }
    }

    pub(crate) fn is_delta(self) -> bool {
        matches!(self.content(), Content::Deltas(_))
    }

    /// The place of the variant in a table.
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// The name of the topic of this variant for a channel. Each generation of subscribers has its own.
    pub(crate) fn topic(self, channel: &str, generation: u16) -> String {
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
            Variant::JsonNumbered => "jn:",
            Variant::JsonDeltaNumbered => "jdn:",
            Variant::JsonNumberedJoins => "jjn:",
        };
        if generation == 0 {
            return [prefix, channel].concat();
        }
        // No channel has such a name.
        format!("{prefix}{channel}\0{generation}")
    }
}
