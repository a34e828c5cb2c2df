//! Malicious clients and back ends against the hub of `longwire serve`.

mod commands;
mod setting;
mod speaker;
