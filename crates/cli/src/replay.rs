//! `longwire replay`.

mod comparison;
mod script;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use longwire::{By, CloseCode, CloseFrame, Closed, Direction, Message, Receiver, Sender};
use regex::Regex;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::args::{ReplayArgs, TextPattern};
use crate::connect::outcome::{connecting_failed, connection_failed};
use crate::failure::Failure;
use crate::har::{self, RecordedEnd, Recording};
use crate::json_text::TextLayout;
use crate::message_view::{MessageView, milliseconds};
use crate::paint::Palette;
use crate::signals::{Ending, INTERRUPTED};
use crate::standard_output;
use crate::terminal::{self, escape};
use comparison::Comparison;
use script::{Arrived, Script, ScriptRun};

pub(crate) async fn run(args: ReplayArgs) -> Result<ExitCode, Failure> {
    let mut ending = Ending::of_client();
    let client = args.endpoint.client()?;
    let (ignored, speed) = (args.ignored()?, args.speed()?);
    let Recording { messages, end: recorded_end, .. } = recorded(&args)?;
    let recorded_end = recorded_end.map(|(_, end)| end);
    args.endpoint.say_assumption();
    let begun = Instant::now();
    let socket = tokio::select! {
        connected = client.connect(args.endpoint.url()) => connected.map_err(connecting_failed)?,
        () = ending.next() => return Ok(INTERRUPTED.into()),
    };
    terminal::complain(&escape(&format!("connected · {} · {}", socket.uri(), milliseconds(begun.elapsed()))));
    let (sender, mut receiver) = socket.split();
    let expected: Vec<Message> = messages
        .iter()
        .filter(|message| message.direction == Direction::Received)
        .map(|message| message.message.clone())
        .collect();
    let (count, progress) = watch::channel(Arrived::default());
    let script = Script { messages: messages.into(), pace: args.pace, speed, wait: args.wait };
    let (left, unsent) = watch::channel(script.to_send());
    let sending = ScriptRun { task: tokio::spawn(script.send(sender.clone(), progress, left)), unsent };
    let wanted = Wanted { messages: expected.len(), close: recorded_end.as_ref().is_some_and(is_by_server) };
    let mut answered = Vec::new();
    let received = receive(&mut receiver, wanted, &count, sending, args.wait, &mut answered);
    let end = tokio::select! {
        end = received => end,
        () = ending.next() => ReplayEnd::Interrupted,
    };
    let printer = Printer::of(&args, ignored);
    if let ReplayEnd::Interrupted = end {
        // What had not arrived yet is not missing.
        let reached = comparison::reached(&expected, &answered, &printer.regexes());
        printer.print(expected.get(..reached).unwrap_or(&expected), &answered, [None, None])?;
        let (arrived, all) = (answered.len().min(expected.len()), expected.len());
        terminal::complain(&format!("longwire: interrupted after {arrived} of {all} recorded answers"));
        tokio::select! {
            () = close(sender, &mut receiver, recorded_end.as_ref()) => {}
            () = ending.next() => {}
        }
        return Ok(INTERRUPTED.into());
    }
    if !matches!(end, ReplayEnd::Failed(_)) {
        tokio::select! {
            () = close(sender, &mut receiver, recorded_end.as_ref()) => {}
            () = ending.next() => {}
        }
    }
    let ends = [recorded_end.filter(is_by_server), end_by_server(&receiver.closed())]
        .map(|end| end.map(|end| end.to_string()));
    let is_same = printer.print(&expected, &answered, ends)?;
    match end {
        ReplayEnd::Failed(error) => Err(connection_failed(error)),
        ReplayEnd::Closed => {
            terminal::complain(
                "longwire: the connection ended before everything was sent and all answers had arrived",
            );
            Ok(ExitCode::FAILURE)
        }
        _ => Ok(if is_same { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
    }
}

/// Compares messages, and prints the differences.
struct Printer {
    view: MessageView,
    ignored: Vec<TextPattern>,
}

impl Printer {
    fn of(args: &ReplayArgs, ignored: Vec<TextPattern>) -> Printer {
        let palette = Palette::of(terminal::colour_on(io::stdout().is_terminal()));
        Printer { view: MessageView { layout: TextLayout::of(args.pretty), palette }, ignored }
    }

    /// Returns whether there was no difference.
    fn print(
        &self,
        recorded: &[Message],
        arrived: &[Message],
        ends: [Option<String>; 2],
    ) -> Result<bool, Failure> {
        let ignored = self.regexes();
        let comparison = Comparison::of(recorded, arrived, &ignored).with_ends(ends, &ignored);
        standard_output::print(comparison.text(self.view).as_bytes())?;
        let texts = || recorded.iter().chain(arrived).filter_map(Message::as_text);
        for pattern in &self.ignored {
            if !texts().any(|text| pattern.is_match(text)) && texts().any(|text| pattern.is_text_of(text)) {
                let hint = TextPattern::HINT;
                terminal::complain(&escape(&format!("longwire: --ignore {pattern} matched nothing; {hint}")));
            }
        }
        Ok(comparison.is_same())
    }

    fn regexes(&self) -> Vec<Regex> {
        self.ignored.iter().map(|pattern| pattern.regex().clone()).collect()
    }
}

fn is_by_server(end: &RecordedEnd) -> bool {
    end.by == Some(Direction::Received)
}

/// How the server has ended the connection, if it was the server.
fn end_by_server(closed: &Closed) -> Option<RecordedEnd> {
    (closed.by == By::Peer).then(|| RecordedEnd {
        by: Some(Direction::Received),
        code: closed.code,
        reason: closed.reason.clone(),
        was_clean: closed.clean,
    })
}

fn recorded(args: &ReplayArgs) -> Result<Recording, Failure> {
    let recordings = har::read(&args.file).map_err(|error| Failure::Other(escape(&error)))?;
    let count = recordings.len();
    let index = usize::try_from(args.entry).unwrap_or(usize::MAX).saturating_sub(1);
    match recordings.into_iter().nth(index) {
        Some(recording) if !recording.has_messages => Err(Failure::Other(format!(
            "{} has no messages of this connection; Firefox exports none: record it with `longwire proxy --record`",
            escape(&args.file.display().to_string())
        ))),
        Some(recording) => Ok(recording),
        None => {
            let (entry, file) = (args.entry, &args.file);
            Err(Failure::Usage(har::no_such_entry(entry, count, file)))
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SendState {
    Going,
    Complete,
    /// A message could not be sent.
    Broken,
}

/// What is waited for once everything has been sent.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    /// As many messages.
    messages: usize,
    /// Whether the server is to close the connection.
    close: bool,
}

/// Why no more is waited for.
enum ReplayEnd {
    /// As many messages have arrived as were recorded, or they did not arrive in time.
    Enough,
    Closed,
    Failed(longwire::Error),
    Interrupted,
}

/// Receives as many messages as were recorded, into `messages`. After the last one was sent, it waits only for `wait`.
async fn receive(
    receiver: &mut Receiver,
    wanted: Wanted,
    count: &watch::Sender<Arrived>,
    mut sending: ScriptRun,
    wait: Duration,
    messages: &mut Vec<Message>,
) -> ReplayEnd {
    let mut sent = SendState::Going;
    let is_enough = |messages: &[Message]| messages.len() >= wanted.messages;
    let patience = sleep(wait);
    tokio::pin!(patience);
    let ended = loop {
        if sent == SendState::Complete && is_enough(messages) && !wanted.close {
            return ReplayEnd::Enough;
        }
        tokio::select! {
            received = receiver.recv() => match received {
                Ok(Some(message)) => {
                    // A peer that sends more than was recorded takes no memory for it.
                    if messages.len() < wanted.messages.saturating_mul(2) + 100 {
                        messages.push(message);
                    }
                    count.send_modify(|progress| progress.received += 1);
                    patience.as_mut().reset(Instant::now() + wait);
                }
                Ok(None) => break ReplayEnd::Closed,
                Err(error) => break ReplayEnd::Failed(error),
            },
            all = &mut sending.task, if sent == SendState::Going => {
                sent = if all.unwrap_or(false) { SendState::Complete } else { SendState::Broken };
                patience.as_mut().reset(Instant::now() + wait);
            }
            () = &mut patience, if sent != SendState::Going => break match sent {
                SendState::Broken => ReplayEnd::Closed,
                SendState::Going | SendState::Complete => ReplayEnd::Enough,
            },
        }
    };
    let all_sent = match sent {
        SendState::Going => sending.was_complete().await,
        SendState::Complete => true,
        SendState::Broken => false,
    };
    let is_complete = all_sent && is_enough(messages);
    if is_complete { ReplayEnd::Enough } else { ended }
}

/// Closes the connection as the client did that was recorded, otherwise with 1000.
async fn close(sender: Sender, receiver: &mut Receiver, recorded: Option<&RecordedEnd>) {
    let frame = recorded
        .filter(|end| end.by == Some(Direction::Sent))
        .and_then(|end| CloseFrame::new(end.code, end.reason.clone()).ok());
    let (code, reason) =
        frame.map_or((CloseCode::NORMAL, String::new()), |frame| (frame.code(), frame.reason().to_owned()));
    let closing = tokio::spawn(async move { sender.close(code, &reason).await });
    while let Ok(Some(_)) = receiver.recv().await {}
    let _ended = closing.await;
}
