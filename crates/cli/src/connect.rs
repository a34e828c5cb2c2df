//! `longwire connect`.

mod ends;
mod input;
mod output;

use std::io::ErrorKind;
use std::process::ExitCode;
use std::time::Instant;

use longwire::reconnect::{States, WhileDisconnected};
use longwire::{Client, CloseCode, Closed, Error, Message, Reconnect};
use tokio::sync::mpsc;

use crate::args::ConnectArgs;
use crate::failure::Failure;
use crate::terminal;
use ends::{Inlet, Outlet};
use input::Line;
use output::Output;

pub(crate) async fn run(args: ConnectArgs) -> Result<ExitCode, Failure> {
    let output = Output::new();
    let mut client = args.route.client()?.subprotocols(&args.subprotocol);
    if args.no_compression {
        client = client.deflate(None);
    }
    for (name, value) in args.header {
        client = client.header(name, value);
    }
    if args.verbose {
        client = client.observer(output.frame_observer());
    }
    if args.reconnect {
        return connect_again(client, &args.url, args.tries, |ends| {
            talk(ends, output, args.binary, args.count)
        })
        .await;
    }
    let start = Instant::now();
    let socket = client.connect(&args.url).await?;
    output.connected(&socket, start.elapsed());
    talk(ends::once(socket), output, args.binary, args.count).await
}

/// Talks over one connection after the other, and tells how it stands with them.
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
    let telling = tokio::spawn(tell(socket.states()));
    let outcome = talk(ends::again(socket)).await;
    if sender.state().is_ended() {
        // What led to the end is told before the end is.
        let _told = telling.await;
    }
    outcome
}

async fn tell(mut states: States) {
    while let Some(state) = states.next().await {
        if let Some(line) = ends::describe(&state) {
            terminal::complain(&terminal::escape(&line));
        }
    }
}

/// Sends lines and prints messages until either end has had enough.
async fn talk(
    (outlet, mut inlet): (Outlet, Inlet),
    output: Output,
    binary: bool,
    count: Option<u64>,
) -> Result<ExitCode, Failure> {
    let sending = tokio::spawn(send_lines(outlet.clone(), binary, count.is_none(), output.prompt()));
    let interrupting = tokio::spawn(close_when_interrupted(outlet.clone()));

    let received = receive(&mut inlet, output, count).await;
    if let Err(error @ Error::Protocol(_)) = received {
        // Told at once, for what follows may take a while: if the program went, so would the transport, perhaps before the
        // peer has read its Close frame. The peer ends the connection, or the time for closing does (RFC 6455 §7.1.1).
        let code = Failure::from(error).tell();
        close(outlet, &mut inlet).await;
        return Ok(code);
    }
    if let Ok(Stopped::Enough) = received {
        close(outlet, &mut inlet).await;
    }
    interrupting.abort();
    // Lines that cannot be sent are told of before the end is.
    let unsendable = sending.is_finished() && matches!(sending.await, Ok(Sent::Unsendable));
    match received {
        Ok(Stopped::NobodyReads) => Ok(ExitCode::SUCCESS),
        Ok(_) if unsendable => Ok(ExitCode::FAILURE),
        Ok(_) => Ok(end(&inlet.closed(), output)),
        Err(error) => Err(error.into()),
    }
}

/// Closes the connection, or waits for the end of one that is being closed.
async fn close(outlet: Outlet, inlet: &mut Inlet) {
    // The answer to the Close frame comes by the inlet.
    let closing = tokio::spawn(async move { outlet.close().await });
    while let Ok(Some(_)) = inlet.recv().await {}
    let _ended = closing.await;
}

/// Why no more messages are printed.
enum Stopped {
    Enough,
    Ended,
    /// Standard output is a pipe that was closed.
    NobodyReads,
}

async fn receive(inlet: &mut Inlet, output: Output, count: Option<u64>) -> Result<Stopped, Error> {
    let mut received = 0;
    while let Some(message) = inlet.recv().await? {
        match output.message(&message) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(Stopped::NobodyReads),
            Err(source) => return Err(Error::Io { doing: "write to standard output".into(), source }),
        }
        received += 1;
        if count == Some(received) {
            return Ok(Stopped::Enough);
        }
    }
    Ok(Stopped::Ended)
}

/// What came of the lines.
enum Sent {
    All,
    /// Some line could not be sent, and the user has been told.
    Unsendable,
}

async fn send_lines(outlet: Outlet, binary: bool, close_at_end: bool, prompt: Option<&'static str>) -> Sent {
    let (lines, mut incoming) = mpsc::channel(64);
    input::read_lines(lines, prompt);
    let mut outcome = Sent::All;
    while let Some(line) = incoming.recv().await {
        let message = match line {
            Line::Read(bytes) if binary => Message::from(bytes),
            Line::Read(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Message::from(text),
                Err(_) => {
                    terminal::complain(
                        "longwire: a line is not UTF-8 and was not sent; --binary sends any bytes",
                    );
                    outcome = Sent::Unsendable;
                    continue;
                }
            },
            Line::Failed(error) => {
                terminal::complain(&format!("longwire: cannot read standard input: {error}"));
                outcome = Sent::Unsendable;
                break;
            }
        };
        if outlet.send(message).await.is_err() {
            // How the connection ended is told by the inlet.
            return outcome;
        }
    }
    if close_at_end {
        outlet.close().await;
    }
    outcome
}

async fn close_when_interrupted(outlet: Outlet) {
    if tokio::signal::ctrl_c().await.is_ok() {
        tokio::spawn(async {
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(130);
            }
        });
        outlet.close().await;
    }
}

/// A normal end is silent unless somebody watches; any other is told.
fn end(closed: &Closed, output: Output) -> ExitCode {
    let normal = closed.clean
        && [CloseCode::NORMAL, CloseCode::GOING_AWAY, CloseCode::NO_STATUS].contains(&closed.code);
    if !normal || output.is_watched() {
        terminal::complain(&terminal::escape(&closed.to_string()));
    }
    if normal { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
