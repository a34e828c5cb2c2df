//! The options of a namespace.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::access::{Access, Permission, Requester};
use crate::broker::HistoryOptions;
use crate::channel::ChannelName;
use crate::name_rule::NameRule;

/// Begins the names of private channels, to which clients subscribe only with a token or by the web hook.
pub const PRIVATE_PREFIX: char = '$';

/// What the channels of a namespace do, and who may use them. By default: nothing but live publications of the back end,
/// to clients with a subscription token.
///
/// ```
/// use longwire_hub::{Access, NamespaceOptions};
///
/// let mut chat = NamespaceOptions::default();
/// chat.presence = true;
/// chat.subscribe = Access::USER;
/// chat.publish = Access::SUBSCRIBER;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamespaceOptions {
    /// Keep who is in a channel.
    pub presence: bool,
    /// Publish when clients join and leave.
    pub join_leave: bool,
    /// Push joins and leaves also to subscribers that do not ask for them.
    pub force_push_join_leave: bool,
    /// How much history is kept.
    pub history: HistoryOptions,
    /// Whether subscribers get what they missed.
    pub recovery: RecoveryPolicy,
    /// What they get.
    pub recovery_mode: RecoveryMode,
    /// The most publications that one subscriber gets at once when it recovers, or for one page of history.
    pub max_page: usize,
    /// Who may subscribe.
    pub subscribe: Access,
    /// Who may publish.
    pub publish: Access,
    /// Who may read presence and its statistics.
    pub read_presence: Access,
    /// Who may read history.
    pub read_history: Access,
    /// Whether channels such as `dialog#42,43` exist, to which only these users may subscribe.
    pub user_limited: bool,
    /// The names that channels may have, without the namespace.
    pub name: Option<NameRule>,
    /// What happens to subscribers that read too slowly.
    pub slow: SlowPolicy,
    /// How often one client may publish; without a limit if `None`.
    pub publish_rate: Option<PublishRate>,
    /// Subscribers that ask for it get the difference to the previous publication (`fossil`).
    pub delta: bool,
}

/// Whether subscribers get what they missed while they were away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecoveryPolicy {
    /// Never.
    #[default]
    Off,
    /// If they ask.
    OnRequest,
    /// Always.
    Forced,
}

/// What recovery brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecoveryMode {
    /// Every missed publication, in order.
    #[default]
    Stream,
    /// The newest publication, also to new subscribers.
    Cache,
}

/// What happens to subscribers that read more slowly than a channel publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SlowPolicy {
    /// They are disconnected with 3008 once their queue is full.
    #[default]
    Disconnect,
    /// At most this many publications of the channel wait for each; the oldest is dropped.
    DropOldest(NonZeroU32),
    /// Only the newest publication of the channel waits for each.
    Latest,
}

/// How often one client may publish to the channels of a namespace.
///
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use longwire_hub::PublishRate;
///
/// let ten_a_second = PublishRate { count: NonZeroU32::new(10).unwrap(), per: Duration::from_secs(1) };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishRate {
    /// The most publications,
    pub count: NonZeroU32,
    /// in this time.
    pub per: Duration,
}

impl Default for NamespaceOptions {
    fn default() -> NamespaceOptions {
        NamespaceOptions {
            presence: false,
            join_leave: false,
            force_push_join_leave: false,
            history: HistoryOptions::default(),
            recovery: RecoveryPolicy::Off,
            recovery_mode: RecoveryMode::Stream,
            max_page: 300,
            subscribe: Access::TOKEN,
            publish: Access::NOBODY,
            read_presence: Access::NOBODY,
            read_history: Access::NOBODY,
            user_limited: false,
            name: None,
            slow: SlowPolicy::Disconnect,
            publish_rate: None,
            delta: false,
        }
    }
}

impl NamespaceOptions {
    /// For trying things out: everybody may subscribe, and subscribers may do everything, 20 publications a second.
    #[must_use]
    pub fn demo() -> NamespaceOptions {
        let history = HistoryOptions {
            size: 1_000,
            bytes: 1 << 20,
            ttl: Duration::from_secs(600),
            meta_ttl: Duration::from_secs(3_600),
            ..HistoryOptions::default()
        };
        NamespaceOptions {
            presence: true,
            join_leave: true,
            history,
            recovery: RecoveryPolicy::OnRequest,
            subscribe: Access::ANONYMOUS,
            publish: Access::SUBSCRIBER,
            read_presence: Access::SUBSCRIBER,
            read_history: Access::SUBSCRIBER,
            publish_rate: NonZeroU32::new(20).map(|count| PublishRate { count, per: Duration::from_secs(1) }),
            delta: true,
            ..NamespaceOptions::default()
        }
    }

    /// Like [`demo`](NamespaceOptions::demo), for what changes often: without history, 60 publications a second, and slow
    /// subscribers get only the newest.
    #[must_use]
    pub fn demo_latest() -> NamespaceOptions {
        NamespaceOptions {
            history: HistoryOptions::default(),
            recovery: RecoveryPolicy::Off,
            read_history: Access::NOBODY,
            publish_rate: NonZeroU32::new(60).map(|count| PublishRate { count, per: Duration::from_secs(1) }),
            slow: SlowPolicy::Latest,
            delta: false,
            ..NamespaceOptions::demo()
        }
    }

    /// Like [`demo`](NamespaceOptions::demo), for channels such as `#42`: only the user 42 may subscribe, and only the back
    /// end publishes.
    #[must_use]
    pub fn demo_inbox() -> NamespaceOptions {
        NamespaceOptions {
            presence: false,
            join_leave: false,
            subscribe: Access::NOBODY,
            publish: Access::NOBODY,
            read_presence: Access::NOBODY,
            user_limited: true,
            ..NamespaceOptions::demo()
        }
    }

    /// Whether a client may subscribe to this channel. In a channel of certain users, only these may. In a private
    /// channel, only a token or the web hook allows it.
    pub fn may_subscribe(&self, channel: &ChannelName, who: &Requester<'_>) -> Permission {
        if channel.starts_with(PRIVATE_PREFIX) {
            let with_token = Requester { user: "", is_subscriber: false, has_token: who.has_token };
            let hook = if self.subscribe.includes(Access::HOOK) { Access::HOOK } else { Access::NOBODY };
            return (Access::TOKEN | hook).decide(&with_token);
        }
        if channel.is_user_limited() {
            let is_listed = self.user_limited && channel.allows_user(who.user);
            return if is_listed { Permission::Allowed } else { Permission::Denied };
        }
        self.subscribe.decide(who)
    }

    /// What makes no sense together, by the names of the options; empty if all is well.
    #[must_use]
    pub fn contradictions(&self) -> Vec<(&'static str, &'static str)> {
        let mut found = Vec::new();
        if self.recovery != RecoveryPolicy::Off && !self.history.is_kept() {
            found.push(("recovery", "needs history: set history.size and history.ttl"));
        }
        if self.history.size > 0 && self.history.ttl.is_zero() {
            found.push(("history", "keeps nothing: history.size needs history.ttl"));
        }
        if self.history.size == 0 && !self.history.ttl.is_zero() {
            found.push(("history", "keeps nothing: history.ttl needs history.size"));
        }
        if self.history.is_kept() && self.history.meta_ttl < self.history.ttl {
            found.push((
                "history",
                "forgets positions too early: history.meta_ttl must be at least history.ttl",
            ));
        }
        if self.force_push_join_leave && !self.join_leave {
            found.push(("force_push_join_leave", "needs join_leave"));
        }
        if self.read_presence != Access::NOBODY && !self.presence {
            found.push(("read_presence", "needs presence"));
        }
        if self.read_history != Access::NOBODY && !self.history.is_kept() {
            found.push(("read_history", "needs history: set history.size and history.ttl"));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(name: &str) -> ChannelName {
        name.parse().unwrap()
    }

    fn user(user: &str) -> Requester<'_> {
        Requester { user, ..Requester::default() }
    }

    #[test]
    fn by_default_only_a_token_lets_a_client_in() {
        let options = NamespaceOptions::default();
        let news = channel("news");
        assert_eq!(options.may_subscribe(&news, &user("")), Permission::Denied);
        assert_eq!(options.may_subscribe(&news, &user("42")), Permission::Denied);
        let with_token = Requester { has_token: true, ..user("") };
        assert_eq!(options.may_subscribe(&news, &with_token), Permission::Allowed);
        let subscriber = Requester { is_subscriber: true, ..with_token };
        assert_eq!(options.publish.decide(&subscriber), Permission::Denied);
        assert!(options.contradictions().is_empty());
    }

    #[test]
    fn in_a_channel_of_certain_users_nothing_else_helps() {
        let mut options = NamespaceOptions { subscribe: Access::ANONYMOUS, ..NamespaceOptions::default() };
        let with_token = Requester { has_token: true, ..user("4") };
        assert_eq!(options.may_subscribe(&channel("a#42"), &user("42")), Permission::Denied);
        options.user_limited = true;
        assert_eq!(options.may_subscribe(&channel("a#42"), &user("42")), Permission::Allowed);
        assert_eq!(options.may_subscribe(&channel("a#42"), &with_token), Permission::Denied);
        assert_eq!(options.may_subscribe(&channel("a#"), &user("")), Permission::Denied);
    }

    #[test]
    fn a_private_channel_needs_a_token_or_the_hook() {
        let mut options = NamespaceOptions { subscribe: Access::ANONYMOUS, ..NamespaceOptions::default() };
        let private = channel("$a");
        assert_eq!(options.may_subscribe(&private, &user("42")), Permission::Denied);
        let with_token = Requester { has_token: true, ..user("42") };
        assert_eq!(options.may_subscribe(&private, &with_token), Permission::Allowed);
        options.subscribe = Access::ANONYMOUS | Access::HOOK;
        assert_eq!(options.may_subscribe(&private, &user("42")), Permission::AskHook);
    }

    #[test]
    fn what_makes_no_sense_together_is_named() {
        let mut options =
            NamespaceOptions { recovery: RecoveryPolicy::Forced, ..NamespaceOptions::default() };
        options.history.size = 10;
        let named: Vec<&str> = options.contradictions().into_iter().map(|(option, _)| option).collect();
        assert_eq!(named, ["recovery", "history"]);
        for demo in
            [NamespaceOptions::demo(), NamespaceOptions::demo_latest(), NamespaceOptions::demo_inbox()]
        {
            assert!(demo.contradictions().is_empty());
        }
    }
}
