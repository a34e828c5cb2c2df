//! `[channels]` and `[namespaces.…]`: the options of channels.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use longwire_hub::{
    Access, NameRule, NamespaceOptions, Namespaces, PublishRate, RecoveryMode, RecoveryPolicy, SlowPolicy,
};
use serde::Deserialize;

use super::problem::Problem;
use crate::values::{Parsed, Period, Size};

/// The options of one namespace. What is not there has the default of the hub.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NamespaceSection {
    presence: bool,
    join_leave: bool,
    force_push_join_leave: bool,
    history: HistorySection,
    recovery: RecoveryName,
    recovery_mode: ModeName,
    max_page: Option<usize>,
    subscribe: Option<Vec<GroupName>>,
    publish: Option<Vec<GroupName>>,
    read_presence: Option<Vec<GroupName>>,
    read_history: Option<Vec<GroupName>>,
    user_limited: bool,
    name: Option<Parsed<NameRule>>,
    slow: SlowName,
    publish_rate: Option<RateSection>,
    delta: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct HistorySection {
    size: usize,
    ttl: Option<Period>,
    bytes: Option<Size>,
    meta_ttl: Option<Period>,
    idempotency: Option<Period>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RecoveryName {
    #[default]
    Off,
    OnRequest,
    Forced,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ModeName {
    #[default]
    Stream,
    Cache,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GroupName {
    Anonymous,
    User,
    Subscriber,
    Token,
    Hook,
}

/// `"disconnect"`, `"latest"` or `{ drop_oldest = 16 }`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SlowName {
    #[default]
    Disconnect,
    Latest,
    DropOldest(NonZeroU32),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RateSection {
    count: NonZeroU32,
    per: Period,
}

impl NamespaceSection {
    fn options(&self) -> NamespaceOptions {
        let default = NamespaceOptions::default();
        let mut options = default.clone();
        options.presence = self.presence;
        options.join_leave = self.join_leave;
        options.force_push_join_leave = self.force_push_join_leave;
        options.history.size = self.history.size;
        options.history.ttl = self.history.ttl.map_or(Duration::ZERO, |ttl| ttl.0);
        options.history.bytes = self.history.bytes.map_or(default.history.bytes, |bytes| bytes.0);
        // Unless it is given, positions are remembered for as long as history is, at least.
        let meta_ttl = default.history.meta_ttl.max(options.history.ttl);
        options.history.meta_ttl = self.history.meta_ttl.map_or(meta_ttl, |ttl| ttl.0);
        options.history.idempotency =
            self.history.idempotency.map_or(default.history.idempotency, |time| time.0);
        options.recovery = match self.recovery {
            RecoveryName::Off => RecoveryPolicy::Off,
            RecoveryName::OnRequest => RecoveryPolicy::OnRequest,
            RecoveryName::Forced => RecoveryPolicy::Forced,
        };
        options.recovery_mode = match self.recovery_mode {
            ModeName::Stream => RecoveryMode::Stream,
            ModeName::Cache => RecoveryMode::Cache,
        };
        options.max_page = self.max_page.unwrap_or(default.max_page);
        options.subscribe = access(self.subscribe.as_deref(), default.subscribe);
        options.publish = access(self.publish.as_deref(), default.publish);
        options.read_presence = access(self.read_presence.as_deref(), default.read_presence);
        options.read_history = access(self.read_history.as_deref(), default.read_history);
        options.user_limited = self.user_limited;
        options.name = self.name.clone().map(|rule| rule.0);
        options.slow = match self.slow {
            SlowName::Disconnect => SlowPolicy::Disconnect,
            SlowName::Latest => SlowPolicy::Latest,
            SlowName::DropOldest(keep) => SlowPolicy::DropOldest(keep),
        };
        options.publish_rate =
            self.publish_rate.as_ref().map(|rate| PublishRate { count: rate.count, per: rate.per.0 });
        options.delta = self.delta;
        options
    }
}

fn access(groups: Option<&[GroupName]>, default: Access) -> Access {
    let Some(groups) = groups else { return default };
    groups.iter().fold(Access::NOBODY, |access, group| {
        access
            | match group {
                GroupName::Anonymous => Access::ANONYMOUS,
                GroupName::User => Access::USER,
                GroupName::Subscriber => Access::SUBSCRIBER,
                GroupName::Token => Access::TOKEN,
                GroupName::Hook => Access::HOOK,
            }
    })
}

/// Which hooks are configured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) subscribe: bool,
    pub(super) publish: bool,
}

/// The namespaces. Without any section, those that the hub has by default.
pub(super) fn namespaces(
    channels: Option<&NamespaceSection>,
    named: &BTreeMap<String, NamespaceSection>,
    hooks: Asked,
    problems: &mut Vec<Problem>,
) -> Namespaces {
    if channels.is_none() && named.is_empty() {
        return Namespaces::default();
    }
    let without = channels.map(NamespaceSection::options).unwrap_or_default();
    problems.extend(check("channels", &without, channels, hooks));
    let mut namespaces = Namespaces::new(without);
    for (name, section) in named {
        let (key, options) = (format!("namespaces.{name}"), section.options());
        problems.extend(check(&key, &options, Some(section), hooks));
        match namespaces.clone().with(name, options) {
            Ok(with) => namespaces = with,
            Err(error) => problems.push(Problem::new(key, error)),
        }
    }
    namespaces
}

fn check(
    key: &str,
    options: &NamespaceOptions,
    section: Option<&NamespaceSection>,
    hooks: Asked,
) -> Vec<Problem> {
    let named = |(option, message): (&str, &str)| Problem::new(format!("{key}.{option}"), message);
    let mut found: Vec<Problem> = options.contradictions().into_iter().map(named).collect();
    for (option, access, hook, is_configured) in [
        ("subscribe", options.subscribe, "hooks.subscribe", hooks.subscribe),
        ("publish", options.publish, "hooks.publish", hooks.publish),
    ] {
        if access.includes(Access::HOOK) && !is_configured {
            found.push(Problem::new(format!("{key}.{option}"), format!("\"hook\" needs {hook}")));
        }
    }
    for (option, access) in [("read_presence", options.read_presence), ("read_history", options.read_history)]
    {
        if access.includes(Access::HOOK) {
            found.push(Problem::new(format!("{key}.{option}"), "there is no hook for this"));
        }
    }
    if section.and_then(|section| section.publish_rate.as_ref()).is_some_and(|rate| rate.per.0.is_zero()) {
        found.push(Problem::new(format!("{key}.publish_rate.per"), "must be above 0"));
    }
    found
}
