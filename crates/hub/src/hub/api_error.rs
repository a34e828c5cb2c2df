//! Why a call of the back end fails.

use std::fmt;

use crate::broker::BrokerError;
use crate::centrifuge::ErrorCode;
use crate::channel::InvalidChannelName;
use crate::namespaces::ChannelRefusal;

/// Why a call of the back end fails, with the code that clients of the API expect.
///
/// ```
/// use longwire_hub::{ApiError, centrifuge::ErrorCode};
///
/// let error = ApiError::from(ErrorCode::UnknownChannel);
/// assert_eq!((error.code(), error.to_string().as_str()), (102, "unknown channel"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiError(ErrorCode);

impl ApiError {
    /// The code.
    #[must_use]
    pub fn code(self) -> u32 {
        self.0.code()
    }

    /// The text.
    #[must_use]
    pub fn message(self) -> &'static str {
        self.0.message()
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> ApiError {
        ApiError(code)
    }
}

impl From<BrokerError> for ApiError {
    fn from(error: BrokerError) -> ApiError {
        ApiError(error.into())
    }
}

impl From<BrokerError> for ErrorCode {
    fn from(error: BrokerError) -> ErrorCode {
        match error {
            BrokerError::UnrecoverablePosition => ErrorCode::UnrecoverablePosition,
            BrokerError::LimitExceeded => ErrorCode::LimitExceeded,
            BrokerError::Unavailable => ErrorCode::Internal,
        }
    }
}

impl From<ChannelRefusal> for ErrorCode {
    fn from(refusal: ChannelRefusal) -> ErrorCode {
        match refusal {
            ChannelRefusal::Unknown => ErrorCode::UnknownChannel,
            ChannelRefusal::Name => ErrorCode::BadRequest,
        }
    }
}

impl From<ChannelRefusal> for ApiError {
    fn from(refusal: ChannelRefusal) -> ApiError {
        ApiError(refusal.into())
    }
}

impl From<InvalidChannelName> for ApiError {
    fn from(_: InvalidChannelName) -> ApiError {
        ApiError(ErrorCode::BadRequest)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for ApiError {}
