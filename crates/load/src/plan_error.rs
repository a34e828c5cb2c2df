//! Why there is no run.

use std::fmt;

/// Why there is no run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanError {
    message: String,
    /// Whether what was asked for is wrong, rather than that it failed.
    pub is_usage: bool,
}

impl PlanError {
    pub(crate) fn new(message: impl Into<String>) -> PlanError {
        PlanError { message: message.into(), is_usage: true }
    }

    pub(crate) fn failed(message: impl Into<String>) -> PlanError {
        PlanError { message: message.into(), is_usage: false }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PlanError {}

impl From<std::io::Error> for PlanError {
    fn from(error: std::io::Error) -> PlanError {
        PlanError::failed(error.to_string())
    }
}
