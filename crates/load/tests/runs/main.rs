//! Runs against servers in this process.

mod endpoint;
mod runs;
mod wrong;
