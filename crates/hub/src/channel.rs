//! The names of channels.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The longest name of a channel, in bytes, as in Centrifugo.
const MAX_LEN: usize = 255;

/// The name of a channel, checked: 1 to 255 bytes of printable ASCII. Cheap to clone.
///
/// What precedes the first `:` names the channel's namespace. What follows a `#` names the users that may subscribe,
/// separated by commas.
///
/// ```
/// use longwire_hub::ChannelName;
///
/// let channel: ChannelName = "dialogs:talk#42,43".parse()?;
/// assert_eq!(channel.namespace(), Some("dialogs"));
/// assert!(channel.is_user_limited() && channel.allows_user("43") && !channel.allows_user("4"));
/// assert_eq!("news".parse::<ChannelName>()?.namespace(), None);
/// # Ok::<(), longwire_hub::InvalidChannelName>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelName(Arc<str>);

/// A name that no channel can have: it is empty, longer than 255 bytes, or has a byte that is not printable ASCII.
///
/// ```
/// use longwire_hub::ChannelName;
///
/// assert!("".parse::<ChannelName>().is_err());
/// assert!("a\nb".parse::<ChannelName>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidChannelName;

impl ChannelName {
    /// The namespace, if the name has one.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.0.split_once(':').map(|(namespace, _)| namespace)
    }

    /// Whether only the users that the name lists may subscribe.
    #[must_use]
    pub fn is_user_limited(&self) -> bool {
        self.0.contains('#')
    }

    /// Whether the name lists this user. Anonymous users, whose name is empty, are never listed.
    #[must_use]
    pub fn allows_user(&self, user: &str) -> bool {
        let listed = self.0.rsplit_once('#').map(|(_, users)| users);
        !user.is_empty() && listed.is_some_and(|users| users.split(',').any(|listed| listed == user))
    }
}

impl std::str::FromStr for ChannelName {
    type Err = InvalidChannelName;

    fn from_str(name: &str) -> Result<ChannelName, InvalidChannelName> {
        let is_printable = name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if name.is_empty() || name.len() > MAX_LEN || !is_printable {
            return Err(InvalidChannelName);
        }
        Ok(ChannelName(name.into()))
    }
}

impl Deref for ChannelName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ChannelName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for InvalidChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a channel's name has 1 to 255 bytes of printable ASCII")
    }
}

impl std::error::Error for InvalidChannelName {}
