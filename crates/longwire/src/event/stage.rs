//! A handler under test: clients in memory, and the time in the test's hand.

mod builder;
mod client;
mod client_end;
mod handle;
mod request;
mod runtime;
mod stage_loop;

pub use builder::StageBuilder;
pub use client::StageClient;
pub use handle::Stage;
pub use request::StageRequest;
