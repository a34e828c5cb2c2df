//! Why a token is refused.

use std::fmt;

use super::algorithm::Algorithm;
use crate::time::Millis;

/// The most characters of a token's own text that an error repeats.
const MAX_SHOWN: usize = 80;

/// Why a token is refused, in detail. This is for the log: a client sees only a [`TokenRejection`].
///
/// ```
/// use longwire_hub::{TokenError, TokenRejection};
///
/// let error = TokenError::MissingClaim("sub");
/// assert_eq!(error.to_string(), "the token has no claim `sub`");
/// assert_eq!(error.rejection(), TokenRejection::Invalid);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// It is longer than [`MAX_TOKEN_LEN`](crate::MAX_TOKEN_LEN).
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// It is not a signed token.
    Malformed(String),
    /// Its header names an algorithm that is not supported, such as `none`.
    UnsupportedAlgorithm(String),
    /// Its header names an algorithm that no key for it has.
    WrongAlgorithm {
        /// The algorithm that the header names.
        named: Algorithm,
        /// The algorithms of the keys that the token may be signed with.
        expected: Vec<Algorithm>,
    },
    /// There are no keys, so no token is valid.
    NoKeys,
    /// Its header names a key that is not in the set.
    UnknownKey(String),
    /// The signature is wrong: the token was changed, or signed with another key.
    WrongSignature,
    /// It lacks a claim.
    MissingClaim(&'static str),
    /// A claim is wrong.
    WrongClaim {
        /// The claim's name.
        claim: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// It has expired.
    Expired {
        /// The moment that it names: the first at which it is not valid anymore.
        at: Millis,
    },
    /// It is not valid yet.
    NotYetValid {
        /// The first moment at which it is valid.
        at: Millis,
    },
    /// The keys could not be fetched. Another attempt may succeed.
    KeysUnavailable(String),
}

/// What a client learns when its token is refused.
///
/// ```
/// use longwire_hub::TokenRejection;
///
/// assert_eq!(TokenRejection::Expired.code(), 109);
/// assert_eq!(TokenRejection::Invalid.code(), 3500);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRejection {
    /// Error 109: the client fetches a new token.
    Expired,
    /// Disconnect 3500: the client does not come back.
    Invalid,
    /// Error 100, temporary: the client tries again.
    Unavailable,
}

impl TokenRejection {
    /// The code of the error, or of the disconnect if it is 3500.
    #[must_use]
    pub fn code(self) -> u32 {
        match self {
            TokenRejection::Expired => 109,
            TokenRejection::Invalid => 3500,
            TokenRejection::Unavailable => 100,
        }
    }
}

impl TokenError {
    /// What the client may see.
    #[must_use]
    pub fn rejection(&self) -> TokenRejection {
        match self {
            TokenError::Expired { .. } => TokenRejection::Expired,
            TokenError::KeysUnavailable(_) => TokenRejection::Unavailable,
            _ => TokenRejection::Invalid,
        }
    }

    /// A claim has a wrong value.
    pub(super) fn claim(claim: &'static str, problem: impl fmt::Display) -> TokenError {
        TokenError::WrongClaim { claim, problem: shortened(&problem.to_string()) }
    }
}

/// The beginning of a text that a client chose.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN).and_then(|(end, _)| text.get(..end)) {
        Some(begin) => format!("{begin}…"),
        None => text.to_owned(),
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenError::TooLong { len } => write!(f, "the token has {len} bytes, which is too long"),
            TokenError::Malformed(problem) => write!(f, "this is not a signed token: {problem}"),
            TokenError::UnsupportedAlgorithm(name) => {
                write!(f, "the token's header names the algorithm {name:?}, which is not supported")
            }
            TokenError::WrongAlgorithm { named, expected } => {
                write!(f, "the token's header names the algorithm {named}, but its key is for ")?;
                for (index, algorithm) in expected.iter().enumerate() {
                    write!(f, "{}{algorithm}", if index == 0 { "" } else { " or " })?;
                }
                Ok(())
            }
            TokenError::NoKeys => f.write_str("there is no key to verify tokens with"),
            TokenError::UnknownKey(id) => {
                write!(f, "the token's header names the key {id:?}, which is unknown")
            }
            TokenError::WrongSignature => {
                f.write_str("the token's signature is wrong: it was changed, or signed with another key")
            }
            TokenError::MissingClaim(claim) => write!(f, "the token has no claim `{claim}`"),
            TokenError::WrongClaim { claim, problem } => {
                write!(f, "the token's claim `{claim}` is wrong: {}", problem.escape_debug())
            }
            TokenError::Expired { at } => write!(f, "the token expired at {} (Unix time)", at.as_secs()),
            TokenError::NotYetValid { at } => {
                write!(f, "the token's claim `nbf` makes it valid from {} (Unix time)", at.as_secs())
            }
            TokenError::KeysUnavailable(problem) => {
                write!(f, "the keys to verify tokens with are not available: {}", problem.escape_debug())
            }
        }
    }
}

impl std::error::Error for TokenError {}
