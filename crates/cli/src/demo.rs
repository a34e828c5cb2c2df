//! `longwire demo`.

mod device;
mod fleet;
mod hub_protocol;
mod wire_bytes;

use std::process::ExitCode;

use crate::args::{DemoArgs, DemoCommand};
use crate::failure::Failure;

pub(crate) async fn run(args: DemoArgs) -> Result<ExitCode, Failure> {
    match args.command {
        DemoCommand::Sensors(args) => fleet::run(args).await,
    }
}
