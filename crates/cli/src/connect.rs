//! `longwire connect`.

mod input;
mod output;

use std::io::ErrorKind;
use std::process::ExitCode;
use std::time::Instant;

use longwire::{CloseCode, Closed, Error, Message, Receiver, Sender, WebSocket};
use tokio::sync::mpsc;

use crate::args::ConnectArgs;
use crate::failure::Failure;
use crate::terminal;
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
    let start = Instant::now();
    let socket = client.connect(&args.url).await?;
    output.connected(&socket, start.elapsed());
    talk(socket, output, args.binary, args.count).await
}

/// Sends lines and prints messages until either end has had enough.
async fn talk(
    socket: WebSocket,
    output: Output,
    binary: bool,
    count: Option<u64>,
) -> Result<ExitCode, Failure> {
    let (sender, mut receiver) = socket.split();
    let sending = tokio::spawn(send_lines(sender.clone(), binary, count.is_none(), output.prompt()));
    let interrupting = tokio::spawn(close_when_interrupted(sender.clone()));

    let received = receive(&mut receiver, output, count).await;
    if let Ok(Stopped::Enough) = received {
        // The answer to the Close frame comes by the receiver.
        let closing = tokio::spawn(async move { sender.close(CloseCode::NORMAL, "").await });
        while let Ok(Some(_)) = receiver.recv().await {}
        let _ended = closing.await;
    }
    interrupting.abort();
    // Lines that cannot be sent are told of before the end is.
    let unsendable = sending.is_finished() && matches!(sending.await, Ok(Sent::Unsendable));
    match received {
        Ok(Stopped::NobodyReads) => Ok(ExitCode::SUCCESS),
        Ok(_) if unsendable => Ok(ExitCode::FAILURE),
        Ok(_) => Ok(end(&receiver.closed(), output)),
        Err(error) => Err(error.into()),
    }
}

/// Why no more messages are printed.
enum Stopped {
    Enough,
    Ended,
    /// Standard output is a pipe that was closed.
    NobodyReads,
}

async fn receive(receiver: &mut Receiver, output: Output, count: Option<u64>) -> Result<Stopped, Error> {
    let mut received = 0;
    while let Some(message) = receiver.recv().await? {
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

async fn send_lines(sender: Sender, binary: bool, close_at_end: bool, prompt: Option<&'static str>) -> Sent {
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
        if sender.send(message).await.is_err() {
            // How the connection ended is told by the receiver.
            return outcome;
        }
    }
    if close_at_end {
        let _ended = sender.close(CloseCode::NORMAL, "").await;
    }
    outcome
}

async fn close_when_interrupted(sender: Sender) {
    if tokio::signal::ctrl_c().await.is_ok() {
        tokio::spawn(async {
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(130);
            }
        });
        let _ended = sender.close(CloseCode::NORMAL, "").await;
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
