//! `longwire`: serve, connect to and inspect WebSocket endpoints.

mod args;
mod check;
mod clock;
mod completions;
mod config;
mod configuration;
mod connect;
mod demo;
mod failure;
mod har;
mod http_client;
mod json_text;
mod load;
mod log;
mod message_view;
mod page_files;
mod paint;
mod proxy;
mod replay;
mod report_file;
mod serve;
mod show;
mod signals;
mod standard_output;
mod terminal;
mod token;
mod values;

use std::process::ExitCode;

use args::{Args, Command};
use failure::Failure;
use log::LogSettings;

fn main() -> ExitCode {
    let args = Args::of_process();
    if !matches!(args.command, Command::Serve(_)) {
        // A server's log depends on its configuration.
        log::start(&LogSettings::default());
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::Other(format!("cannot start: {error}")).report(),
    };
    let outcome = match args.command {
        Command::Serve(args) => runtime.block_on(serve::run(args)),
        Command::Connect(args) => runtime.block_on(connect::run(*args)),
        Command::Replay(args) => runtime.block_on(replay::run(*args)),
        Command::Show(args) => show::run(&args),
        Command::Proxy(args) => runtime.block_on(proxy::run(*args)),
        Command::Load(args) => runtime.block_on(load::run(*args)),
        Command::Check(args) => runtime.block_on(check::run(args)),
        Command::Config(args) => configuration::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Demo(args) => runtime.block_on(demo::run(args)),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => completions::man(&args),
    };
    terminal::end_editing();
    // Do not make the user wait for connections that linger for a peer's last bytes.
    runtime.shutdown_background();
    outcome.unwrap_or_else(|failure| failure.report())
}
