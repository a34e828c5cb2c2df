//! When connections and subscriptions end.

use crate::time::Millis;

/// When something ends, and who renews it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expiry {
    Never,
    /// The client sends a new token.
    Token(Millis),
    /// The back end is asked.
    Hook(Millis),
}

impl Expiry {
    pub(super) fn by_token(at: Option<Millis>) -> Expiry {
        at.map_or(Expiry::Never, Expiry::Token)
    }

    pub(super) fn by_hook(at: Option<Millis>) -> Expiry {
        at.map_or(Expiry::Never, Expiry::Hook)
    }

    pub(super) fn at(self) -> Option<Millis> {
        match self {
            Expiry::Never => None,
            Expiry::Token(at) | Expiry::Hook(at) => Some(at),
        }
    }

    /// When there is something to do: after the grace that a client has, or at once if the back end is asked.
    pub(super) fn due(self, grace: std::time::Duration) -> Option<Millis> {
        match self {
            Expiry::Never => None,
            Expiry::Token(at) => Some(at + grace),
            Expiry::Hook(at) => Some(at),
        }
    }

    /// Whether it has expired already.
    pub(super) fn is_past(self, now: Millis) -> bool {
        self.at().is_some_and(|at| at <= now)
    }

    /// The fields `expires` and `ttl` of replies, in seconds.
    pub(super) fn fields(self, now: Millis) -> (bool, u32) {
        match self.at() {
            None => (false, 0),
            Some(at) => {
                let seconds = at.as_secs().saturating_sub(now.as_secs());
                (true, u32::try_from(seconds).unwrap_or(u32::MAX).min(MAX_TTL))
            }
        }
    }
}

/// A year: the longest time to live that clients see. They start timers with it.
const MAX_TTL: u32 = 365 * 86_400;
