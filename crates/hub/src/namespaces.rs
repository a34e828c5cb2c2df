//! The namespaces of a server.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::access::Access;
use crate::channel::ChannelName;
use crate::demo_namespaces::demo_namespaces;
use crate::namespace::{NamespaceOptions, PRIVATE_PREFIX};

/// The longest name of a namespace, in bytes.
const MAX_NAME: usize = 64;

/// The namespaces of a server, and the options of channels without a namespace.
///
/// By default, clients with a user may subscribe to channels without a namespace, and everybody may use the namespaces
/// of the demos: `demo`, `demo-latest`, and those whose names begin with `demo-`.
///
/// ```
/// use longwire_hub::{ChannelRefusal, Namespaces, NamespaceOptions};
///
/// let namespaces = Namespaces::new(NamespaceOptions::default()).with("chat", NamespaceOptions::demo())?;
/// assert!(namespaces.find(&"chat:tea".parse()?)?.presence);
/// assert_eq!(namespaces.find(&"other:tea".parse()?), Err(ChannelRefusal::Unknown));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Namespaces {
    without: Arc<NamespaceOptions>,
    named: BTreeMap<Box<str>, Arc<NamespaceOptions>>,
}

/// Why there is no such channel.
///
/// ```
/// assert_eq!(longwire_hub::ChannelRefusal::Unknown.code(), 102);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelRefusal {
    /// There is no such namespace (error 102).
    Unknown,
    /// The namespace does not allow this name (error 107).
    Name,
}

/// A name that no namespace can have: it has 1 to 64 letters, digits, hyphens, underscores and dots.
///
/// ```
/// use longwire_hub::{NamespaceOptions, Namespaces};
///
/// assert!(Namespaces::default().with("a:b", NamespaceOptions::default()).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidNamespaceName;

impl Namespaces {
    /// No namespaces; these options for channels without one.
    #[must_use]
    pub fn new(without: NamespaceOptions) -> Namespaces {
        Namespaces { without: Arc::new(without), named: BTreeMap::new() }
    }

    /// Those of the demos, whose users anybody can be: the default ones and `demo-inbox`. Without a namespace, clients need
    /// a subscription token.
    #[must_use]
    pub fn demos() -> Namespaces {
        let mut named = Namespaces::default().named;
        named.insert("demo-inbox".into(), Arc::new(NamespaceOptions::demo_inbox()));
        Namespaces { without: Arc::default(), named }
    }

    /// Adds or replaces a namespace.
    ///
    /// # Errors
    ///
    /// The name is empty, longer than 64 bytes, or has a character other than letters, digits, `-`, `_` and `.`.
    pub fn with(mut self, name: &str, options: NamespaceOptions) -> Result<Namespaces, InvalidNamespaceName> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(is_plain) {
            return Err(InvalidNamespaceName);
        }
        self.named.insert(name.into(), Arc::new(options));
        Ok(self)
    }

    /// The options of a channel. A `$` at its beginning does not belong to its namespace.
    ///
    /// # Errors
    ///
    /// There is no such namespace, or it does not allow this name.
    pub fn find(&self, channel: &ChannelName) -> Result<&Arc<NamespaceOptions>, ChannelRefusal> {
        let public = channel.strip_prefix(PRIVATE_PREFIX).unwrap_or(channel);
        let (options, name) = match public.split_once(':') {
            Some((namespace, name)) => (self.named.get(namespace).ok_or(ChannelRefusal::Unknown)?, name),
            None => (&self.without, public),
        };
        match &options.name {
            _ if name.is_empty() => Err(ChannelRefusal::Name),
            Some(rule) if !rule.allows(name) => Err(ChannelRefusal::Name),
            _ => Ok(options),
        }
    }

    /// The namespaces, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &NamespaceOptions)> {
        self.named.iter().map(|(name, options)| (&**name, &**options))
    }
}

impl Default for Namespaces {
    fn default() -> Namespaces {
        let without =
            NamespaceOptions { subscribe: Access::USER | Access::TOKEN, ..NamespaceOptions::default() };
        let demos = [("demo", NamespaceOptions::demo()), ("demo-latest", NamespaceOptions::demo_latest())];
        let demos = demos.into_iter().chain(demo_namespaces());
        let named = demos.map(|(name, options)| (name.into(), Arc::new(options)));
        Namespaces { without: Arc::new(without), named: named.collect() }
    }
}

impl ChannelRefusal {
    /// The code of the error.
    #[must_use]
    pub fn code(self) -> u32 {
        match self {
            ChannelRefusal::Unknown => 102,
            ChannelRefusal::Name => 107,
        }
    }
}

impl fmt::Display for ChannelRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChannelRefusal::Unknown => "there is no such namespace",
            ChannelRefusal::Name => "the namespace does not allow this name",
        })
    }
}

impl std::error::Error for ChannelRefusal {}

impl fmt::Display for InvalidNamespaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a namespace's name has 1 to 64 letters, digits, hyphens, underscores and dots")
    }
}

impl std::error::Error for InvalidNamespaceName {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Permission, Requester};

    fn found(namespaces: &Namespaces, name: &str) -> Result<bool, ChannelRefusal> {
        namespaces.find(&name.parse().unwrap()).map(|options| options.presence)
    }

    #[test]
    fn a_channel_has_the_options_of_its_namespace() {
        let namespaces = Namespaces::default();
        assert_eq!(found(&namespaces, "news"), Ok(false));
        assert_eq!(found(&namespaces, "demo:tea"), Ok(true));
        assert_eq!(found(&namespaces, "$demo:tea"), Ok(true));
        assert_eq!(found(&namespaces, "demo:tea:time"), Ok(true));
        for unknown in ["Demo:tea", ":tea", "demo2:tea", "$:tea", "$$demo:tea"] {
            assert_eq!(found(&namespaces, unknown), Err(ChannelRefusal::Unknown), "{unknown}");
        }
        for nameless in ["demo:", "$", "$demo:"] {
            assert_eq!(found(&namespaces, nameless), Err(ChannelRefusal::Name), "{nameless}");
        }
    }

    #[test]
    fn a_rule_holds_for_the_whole_name_without_the_namespace() {
        let options =
            NamespaceOptions { name: Some("[a-z]+|[0-9]+".parse().unwrap()), ..NamespaceOptions::demo() };
        let namespaces = Namespaces::new(options.clone()).with("chat", options).unwrap();
        for (name, is_allowed) in [
            ("tea", true),
            ("7", true),
            ("tea7", false),
            ("chat:tea", true),
            ("chat:TEA", false),
            ("$chat:7", true),
        ] {
            assert_eq!(found(&namespaces, name).is_ok(), is_allowed, "{name}");
        }
        for pattern in ["(", "a)(b", &"a".repeat(257), "(?:a{1000}){1000}"] {
            assert!(pattern.parse::<crate::name_rule::NameRule>().is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_user_of_the_demos_has_its_inbox_and_nobody_else_s() {
        let namespaces = Namespaces::demos();
        let of_42 = Requester { user: "42", ..Requester::default() };
        for (name, expected) in [
            ("demo:tea", Permission::Allowed),
            ("demo-inbox:#42", Permission::Allowed),
            ("demo-inbox:#43", Permission::Denied),
            ("demo-inbox:tea", Permission::Denied),
            ("news", Permission::Denied),
        ] {
            let channel = name.parse().unwrap();
            assert_eq!(
                namespaces.find(&channel).unwrap().may_subscribe(&channel, &of_42),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn by_default_anonymous_clients_have_the_demo_and_nothing_else() {
        let namespaces = Namespaces::default();
        let anonymous = Requester::default();
        let may = |name: &str| {
            let channel = name.parse().unwrap();
            namespaces.find(&channel).unwrap().may_subscribe(&channel, &anonymous)
        };
        assert_eq!(may("demo:tea"), Permission::Allowed);
        assert_eq!(may("news"), Permission::Denied);
        let news = namespaces.find(&"news".parse().unwrap()).unwrap();
        let subscriber = Requester { is_subscriber: true, has_token: true, user: "42" };
        assert_eq!(news.publish.decide(&subscriber), Permission::Denied);
    }
}
