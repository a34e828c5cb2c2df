//! Which hooks there are, and how they fail.

use std::fmt;
use std::time::Duration;

use longwire_hub::BackendError;
use longwire_hub::centrifuge::ErrorCode;

use crate::http_client::HttpFailure;

/// A question to the back end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum HookKind {
    Connect,
    Refresh,
    Subscribe,
    Publish,
    Rpc,
    SubRefresh,
}

/// Why a hook has no answer.
#[derive(Debug)]
pub(super) enum HookFailure {
    Http(HttpFailure),
    /// The answer is not what the hook expects.
    Malformed(String),
    /// Too many requests run and wait, or this one has waited too long.
    Busy,
    /// The program shuts down.
    Ended,
}

impl HookKind {
    /// The key of its URL in `[hooks]`.
    pub(super) fn name(self) -> &'static str {
        match self {
            HookKind::Connect => "connect",
            HookKind::Refresh => "refresh",
            HookKind::Subscribe => "subscribe",
            HookKind::Publish => "publish",
            HookKind::Rpc => "rpc",
            HookKind::SubRefresh => "sub_refresh",
        }
    }

    /// Whether the back end only answers. It may get such a request again if the connection breaks.
    pub(super) fn is_repeatable(self) -> bool {
        !matches!(self, HookKind::Publish | HookKind::Rpc)
    }
}

impl HookFailure {
    /// The kind of failure, which the log reports now and then.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            HookFailure::Http(HttpFailure::Unreachable(_)) => "unreachable",
            HookFailure::Http(HttpFailure::TimedOut(_)) => "timed out",
            HookFailure::Http(HttpFailure::Status(_)) => "status",
            HookFailure::Http(HttpFailure::TooLong(_)) => "too long",
            HookFailure::Malformed(_) => "malformed",
            HookFailure::Busy => "busy",
            HookFailure::Ended => "ended",
        }
    }
}

impl From<HookFailure> for BackendError {
    fn from(failure: HookFailure) -> BackendError {
        match failure {
            HookFailure::Busy => BackendError::Error(ErrorCode::TooManyRequests.into()),
            _ => BackendError::Unavailable,
        }
    }
}

impl fmt::Display for HookFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HookFailure::Http(failure) => failure.fmt(f),
            HookFailure::Malformed(problem) => write!(f, "the answer makes no sense: {problem}"),
            HookFailure::Busy => f.write_str("too many requests at a time"),
            HookFailure::Ended => f.write_str("the program shuts down"),
        }
    }
}

/// How long a connection or subscription goes on if the back end cannot be asked whether it may.
pub(super) const WITHOUT_ANSWER: Duration = Duration::from_secs(60);
