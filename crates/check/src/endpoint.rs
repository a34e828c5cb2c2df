//! What is known of an endpoint before the cases.

use std::time::Duration;

use crate::deflate::Agreement;

/// What the endpoint offers, as it was found before the cases.
///
/// ```
/// # use longwire_check::{Endpoint};
/// fn say(endpoint: &Endpoint) {
///     println!("{:?}, echo: {}", endpoint.round_trip(), endpoint.is_echo());
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub(crate) round_trip: Duration,
    pub(crate) is_echo: bool,
    /// Messages that it sends to each new client.
    pub(crate) greetings: usize,
    pub(crate) deflate: Option<Agreement>,
    /// Whether it compresses what it sends back.
    pub(crate) deflates_echo: bool,
    pub(crate) checks_origin: bool,
    pub(crate) software: Option<String>,
}

impl Endpoint {
    /// The longest of several round trips of a ping.
    #[must_use]
    pub fn round_trip(&self) -> Duration {
        self.round_trip
    }

    /// Whether it sends every message back.
    #[must_use]
    pub fn is_echo(&self) -> bool {
        self.is_echo
    }

    /// Whether it accepts permessage-deflate.
    #[must_use]
    pub fn compresses(&self) -> bool {
        self.deflate.is_some()
    }

    /// Its `Server` header.
    #[must_use]
    pub fn software(&self) -> Option<&str> {
        self.software.as_deref()
    }
}
