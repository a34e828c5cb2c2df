//! The order in which a session handles what comes in.

use super::client::NEVER;
use super::state::{Answer, Outcome, Pause, Progress, Turn, Work};
use crate::centrifuge::{Command, CommandResult, Disconnect, ErrorCode, Request};
use crate::control::ControlMessage;

/// How many commands a token weighs: its signature takes some 100 µs to check.
const TOKEN_WEIGHT: usize = 16;

/// The bytes of replies, and the commands, after which a session lets its client read and other clients have their turn.
const BREAK_BYTES: usize = 64 << 10;
const BREAK_COMMANDS: usize = 256;

impl Turn<'_> {
    /// Goes on after a step with what is queued, and sends the replies. With much to do it does a part, and waits: the
    /// program resumes it once the client has read.
    pub(super) fn run(mut self, mut step: Outcome) -> Progress {
        let mut handled = 0_usize;
        loop {
            match step {
                Outcome::Done => {}
                Outcome::Wait(future) => {
                    if !self.pauses() {
                        self.close(&Disconnect::TOO_MANY_REQUESTS);
                        return Progress::Idle;
                    }
                    self.flush();
                    return Progress::Wait(future);
                }
                Outcome::Close(why) => {
                    self.close(&why);
                    return Progress::Idle;
                }
            }
            if self.session.waits() {
                break;
            }
            let mut next = self.next_work();
            let is_much = self.batch.len() >= BREAK_BYTES || handled >= BREAK_COMMANDS;
            if let Some(next) = next.take_if(|_| is_much) {
                self.queue.work.push_front(next);
                step = Outcome::Wait(Box::pin(async { Answer(Box::new(|_| Outcome::Done)) }));
                continue;
            }
            handled += next.as_ref().map_or(0, weight);
            step = match next {
                None => break,
                Some(Work::Plain(data)) => self.publish_plain(data),
                Some(Work::Open(opening)) => self.open(*opening),
                Some(Work::Control(message)) => self.control(message),
                Some(Work::Command(Ok(command))) => self.command(command),
                Some(Work::Command(Err(error))) => self.bad_request(&error.to_string()),
            };
        }
        self.flush();
        Progress::Idle
    }

    fn next_work(&mut self) -> Option<Work> {
        self.queue.work.pop_front().or_else(|| self.frame.as_mut()?.next().map(Work::Command))
    }

    /// Counts what is queued, and the command that waits. Says whether they may.
    fn pauses(&mut self) -> bool {
        let mut queue = std::mem::take(&mut self.queue);
        queue.work.extend(self.frame.take().into_iter().flatten().map(Work::Command));
        let bytes = queue.work.len().saturating_mul(size_of::<Work>()).saturating_add(queue.bytes);
        let reservation = self.session.hub.let_wait(bytes);
        self.session.pause =
            reservation.map(|counted| Box::new(Pause { _counted: counted, frames: 0, queue }));
        self.session.waits()
    }

    fn command(&mut self, command: Command) -> Outcome {
        self.session.hub.counters().commands.add(1);
        let Command { id, request } = command;
        if let Request::Connect(request) = request {
            return self.connect(id, request);
        }
        if self.client().is_none() {
            return self.bad_request("the first command must be connect");
        }
        if self.session.transport.kind.is_one_way() {
            return self.bad_request("a one-way client sent a command");
        }
        if request.declined().is_some() {
            return self.fail(id, ErrorCode::NotAvailable);
        }
        match request {
            Request::Connect(_) => Outcome::Done,
            Request::Subscribe(request) => self.subscribe(id, request),
            Request::Unsubscribe(request) => self.unsubscribe(id, &request.channel),
            Request::Publish(request) => self.publish(id, request),
            Request::Presence(request) => self.presence(id, &request.channel),
            Request::PresenceStats(request) => self.presence_stats(id, &request.channel),
            Request::History(request) => self.history(id, &request),
            Request::Ping(_) => self.reply(id, CommandResult::Ping),
            Request::Send(_) => Outcome::Close(Disconnect::NOT_AVAILABLE),
            Request::Rpc(request) => self.rpc(id, request),
            Request::Refresh(request) => self.refresh(id, &request.token),
            Request::SubRefresh(request) => self.sub_refresh(id, &request.channel, &request.token),
            Request::Pong => self.pong(),
            Request::Unknown => self.fail(id, ErrorCode::MethodNotFound),
        }
    }

    fn control(&mut self, message: ControlMessage) -> Outcome {
        match message {
            ControlMessage::Disconnect(why) => Outcome::Close(why),
            ControlMessage::Unsubscribe(channel) => self.unsubscribe_by_server(channel),
            ControlMessage::Lost { channel, generation } => self.lose_generation(&channel, generation),
            ControlMessage::Subscribe(subscription) => self.subscribe_by_server(*subscription),
            ControlMessage::Refresh { expires_at, info } => self.refresh_by_server(expires_at, info),
            ControlMessage::Message(data) => self.message(&data),
            // Sessions take it apart before.
            ControlMessage::Frame(_) | ControlMessage::Describe(_) => Outcome::Done,
        }
    }

    /// The answer to a ping.
    fn pong(&mut self) -> Outcome {
        match self.client_mut().map(|client| &mut client.heartbeat) {
            Some(heartbeat) if heartbeat.pong_by != NEVER => {
                heartbeat.pong_by = NEVER;
                Outcome::Done
            }
            _ => self.bad_request("a pong without a ping"),
        }
    }
}

fn weight(work: &Work) -> usize {
    let Work::Command(Ok(command)) = work else { return 1 };
    let has_token = match &command.request {
        Request::Connect(request) => !request.token.is_empty(),
        Request::Subscribe(request) => !request.token.is_empty(),
        Request::Refresh(_) | Request::SubRefresh(_) => true,
        _ => false,
    };
    if has_token { TOKEN_WEIGHT } else { 1 }
}
