//! Who may do what in a channel.

use std::ops::BitOr;

/// Who may do something in the channels of a namespace: any of several groups.
///
/// ```
/// use longwire_hub::{Access, Permission, Requester};
///
/// let access = Access::USER | Access::TOKEN;
/// let ann = Requester { user: "42", is_subscriber: false, has_token: false };
/// assert_eq!(access.decide(&ann), Permission::Allowed);
/// let anonymous = Requester { user: "", ..ann };
/// assert_eq!(access.decide(&anonymous), Permission::Denied);
/// assert_eq!((access | Access::HOOK).decide(&anonymous), Permission::AskHook);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Access(u8);

/// Who asks.
///
/// ```
/// let anonymous = longwire_hub::Requester::default();
/// assert!(anonymous.user.is_empty() && !anonymous.is_subscriber);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Requester<'a> {
    /// The user; empty for anonymous clients.
    pub user: &'a str,
    /// Whether the client is subscribed to the channel.
    pub is_subscriber: bool,
    /// Whether the client has, or subscribed with, a valid token for the channel.
    pub has_token: bool,
}

/// Whether a client may do what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Permission {
    /// It may.
    Allowed,
    /// It may not (error 103).
    Denied,
    /// The back end's web hook decides.
    AskHook,
}

impl Access {
    /// Nobody. Back ends may always.
    pub const NOBODY: Access = Access(0);
    /// Every client, including anonymous ones.
    pub const ANONYMOUS: Access = Access(1);
    /// Every client that has a user.
    pub const USER: Access = Access(1 << 1);
    /// Every subscriber of the channel.
    pub const SUBSCRIBER: Access = Access(1 << 2);
    /// Every client with a token for the channel.
    pub const TOKEN: Access = Access(1 << 3);
    /// Whomever the web hook allows. It is asked if no other group allows it.
    pub const HOOK: Access = Access(1 << 4);

    /// The groups by the names that configurations use.
    pub const NAMES: [(&str, Access); 5] = [
        ("anonymous", Access::ANONYMOUS),
        ("user", Access::USER),
        ("subscriber", Access::SUBSCRIBER),
        ("token", Access::TOKEN),
        ("hook", Access::HOOK),
    ];

    /// Whether all of these groups are included.
    #[must_use]
    pub fn includes(self, groups: Access) -> bool {
        self.0 & groups.0 == groups.0
    }

    /// Whether the client may.
    pub fn decide(self, who: &Requester<'_>) -> Permission {
        let is_allowed = self.includes(Access::ANONYMOUS)
            || self.includes(Access::USER) && !who.user.is_empty()
            || self.includes(Access::SUBSCRIBER) && who.is_subscriber
            || self.includes(Access::TOKEN) && who.has_token;
        if is_allowed {
            Permission::Allowed
        } else if self.includes(Access::HOOK) {
            Permission::AskHook
        } else {
            Permission::Denied
        }
    }
}

impl BitOr for Access {
    type Output = Access;

    fn bitor(self, other: Access) -> Access {
        Access(self.0 | other.0)
    }
}
