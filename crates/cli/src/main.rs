//! `longwire`: serve, connect to and inspect WebSocket endpoints.

mod args;
mod config;
mod configuration;
mod connect;
mod failure;
mod http_client;
mod serve;
mod signals;
mod terminal;
mod token;
mod values;

use std::io::IsTerminal;
use std::process::ExitCode;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use args::{Args, Command};
use failure::Failure;

fn main() -> ExitCode {
    let args = Args::of_process();
    start_log();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::Other(format!("cannot start: {error}")).report(),
    };
    let outcome = match args.command {
        Command::Serve(args) => runtime.block_on(serve::run(args)),
        Command::Connect(args) => runtime.block_on(connect::run(args)),
        Command::Config(args) => configuration::run(&args),
        Command::Token(args) => token::run(&args),
    };
    terminal::end_editing();
    // Do not make the user wait for connections that linger for a peer's last bytes.
    runtime.shutdown_background();
    outcome.unwrap_or_else(|failure| failure.report())
}

/// Writes log lines to standard error. `LONGWIRE_LOG` selects them, as in `LONGWIRE_LOG=longwire=debug`.
fn start_log() {
    let wanted = std::env::var("LONGWIRE_LOG").ok();
    let targets = match wanted.as_deref().map(str::parse::<Targets>) {
        Some(Ok(targets)) => targets,
        Some(Err(error)) => {
            terminal::complain(&format!(
                "longwire: ignoring LONGWIRE_LOG, which is not a valid filter: {error}"
            ));
            Targets::new().with_default(tracing::Level::WARN)
        }
        None => Targets::new().with_default(tracing::Level::WARN),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(terminal::Log::default)
        .with_ansi(terminal::colour_on(std::io::stderr().is_terminal()))
        .with_target(false);
    tracing_subscriber::registry().with(targets).with(lines).init();
}
