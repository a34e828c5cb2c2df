//! `longwire replay`.

mod comparison;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use longwire::{By, CloseCode, CloseFrame, Closed, Direction, Message, Receiver, Sender};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::args::{Pace, ReplayArgs};
use crate::connect::outcome::{INTERRUPTED, connecting_failed, connection_failed};
use crate::failure::Failure;
use crate::har::{self, RecordedEnd, RecordedMessage, Recording};
use crate::json_text::JsonLayout;
use crate::message_view::{MessageView, milliseconds};
use crate::paint::Palette;
use crate::signals::Ending;
use crate::standard_output;
use crate::terminal::{self, escape};
use comparison::Comparison;

pub(crate) async fn run(args: ReplayArgs) -> Result<ExitCode, Failure> {
    let mut ending = Ending::of_client();
    let client = args.endpoint.client()?;
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
    let script = Script { messages: messages.into(), pace: args.pace, speed: args.speed, wait: args.wait };
    let (left, unsent) = watch::channel(script.to_send());
    let sending = ScriptRun { task: tokio::spawn(script.send(sender.clone(), progress, left)), unsent };
    let wanted = Wanted { messages: expected.len(), close: recorded_end.as_ref().is_some_and(is_by_server) };
    let answers = tokio::select! {
        answers = receive(&mut receiver, wanted, &count, sending, args.wait) => answers,
        () = ending.next() => Answers { messages: Vec::new(), end: ReplayEnd::Interrupted },
    };
    let answered = answers.messages;
    if !matches!(answers.end, ReplayEnd::Failed(_)) {
        close(sender, &mut receiver, recorded_end.as_ref()).await;
    }
    if let ReplayEnd::Interrupted = answers.end {
        return Ok(INTERRUPTED.into());
    }
    let view = MessageView {
        json: JsonLayout::of(args.pretty),
        palette: Palette::of(terminal::colour_on(io::stdout().is_terminal())),
    };
    let ends = [recorded_end.filter(is_by_server), end_by_server(&receiver.closed())]
        .map(|end| end.map(|end| end.to_string()));
    let comparison = Comparison::of(&expected, &answered, &args.ignore).with_ends(ends, &args.ignore);
    standard_output::print(comparison.text(view).as_bytes())?;
    if let ReplayEnd::Failed(error) = answers.end {
        return Err(connection_failed(error));
    }
    if let ReplayEnd::Closed = answers.end {
        terminal::complain(
            "longwire: the connection ended before everything was sent and all answers had arrived",
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(if comparison.is_same() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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

/// How many messages have arrived.
#[derive(Debug, Default, Clone, Copy)]
struct Arrived {
    received: usize,
}

/// What to send, and when.
struct Script {
    messages: Arc<[RecordedMessage]>,
    pace: Pace,
    speed: f64,
    wait: Duration,
}

impl Script {
    fn to_send(&self) -> usize {
        self.messages.iter().filter(|message| message.direction == Direction::Sent).count()
    }

    /// Sends all messages, and keeps in `left` how many are still to be begun. Returns whether all were sent.
    async fn send(
        self,
        sender: Sender,
        mut progress: watch::Receiver<Arrived>,
        left: watch::Sender<usize>,
    ) -> bool {
        let begun = Instant::now();
        let mut answers = 0;
        for recorded in self.messages.iter() {
            if recorded.direction == Direction::Received {
                answers += 1;
                continue;
            }
            match self.pace {
                Pace::Max => {}
                Pace::Clock => sleep_until(begun + recorded.at.div_f64(self.speed)).await,
                Pace::Answers => {
                    let have_come = progress.wait_for(|progress| progress.received >= answers);
                    // An answer that does not come will be shown as missing.
                    let _come = timeout(self.wait, have_come).await;
                }
            }
            left.send_modify(|left| *left -= 1);
            if sender.send(recorded.message.clone()).await.is_err() {
                // The receiver learns how the connection ended.
                return false;
            }
        }
        true
    }
}

/// A script that is being sent.
struct ScriptRun {
    task: JoinHandle<bool>,
    unsent: watch::Receiver<usize>,
}

impl ScriptRun {
    /// Whether everything was sent, once the connection has ended.
    async fn was_complete(self) -> bool {
        // The last message may have been answered before its sender says that it was sent. It does not wait any more.
        *self.unsent.borrow() == 0 && self.task.await.unwrap_or(false)
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

/// What has arrived, and why no more is waited for.
struct Answers {
    messages: Vec<Message>,
    end: ReplayEnd,
}

enum ReplayEnd {
    /// As many messages have arrived as were recorded, or they did not arrive in time.
    Enough,
    Closed,
    Failed(longwire::Error),
    Interrupted,
}

/// Receives as many messages as were recorded. After the last one was sent, it waits only for `wait`.
async fn receive(
    receiver: &mut Receiver,
    wanted: Wanted,
    count: &watch::Sender<Arrived>,
    mut sending: ScriptRun,
    wait: Duration,
) -> Answers {
    let mut messages = Vec::new();
    let mut sent = SendState::Going;
    let is_enough = |messages: &[Message]| messages.len() >= wanted.messages;
    let patience = sleep(wait);
    tokio::pin!(patience);
    let ended = loop {
        if sent == SendState::Complete && is_enough(&messages) && !wanted.close {
            return Answers { messages, end: ReplayEnd::Enough };
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
    let is_complete = all_sent && is_enough(&messages);
    Answers { messages, end: if is_complete { ReplayEnd::Enough } else { ended } }
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
