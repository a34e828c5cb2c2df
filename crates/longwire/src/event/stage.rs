//! Tests of a handler, with clients in memory and time under the test's control.

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
