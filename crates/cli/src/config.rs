//! The configuration: the file `longwire.toml` and environment variables.
//!
//! A flag goes before an environment variable, that before the file, and that before the default.

mod broker;
mod document;
mod environment;
mod namespaces;
mod operation;
mod problem;
mod reading;
mod secret;
mod server;
mod tokens;
mod url;

#[cfg(feature = "nats")]
pub(crate) use broker::StorageKind;
pub(crate) use broker::{BrokerKind, BrokerSection};
pub(crate) use operation::AdminSection;
pub(crate) use reading::{Config, FILE};
pub(crate) use secret::Secret;
pub(crate) use server::{EngineName, LimitsSection, Listen};
pub(crate) use url::Url;

/// A file with every key, its meaning and its default.
pub(crate) const EXAMPLE: &str = include_str!("config/example.toml");
