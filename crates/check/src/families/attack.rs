//! All attacks, as cases.

use crate::attack_kind::Kind;
use crate::case::{Case, Need};
use crate::rule::{Family, Rule};

const HANDSHAKE_TIME: Rule = Rule {
    rfc: 9112,
    section: "9.5",
    says: "Clients that send their request slowly do not keep others from being served.",
};
const HEAD_LENGTH: Rule = Rule {
    rfc: 9110,
    section: "5.4",
    says: "A server answers a request whose headers are larger than it takes with an error, and does not read them to \
           their end.",
};
const MANY_CLIENTS: Rule = Rule::of_6455(
    "10",
    "Clients that come and go at once do not keep others from being served, and leave nothing behind.",
);
const UNREAD: Rule = Rule::of_6455(
    "10.4",
    "A server that is not read from keeps a bounded amount of what it has to send, and serves others.",
);
const LENGTH: Rule = Rule::of_6455(
    "10.4",
    "A server limits the length of a message after its fragments are joined, and serves others meanwhile.",
);
const INFLATED: Rule = Rule::of_6455(
    "10.4",
    "A server limits the length of a message after it is inflated, and stops inflating there.",
);
const DECLARED: Rule = Rule::of_6455("10.4", "A declared length takes no memory until the bytes have come.");

/// The attacks on a server, in the order in which they are shown. They run one at a time, after all other cases.
///
/// ```
/// let attacks = longwire_check::attacks();
/// assert!(attacks.iter().all(|attack| attack.id().starts_with("attack/")));
/// ```
#[must_use]
pub fn attacks() -> Vec<Case> {
    let attack = |kind: Kind, rule: Rule, name: &str, title: &str| {
        Case::attack(rule, name, title, kind).of(Family::Attack)
    };
    vec![
        // Those that need the least memory run first: what a process keeps after an attack hides the growth in later ones.
        attack(
            Kind::SlowHandshake,
            HANDSHAKE_TIME,
            "slow-handshake",
            "50 clients send a byte of their request every 50 ms",
        ),
        attack(
            Kind::HandshakeFlood,
            MANY_CLIENTS,
            "handshake-flood",
            "up to 5,000 clients, 16 at a time, open a connection and drop it",
        ),
        attack(Kind::HeaderFlood, HEAD_LENGTH, "header-flood", "8 clients send headers that do not end"),
        attack(
            Kind::DeclaredLengths,
            DECLARED,
            "declared-lengths",
            "100 clients declare 1 MiB or 16 MiB and send three bytes",
        ),
        attack(
            Kind::Resets,
            MANY_CLIENTS,
            "resets",
            "up to 2,000 clients, 8 at a time, reset their connection within a message",
        ),
        attack(Kind::PingFlood, UNREAD, "ping-flood-unread", "a client sends pings and reads nothing"),
        attack(
            Kind::EmptyFragments,
            LENGTH,
            "empty-fragments",
            "a message in empty fragments that does not end",
        ),
        attack(
            Kind::TinyFragments,
            LENGTH,
            "tiny-fragments",
            "a message in fragments of one byte that does not end",
        ),
        attack(
            Kind::EndlessMessage,
            LENGTH,
            "endless-message",
            "a message in fragments of 64 KiB that does not end",
        ),
        attack(Kind::Bomb, INFLATED, "bomb", "compressed messages that inflate to 256 MiB each")
            .needing(Need::Deflate),
        attack(
            Kind::EchoUnread,
            UNREAD,
            "echo-unread",
            "a client sends messages of 64 KiB and reads no echo",
        )
        .needing(Need::Echo),
    ]
}
