//! Why a call failed.

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::RequestErrorKind;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{
    CreateStreamError, CreateStreamErrorKind, GetStreamError, GetStreamErrorKind, PublishError,
    PublishErrorKind, RequestError,
};
use async_nats::jetstream::stream::{
    DirectGetError, DirectGetErrorKind, PurgeError, PurgeErrorKind, RawMessageError, RawMessageErrorKind,
};
use longwire_hub::BrokerError;

const BETWEEN_COMPLAINTS: Duration = Duration::from_secs(5);

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The stream does not exist.
    NoStream,
    /// Another message came first.
    Conflict,
    /// Nothing can be done about it here.
    Broker(BrokerError),
}

impl Failure {
    pub(crate) fn unavailable(error: &(dyn Error + 'static)) -> Failure {
        tracing::debug!(error = %Chain(error), "a call to NATS failed");
        Failure::Broker(BrokerError::Unavailable)
    }

    /// NATS has refused what was asked.
    pub(crate) fn refused(error: &async_nats::jetstream::Error) -> Failure {
        match error.error_code() {
            ErrorCode::STREAM_NOT_FOUND => Failure::NoStream,
            ErrorCode::STREAM_NAME_EXIST => Failure::Conflict,
            code => {
                complain(error);
                let is_full = LIMITS.contains(&code);
                Failure::Broker(if is_full { BrokerError::LimitExceeded } else { BrokerError::Unavailable })
            }
        }
    }

    pub(crate) fn limit() -> Failure {
        Failure::Broker(BrokerError::LimitExceeded)
    }
}

/// Logs what NATS has refused, once in a while: what is full refuses everything.
fn complain(error: &async_nats::jetstream::Error) {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if last.is_none_or(|last| last.elapsed() >= BETWEEN_COMPLAINTS) {
        *last = Some(Instant::now());
        tracing::warn!(%error, "NATS refused a call");
    }
}

/// Something of NATS is full, or a message is too long.
const LIMITS: [ErrorCode; 10] = [
    ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
    ErrorCode::INSUFFICIENT_RESOURCES,
    ErrorCode::MAXIMUM_STREAMS_LIMIT,
    ErrorCode::MEMORY_RESOURCES_EXCEEDED,
    ErrorCode::STORAGE_RESOURCES_EXCEEDED,
    ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM,
    ErrorCode::STREAM_LIMITS,
    ErrorCode::STREAM_MAX_STREAM_BYTES_EXCEEDED,
    ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM,
    ErrorCode::STREAM_STORE_FAILED,
];

impl From<BrokerError> for Failure {
    fn from(error: BrokerError) -> Failure {
        Failure::Broker(error)
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Failure {
        match error.kind() {
            PublishErrorKind::StreamNotFound => Failure::NoStream,
            PublishErrorKind::WrongLastSequence | PublishErrorKind::WrongLastMessageId => Failure::Conflict,
            PublishErrorKind::MaxPayloadExceeded => Failure::limit(),
            _ => cause(&error).map_or_else(|| Failure::unavailable(&error), Failure::refused),
        }
    }
}

impl From<CreateStreamError> for Failure {
    fn from(error: CreateStreamError) -> Failure {
        match error.kind() {
            CreateStreamErrorKind::JetStream(refusal) => Failure::refused(&refusal),
            CreateStreamErrorKind::NotFound => Failure::NoStream,
            _ => Failure::unavailable(&error),
        }
    }
}

impl From<GetStreamError> for Failure {
    fn from(error: GetStreamError) -> Failure {
        match error.kind() {
            GetStreamErrorKind::JetStream(refusal) => Failure::refused(&refusal),
            _ => Failure::unavailable(&error),
        }
    }
}

impl From<RawMessageError> for Failure {
    fn from(error: RawMessageError) -> Failure {
        match error.kind() {
            RawMessageErrorKind::JetStream(refusal) => Failure::refused(&refusal),
            _ => Failure::unavailable(&error),
        }
    }
}

impl From<DirectGetError> for Failure {
    fn from(error: DirectGetError) -> Failure {
        let no_responders = cause::<async_nats::RequestError>(&error)
            .is_some_and(|error| error.kind() == RequestErrorKind::NoResponders);
        match error.kind() {
            DirectGetErrorKind::Request if no_responders => Failure::NoStream,
            _ => Failure::unavailable(&error),
        }
    }
}

impl From<PurgeError> for Failure {
    fn from(error: PurgeError) -> Failure {
        match error.kind() {
            PurgeErrorKind::JetStream(refusal) => Failure::refused(&refusal),
            _ => Failure::unavailable(&error),
        }
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Failure {
        cause(&error).map_or_else(|| Failure::unavailable(&error), Failure::refused)
    }
}

/// The cause of this type.
pub(crate) fn cause<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// An error with its causes.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            write!(f, ": {error}")?;
            next = error.source();
        }
        Ok(())
    }
}
