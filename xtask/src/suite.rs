//! What the suites share, those of `cargo xtask test` and those that are chores of their own.

pub(crate) mod cargo_test;
pub(crate) mod certificates;
pub(crate) mod context;
pub(crate) mod node;
pub(crate) mod outcome;
