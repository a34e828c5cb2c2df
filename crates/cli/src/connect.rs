//! `longwire connect`.

mod ends;
mod input;
mod output;
mod verbose;

use std::io::ErrorKind;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use longwire::reconnect::{States, WhileDisconnected};
use longwire::{Client, CloseCode, Closed, Direction, Error, Message, Reconnect};
use tokio::sync::{Notify, mpsc};

use crate::args::{AtEnd, ConnectArgs};
use crate::failure::Failure;
use crate::signals::Ending;
use crate::terminal;
use ends::{Inlet, Outlet};
use input::{Cut, Input};
use output::Output;
use verbose::Verbose;

/// The exit code after Ctrl-C, as in shells.
const INTERRUPTED: u8 = 130;

pub(crate) async fn run(args: ConnectArgs) -> Result<ExitCode, Failure> {
    let mut ending = Ending::of_client();
    let verbose = args.verbose.then(Verbose::new);
    let exchange = Exchange::new(&args, verbose.clone());
    let mut client = args.endpoint.client()?;
    args.endpoint.say_assumption();
    if args.no_compression {
        client = client.deflate(None);
    }
    if let Some(verbose) = verbose.clone() {
        client = client.observer(verbose.frame_observer()).on_step(move |step| verbose.step(step));
    }
    if args.reconnect {
        return connect_again(client, args.endpoint.url(), args.tries, |ends| exchange.run(ends, ending))
            .await;
    }
    let start = Instant::now();
    let socket = tokio::select! {
        connected = client.connect(args.endpoint.url()) => connected?,
        () = ending.next() => return Ok(INTERRUPTED.into()),
    };
    exchange.output.connected(&socket, start.elapsed());
    if let Some(verbose) = verbose {
        verbose.open(socket.extensions(), socket.subprotocol());
    }
    exchange.run(ends::once(socket), ending).await
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

/// What to send and print, and when to stop.
#[derive(Clone)]
struct Exchange {
    output: Output,
    verbose: Option<Verbose>,
    cut: Cut,
    binary: bool,
    /// What to do at the end of a file or pipe.
    at_end: AtEnd,
    /// What to do after Ctrl-D on a terminal.
    at_eof_key: AtEnd,
    count: Option<u64>,
    /// Ctrl-C, while the line editor reads it as a key.
    interrupts: Arc<Notify>,
    was_interrupted: Arc<AtomicBool>,
}

impl Exchange {
    fn new(args: &ConnectArgs, verbose: Option<Verbose>) -> Exchange {
        let cut = match args.chunk {
            Some(len) => Cut::Chunks(len),
            None if args.raw => Cut::Whole,
            None if args.binary => Cut::BinaryLines,
            None => Cut::TextLines,
        };
        let stays = args.reconnect || args.count.is_some();
        Exchange {
            output: Output::new(),
            verbose,
            cut,
            binary: args.binary,
            at_end: args.at_end.unwrap_or(if stays { AtEnd::Stay } else { AtEnd::Close }),
            at_eof_key: args.at_end.unwrap_or(AtEnd::Close),
            count: args.count,
            interrupts: Arc::default(),
            was_interrupted: Arc::default(),
        }
    }

    /// Sends the input and prints messages until either side is done.
    async fn run(self, (outlet, mut inlet): (Outlet, Inlet), ending: Ending) -> Result<ExitCode, Failure> {
        let sending = tokio::spawn(self.clone().send(outlet.clone()));
        let interrupting = tokio::spawn(self.clone().close_when_interrupted(outlet.clone(), ending));

        let received = self.receive(&mut inlet).await;
        if let Err(error @ Error::Protocol(_)) = received {
            // Report the error now because closing may take a while. Exiting at once would end the transport, perhaps
            // before the peer has read its Close frame. The peer ends the connection, or the close timeout does
            // (RFC 6455 §7.1.1).
            let code = Failure::from(error).report();
            close(outlet, &mut inlet).await;
            return Ok(code);
        }
        if let Ok(Stopped::Enough) = received {
            close(outlet, &mut inlet).await;
        }
        interrupting.abort();
        terminal::end_editing();
        // Report lines that cannot be sent before the end of the connection.
        let unsendable = sending.is_finished() && matches!(sending.await, Ok(Sent::Unsendable));
        match received {
            Ok(Stopped::PipeClosed) => Ok(ExitCode::SUCCESS),
            Ok(_) if unsendable => Ok(ExitCode::FAILURE),
            Ok(_) => Ok(self.end(&inlet.closed())),
            Err(error) => Err(error.into()),
        }
    }

    async fn receive(&self, inlet: &mut Inlet) -> Result<Stopped, Error> {
        let mut received = 0;
        while let Some(message) = inlet.recv().await? {
            if let Some(verbose) = &self.verbose {
                verbose.message(Direction::Received, &message);
            }
            match self.output.message(&message) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(Stopped::PipeClosed),
                Err(source) => return Err(Error::Io { doing: "write to standard output".into(), source }),
            }
            received += 1;
            if self.count == Some(received) {
                return Ok(Stopped::Enough);
            }
        }
        Ok(Stopped::Ended)
    }

    async fn send(self, outlet: Outlet) -> Sent {
        let (pieces, mut incoming) = mpsc::channel(64);
        let is_edited = self.output.is_dialogue()
            && matches!(self.cut, Cut::TextLines | Cut::BinaryLines)
            && input::edit(&pieces, Arc::clone(&self.interrupts));
        if is_edited {
            drop(pieces);
        } else {
            input::read(pieces, self.cut);
        }
        let mut outcome = Sent::All;
        let mut at_end = self.at_end;
        while let Some(input) = incoming.recv().await {
            let message = match input {
                Input::Piece(bytes) if self.binary => Message::from(bytes),
                Input::Piece(bytes) => match String::from_utf8(bytes) {
                    Ok(text) => Message::from(text),
                    Err(_) => {
                        terminal::complain(self.not_text());
                        outcome = Sent::Unsendable;
                        continue;
                    }
                },
                Input::EofKey => {
                    at_end = self.at_eof_key;
                    break;
                }
                Input::Failed(error) => {
                    terminal::complain(&format!("longwire: cannot read standard input: {error}"));
                    outcome = Sent::Unsendable;
                    break;
                }
            };
            if self.send_one(&outlet, message).await.is_err() {
                // The inlet reports how the connection ended.
                return outcome;
            }
        }
        if at_end == AtEnd::Close {
            outlet.close_when_open().await;
        }
        outcome
    }

    async fn send_one(&self, outlet: &Outlet, message: Message) -> Result<(), Error> {
        let Some(verbose) = &self.verbose else { return outlet.send(message).await };
        outlet.send(message.clone()).await?;
        verbose.message(Direction::Sent, &message);
        Ok(())
    }

    fn not_text(&self) -> &'static str {
        if self.cut == Cut::Whole {
            "longwire: the input is not UTF-8 and was not sent; --binary sends any bytes"
        } else {
            "longwire: a line is not UTF-8 and was not sent; --binary sends any bytes"
        }
    }

    async fn close_when_interrupted(self, outlet: Outlet, mut ending: Ending) {
        self.interrupted(&mut ending).await;
        self.was_interrupted.store(true, Ordering::Relaxed);
        let closing = tokio::spawn(async move { outlet.close(CloseCode::GOING_AWAY).await });
        self.interrupted(&mut ending).await;
        closing.abort();
        terminal::end_editing();
        std::process::exit(INTERRUPTED.into());
    }

    async fn interrupted(&self, ending: &mut Ending) {
        tokio::select! {
            () = ending.next() => {}
            () = self.interrupts.notified() => {}
        }
    }

    /// Reports how the connection ended. A normal end is reported only on a terminal.
    fn end(&self, closed: &Closed) -> ExitCode {
        if self.was_interrupted.load(Ordering::Relaxed) && !closed.clean {
            // There was no connection to close, or the peer did not answer.
            return INTERRUPTED.into();
        }
        let normal = closed.clean
            && [CloseCode::NORMAL, CloseCode::GOING_AWAY, CloseCode::NO_STATUS].contains(&closed.code);
        if !normal || self.output.is_watched() {
            terminal::complain(&terminal::escape(&closed.to_string()));
        }
        if normal { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Closes the connection, or waits for a closing handshake that has begun.
async fn close(outlet: Outlet, inlet: &mut Inlet) {
    // The peer's Close frame arrives through the inlet.
    let closing = tokio::spawn(async move { outlet.close(CloseCode::NORMAL).await });
    while let Ok(Some(_)) = inlet.recv().await {}
    let _ended = closing.await;
}

/// Why printing stopped.
enum Stopped {
    Enough,
    Ended,
    /// Standard output is a pipe that its reader has closed.
    PipeClosed,
}

/// The outcome of sending the input.
enum Sent {
    All,
    /// Some of it could not be sent. This has been reported.
    Unsendable,
}
