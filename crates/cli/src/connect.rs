//! `longwire connect`.

mod command;
mod completion;
mod encoding;
mod ends;
mod exchange;
mod external;
mod history_file;
mod in_flight;
mod input;
mod json_lines;
mod observing;
pub(crate) mod outcome;
mod output;
mod sending;
mod traffic;
mod unsent;
mod verbose;

use std::process::ExitCode;
use std::time::Instant;

use longwire::reconnect::{States, WhileDisconnected};
use longwire::{Client, Reconnect};
use tokio::time::sleep_until;

use crate::args::ConnectArgs;
use crate::failure::Failure;
use crate::signals::{Ending, INTERRUPTED};
use crate::terminal;
use ends::{Inlet, Outlet};
use exchange::Exchange;
use observing::Observing;
use outcome::{TIMED_OUT, connecting_failed};

pub(crate) async fn run(args: ConnectArgs) -> Result<ExitCode, Failure> {
    let start = Instant::now();
    let mut ending = Ending::of_client();
    let mut client = args.endpoint.client()?;
    if args.no_compression {
        client = client.deflate(None);
    }
    let expect = args.expected()?;
    let observing = Observing::new(&args).map_err(Failure::Other)?;
    let client = observing.client(client, args.endpoint.url.shown());
    let exchange = Exchange::new(&args, expect, observing.clone(), start);
    let says_url_when_connected = observing.output.is_watched() && !args.reconnect;
    if !says_url_when_connected {
        args.endpoint.say_assumption();
    }
    if args.reconnect {
        return connect_again(client, args.endpoint.url(), args.tries, |ends| exchange.run(ends, ending))
            .await;
    }
    let socket = tokio::select! {
        connected = client.connect(args.endpoint.url()) => connected.map_err(connecting_failed)?,
        () = ending.next() => return Ok(INTERRUPTED.into()),
        () = timed_out(&args, start) => {
            let message = format!("cannot connect to {} within {} s", args.endpoint.url.shown(), seconds(&args));
            return Err(Failure::Coded { message: terminal::escape(&message), code: TIMED_OUT });
        }
    };
    if observing.output.is_watched() {
        observing.output.connected(&socket, start.elapsed());
    }
    observing.open(socket.extensions(), socket.subprotocol());
    exchange.run(ends::once(socket), ending).await
}

/// Waits until the time for the whole run is over.
async fn timed_out(args: &ConnectArgs, start: Instant) {
    match args.timeout {
        Some(timeout) => sleep_until((start + timeout).into()).await,
        None => std::future::pending().await,
    }
}

fn seconds(args: &ConnectArgs) -> f32 {
    args.timeout.unwrap_or_default().as_secs_f32()
}

/// Exchanges messages over one connection after another, and reports every change of state.
async fn connect_again<F>(
    client: Client,
    url: &str,
    tries: Option<u32>,
    talk: impl FnOnce((Outlet, Inlet)) -> F,
) -> Result<ExitCode, Failure>
where
    F: Future<Output = Result<ExitCode, Failure>>,
{
    let policy = Reconnect::default().tries(tries).while_disconnected(WhileDisconnected::Fail);
    let socket = client.reconnecting(policy).connect(url)?;
    let sender = socket.sender();
    let reporting = tokio::spawn(report(socket.states()));
    let outcome = talk(ends::again(socket)).await;
    if sender.state().is_ended() {
        // Report what led to the end before the end itself.
        let _reported = reporting.await;
    }
    outcome
}

async fn report(mut states: States) {
    while let Some(state) = states.next().await {
        if let Some(line) = ends::describe(&state) {
            terminal::complain(&terminal::escape(&line));
        }
    }
}
