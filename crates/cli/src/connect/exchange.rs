//! Sends and receives until either side is done.

use std::io::ErrorKind;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use longwire::{By, CloseCode, Closed, Error, Message};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::ends::{Inlet, Outlet};
use super::external::External;
use super::observing::Observing;
use super::outcome::{TIMED_OUT, UNEXPECTED, connection_failed};
use super::sending::Sending;
use super::unsent::Unsent;
use crate::args::{ConnectArgs, TextPattern};
use crate::failure::Failure;
use crate::signals::{Ending, INTERRUPTED};
use crate::terminal;

/// How long the closing handshake may take when the time for the whole run is over.
const LAST_TIME: Duration = Duration::from_secs(1);

/// How long counting what was not sent may take.
const COUNTING: Duration = Duration::from_secs(2);

/// How long printing the last lines may take after a second Ctrl-C. Perhaps nobody reads them.
const LAST_LINES: Duration = Duration::from_secs(1);

/// What to send and print, and when to stop.
pub(super) struct Exchange {
    sending: Sending,
    observing: Observing,
    external: Option<External>,
    count: Option<u64>,
    /// How many messages have arrived.
    arrived: AtomicU64,
    expect: Option<TextPattern>,
    /// Whether a message has the text of --expect as it is, which does not match.
    has_text: AtomicBool,
    timeout: Option<Duration>,
    start: Instant,
    interruption: Interruption,
}

/// Ctrl-C and what asks for the same.
#[derive(Clone, Default)]
struct Interruption {
    /// Ctrl-C, while the line editor reads it as a key.
    keys: Arc<Notify>,
    has_come: Arc<AtomicBool>,
}

/// Why printing stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Halt {
    /// What was waited for has arrived.
    Enough,
    /// As many messages as were asked for have arrived, without the expected one.
    CountOnly,
    Ended,
    TimedOut,
    /// Standard output is a pipe that its reader has closed.
    PipeClosed,
}

impl Exchange {
    /// `start` is when the time for the whole run began.
    pub(super) fn new(
        args: &ConnectArgs,
        expect: Option<TextPattern>,
        observing: Observing,
        start: Instant,
    ) -> Exchange {
        Exchange {
            sending: Sending::new(args, observing.clone()),
            observing,
            external: External::new(&args.exec),
            count: args.count,
            arrived: AtomicU64::new(0),
            expect,
            has_text: AtomicBool::default(),
            timeout: args.timeout,
            start,
            interruption: Interruption::default(),
        }
    }

    /// Sends the input and prints messages until either side is done.
    pub(super) async fn run(
        self,
        (outlet, mut inlet): (Outlet, Inlet),
        ending: Ending,
    ) -> Result<ExitCode, Failure> {
        let keys = Arc::clone(&self.interruption.keys);
        let sending = tokio::spawn(self.sending.clone().run(outlet.clone(), keys));
        let interrupting = tokio::spawn(self.interruption.clone().close_when_it_comes(
            outlet.clone(),
            ending,
            self.observing.clone(),
        ));

        let mut programs = Programs::AllSucceeded;
        let received = self.receive_in_time(&mut inlet, &mut programs).await;
        if let Err(error @ Error::Protocol(_)) = received {
            // Report the error now because closing may take a while. Exiting at once would end the transport, perhaps
            // before the peer has read its Close frame. The peer ends the connection, or the close timeout does
            // (RFC 6455 §7.1.1).
            let why = error.to_string();
            let code = connection_failed(error).report();
            close(outlet, &mut inlet).await;
            self.observing.ended(&why);
            self.observing.output.end();
            return Ok(code);
        }
        let mut unsent = Unsent::default();
        match received {
            Ok(Halt::Ended) if !self.interruption.has_come.load(Ordering::Relaxed) => {
                self.sending.end();
                let last = timeout(COUNTING, sending).await;
                unsent = last.ok().and_then(Result::ok).unwrap_or_default();
            }
            Ok(Halt::Enough | Halt::CountOnly) => close(outlet, &mut inlet).await,
            Ok(Halt::TimedOut) => {
                let _too_long = timeout(LAST_TIME, close(outlet, &mut inlet)).await;
            }
            _ => {}
        }
        interrupting.abort();
        self.observing.ended(&match &received {
            Err(error) => error.to_string(),
            Ok(Halt::PipeClosed) => "nobody reads the output any more".to_owned(),
            Ok(_) => String::new(),
        });
        terminal::end_editing();
        self.observing.output.end();
        match received {
            Ok(Halt::PipeClosed) => Ok(ExitCode::SUCCESS),
            Ok(Halt::TimedOut) => Err(self.timed_out()),
            Ok(stopped) => {
                let code = self.end(&inlet.closed(), unsent, stopped);
                if stopped != Halt::Enough
                    && code == ExitCode::SUCCESS
                    && let Some(missing) = self.missing()
                {
                    return Err(missing);
                }
                let failed =
                    unsent.is_some() || self.sending.has_failed() || programs == Programs::SomeFailed;
                Ok(if failed { ExitCode::FAILURE } else { code })
            }
            Err(error) => Err(connection_failed(error)),
        }
    }

    async fn receive_in_time(&self, inlet: &mut Inlet, programs: &mut Programs) -> Result<Halt, Error> {
        let receiving = self.receive(inlet, programs);
        match self.timeout {
            None => receiving.await,
            Some(time) => timeout(time.saturating_sub(self.start.elapsed()), receiving)
                .await
                .unwrap_or(Ok(Halt::TimedOut)),
        }
    }

    async fn receive(&self, inlet: &mut Inlet, programs: &mut Programs) -> Result<Halt, Error> {
        while let Some(message) = inlet.recv().await? {
            let answered = self.observing.received(&message);
            match &self.external {
                Some(external) => {
                    if let Err(error) = external.run(&message).await {
                        terminal::complain(&format!("longwire: {error}"));
                        *programs = Programs::SomeFailed;
                    }
                }
                None => match self.observing.output.received(&message, answered) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(Halt::PipeClosed),
                    Err(source) => {
                        return Err(Error::Io { doing: "write to standard output".into(), source });
                    }
                },
            }
            let arrived = self.arrived.fetch_add(1, Ordering::Relaxed) + 1;
            if self.is_expected(&message) {
                return Ok(Halt::Enough);
            }
            if self.count == Some(arrived) {
                return Ok(if self.expect.is_some() { Halt::CountOnly } else { Halt::Enough });
            }
        }
        Ok(Halt::Ended)
    }

    fn is_expected(&self, message: &Message) -> bool {
        let Some((expect, text)) = self.expect.as_ref().zip(message.as_text()) else { return false };
        self.has_text.fetch_or(expect.is_text_of(text), Ordering::Relaxed);
        expect.is_match(text)
    }

    fn timed_out(&self) -> Failure {
        if self.expect.is_some()
            && let Some(missing) = self.missing()
        {
            return missing;
        }
        let time = self.timeout.unwrap_or_default().as_secs_f32();
        let message = match self.too_few() {
            Some(few) => format!("{few} within {time} s"),
            None => format!("the connection has not ended within {time} s"),
        };
        Failure::Coded { message, code: TIMED_OUT }
    }

    /// What was waited for and did not arrive.
    fn missing(&self) -> Option<Failure> {
        let message = match &self.expect {
            Some(pattern) if self.has_text.load(Ordering::Relaxed) => {
                format!("no message matched {pattern}; {}", TextPattern::HINT)
            }
            Some(pattern) => format!("no message matched {pattern}"),
            None => self.too_few()?,
        };
        Some(Failure::Coded { message, code: UNEXPECTED })
    }

    fn too_few(&self) -> Option<String> {
        let (count, arrived) = (self.count?, self.arrived.load(Ordering::Relaxed));
        (arrived < count).then(|| format!("{arrived} of {count} messages arrived"))
    }

    /// Reports how the connection ended. A normal end is reported only on a terminal, and if the peer ended it too early.
    fn end(&self, closed: &Closed, unsent: Unsent, stopped: Halt) -> ExitCode {
        if self.interruption.has_come.load(Ordering::Relaxed) && !closed.clean {
            // There was no connection to close, or the peer did not answer.
            return INTERRUPTED.into();
        }
        let normal = closed.clean
            && [CloseCode::NORMAL, CloseCode::GOING_AWAY, CloseCode::NO_STATUS].contains(&closed.code);
        let is_too_early = unsent.is_some()
            || (stopped != Halt::Enough && closed.by == By::Peer && self.missing().is_some());
        if !normal || is_too_early || self.observing.output.is_watched() {
            let unsent = if unsent.is_some() { format!("; {unsent}") } else { String::new() };
            terminal::complain(&terminal::escape(&format!("{closed}{unsent}")));
        }
        if normal { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl Interruption {
    /// Closes when it comes, and exits when it comes again.
    async fn close_when_it_comes(self, outlet: Outlet, mut ending: Ending, observing: Observing) {
        self.comes(&mut ending).await;
        self.has_come.store(true, Ordering::Relaxed);
        let closing = tokio::spawn(async move { outlet.close(CloseCode::GOING_AWAY).await });
        self.comes(&mut ending).await;
        closing.abort();
        observing.ended("interrupted");
        let printing = tokio::task::spawn_blocking(move || {
            terminal::end_editing();
            observing.output.end();
        });
        let _unread = timeout(LAST_LINES, printing).await;
        std::process::exit(INTERRUPTED.into());
    }

    async fn comes(&self, ending: &mut Ending) {
        tokio::select! {
            () = ending.next() => {}
            () = self.keys.notified() => {}
        }
    }
}

/// Closes the connection, or waits for a closing handshake that has begun.
async fn close(outlet: Outlet, inlet: &mut Inlet) {
    // The peer's Close frame arrives through the inlet.
    let closing = tokio::spawn(async move { outlet.close(CloseCode::NORMAL).await });
    while let Ok(Some(_)) = inlet.recv().await {}
    let _ended = closing.await;
}

/// How the programs of --exec have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Programs {
    AllSucceeded,
    SomeFailed,
}
