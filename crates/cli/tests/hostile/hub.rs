//! Malicious clients and back ends against the hub of `longwire serve`.

mod backend;
mod commands;
mod hooks;
mod publications;
mod setting;
mod speaker;
mod streams;
mod subscriptions;
mod tokens;
