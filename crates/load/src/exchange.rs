//! The messages of one connection: what it has to send, and what it waits for.

use std::collections::VecDeque;
use std::time::Instant;

use longwire_proto::ControlOpcode;
use memchr::memmem;

use crate::expected::Expected;
use crate::fault::Fault;
use crate::hub::{self, Line};
use crate::ledger::{Ledger, Publications, Unanswered};
use crate::plan::Step;
use crate::reader::Incoming;
use crate::series::{Series, control_frame, text_frame};
use crate::table::Token;

/// The most that goes out in one send, in bytes, if it is more than one message.
const TOGETHER: usize = 1 << 20;

/// How many messages of a connection may be unanswered. Further ones are not sent, and have no answer.
const MOST_UNANSWERED: usize = 1 << 20;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It expects its own messages back.
    Echo,
    /// It expects what is published.
    Subscriber,
    /// It publishes, and messages that arrive are not looked at.
    Publisher,
    /// It was opened to be dropped.
    Visitor,
    /// It is kept open.
    Idle,
}

#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) role: Role,
    pub(crate) channel: usize,
    /// Bytes that go out before the next message.
    pub(crate) queue: Vec<u8>,
    /// The answers to pings that go out before that. A server that sends pings and never reads cannot make them more.
    pongs: Pongs,
    /// Whether the server has let it in.
    pub(crate) has_joined: bool,
    /// How many steps before the first message are done.
    steps: usize,
    /// The message to send next, how many are to be sent, and the message behind them.
    next: usize,
    owed: usize,
    behind: usize,
    /// When the messages were due that have no answer.
    unanswered: VecDeque<Instant>,
    /// How many publications the subscriber has got, or missed.
    position: u64,
    /// Whether it was opened while others publish, and has got nothing yet.
    is_late: bool,
}

/// The answers to the latest pings, the only ones that are needed (RFC 6455 §5.5.3).
#[derive(Debug, Default)]
struct Pongs {
    /// To a ping of the protocol, as a frame.
    frame: Vec<u8>,
    /// Whether the hub has sent one of its own pings.
    to_hub: bool,
}

/// An answer, or a delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    /// How many before it never came.
    skipped: usize,
    /// Its content, in bytes.
    length: usize,
}

impl Answer {
    /// The one that was expected next.
    pub(crate) fn in_turn(length: usize) -> Answer {
        Answer { skipped: 0, length }
    }
}

impl Exchange {
    pub(crate) fn new(role: Role, channel: usize, first: usize) -> Exchange {
        Exchange {
            role,
            channel,
            queue: Vec::new(),
            pongs: Pongs::default(),
            has_joined: false,
            steps: 0,
            next: first,
            owed: 0,
            behind: first,
            unanswered: VecDeque::new(),
            position: 0,
            is_late: false,
        }
    }

    /// Begins the next step before the first message, if there is one.
    pub(crate) fn begin_step(&mut self, steps: &[Step]) -> bool {
        let Some(step) = steps.get(self.steps) else { return false };
        if let Some(text) = &step.send {
            self.queue.extend(text_frame(text));
        }
        true
    }

    /// Takes a message before the first one of its own.
    fn join(&mut self, message: &[u8], steps: &[Step]) {
        let Some(step) = steps.get(self.steps) else { return };
        if memmem::find(message, step.until.as_bytes()).is_some() {
            self.steps += 1;
            self.has_joined = !self.begin_step(steps);
        }
    }

    /// How many answers or deliveries are still to come.
    pub(crate) fn missing(&self, ledger: &Ledger<'_>) -> u64 {
        match self.role {
            Role::Echo => as_u64(self.unanswered.len()),
            Role::Subscriber => {
                let published = ledger.channels.get(self.channel).map_or(0, Publications::count);
                published.saturating_sub(self.position)
            }
            Role::Publisher | Role::Visitor | Role::Idle => 0,
        }
    }

    /// Counts what is still to come as unanswered.
    pub(crate) fn give_up(&self, ledger: &mut Ledger<'_>) {
        let missing = self.missing(ledger);
        let measured = match self.role {
            Role::Subscriber => {
                let earlier = ledger.published_before(self.channel).saturating_sub(self.position);
                missing.saturating_sub(earlier)
            }
            _ => as_u64(self.unanswered.iter().filter(|due| ledger.counts(**due)).count()),
        };
        let earlier = missing - measured;
        let earlier_bytes = self.oldest_bytes(earlier, ledger);
        ledger.unanswered(Unanswered { measured, earlier, earlier_bytes });
    }

    /// The content of so many of its messages without an answer, in bytes: the oldest ones.
    fn oldest_bytes(&self, count: u64, ledger: &Ledger<'_>) -> u64 {
        let Some(series) = ledger.series(self.channel).filter(|_| self.role == Role::Echo) else { return 0 };
        let (messages, waiting) = (series.count(), self.unanswered.len());
        let oldest = self.behind + messages - waiting % messages;
        let places = (0..waiting).zip(0..count);
        places.map(|(place, _)| as_u64(series.length((oldest + place) % messages))).sum()
    }

    /// The subscriber gets only the publications behind these.
    fn begin_at(&mut self, published: u64) {
        self.position = published;
    }

    /// The same for one that was opened while others publish. Which publication it gets first is up to the server.
    pub(crate) fn begin_late(&mut self, published: u64) {
        self.begin_at(published);
        self.is_late = true;
    }

    /// Its next message is that of a channel with so many publications.
    pub(crate) fn inherit(&mut self, published: u64, series: &Series) {
        let next = series.place(published);
        (self.next, self.behind) = (next, next);
    }

    /// The connection sends nothing any more, after its Close frame (RFC 6455 §5.5.1).
    pub(crate) fn forget_pongs(&mut self) {
        self.pongs = Pongs::default();
    }

    /// Lets one more message go out, which was due at this time.
    pub(crate) fn owe(&mut self, due: Instant, ledger: &mut Ledger<'_>) {
        let Some(series) = ledger.series(self.channel) else { return };
        let length = series.length(self.behind);
        let after = series.after(self.behind);
        if self.role == Role::Echo {
            if self.unanswered.len() >= MOST_UNANSWERED {
                ledger.not_sent(due, 1);
                return;
            }
            self.unanswered.push_back(due);
        }
        let expected = match self.role {
            Role::Echo => 1,
            _ => ledger.channels.get(self.channel).map_or(0, |publications| publications.subscribers),
        };
        self.behind = after;
        self.owed += 1;
        ledger.sent(due, length, expected);
    }

    /// Puts what is to be sent into the buffer.
    pub(crate) fn output(&mut self, ledger: &Ledger<'_>, is_open: bool, buffer: &mut Vec<u8>) {
        buffer.append(&mut self.pongs.frame);
        if std::mem::take(&mut self.pongs.to_hub) {
            buffer.extend(text_frame(hub::PONG));
        }
        buffer.append(&mut self.queue);
        if self.owed == 0 || !is_open {
            return;
        }
        let Some(series) = ledger.series(self.channel) else { return };
        let most = (TOGETHER / series.frames(self.next, 1).len().max(1)).max(1);
        let count = self.owed.min(series.count()).min(most);
        buffer.extend_from_slice(series.frames(self.next, count));
        self.next = (self.next + count) % series.count();
        self.owed -= count;
    }

    /// Takes what the server has sent. Returns the number of the message that is expected next, if it is not `next`.
    pub(crate) fn take(
        &mut self,
        token: Token,
        incoming: &Incoming<'_>,
        (next, expected): (usize, &Expected),
        ledger: &mut Ledger<'_>,
        now: Instant,
    ) -> Result<Option<usize>, Fault> {
        match incoming {
            Incoming::Expected => {
                self.answered(token, Answer::in_turn(expected.length_before(next)), ledger, now);
            }
            Incoming::Ping(payload) => {
                self.pongs.frame.clear();
                control_frame(ControlOpcode::Pong, payload, &mut self.pongs.frame);
                ledger.tally.pings += 1;
            }
            Incoming::Close(code) => {
                return Err(Fault::Closed(code.unwrap_or(1005)));
            }
            Incoming::Other(message) => {
                let steps = &ledger.plan.joining;
                if self.role == Role::Echo && self.steps < steps.len() {
                    self.join(message.unwrap_or_default(), steps);
                    return Ok(None);
                }
                return match (ledger.hub_channel(self.channel).is_some(), message) {
                    (true, Some(message)) => self.hub(token, message, (next, expected), ledger, now),
                    _ => Ok(self.other(token, *message, (next, expected), ledger, now)),
                };
            }
        }
        Ok(None)
    }

    fn other(
        &mut self,
        token: Token,
        message: Option<&[u8]>,
        (next, expected): (usize, &Expected),
        ledger: &mut Ledger<'_>,
        now: Instant,
    ) -> Option<usize> {
        let length = message.map_or(0, <[u8]>::len);
        if !ledger.is_check_equal() {
            self.answered(token, Answer::in_turn(length), ledger, now);
            return Some(expected.after(next));
        }
        let found = message.and_then(|message| expected.series().ahead(next, |reply| reply == message));
        self.out_of_place(
            token,
            found.map(|skipped| Answer { skipped, length }),
            (next, expected),
            ledger,
            now,
        )
    }

    /// Judges a message that is not the expected one, but perhaps that of another place.
    fn out_of_place(
        &mut self,
        token: Token,
        found: Option<Answer>,
        (next, expected): (usize, &Expected),
        ledger: &mut Ledger<'_>,
        now: Instant,
    ) -> Option<usize> {
        if matches!(self.role, Role::Publisher | Role::Idle | Role::Visitor) {
            return None;
        }
        let count = expected.series().count();
        match found {
            // The same bytes as expected, but text instead of binary or the other way round.
            Some(Answer { skipped: 0, .. }) | None => ledger.tally.unexpected += 1,
            // It was published before the subscriber was open.
            Some(answer) if self.is_late && answer.skipped > count / 2 => {}
            // What is half a series ahead is rather something from before.
            Some(answer) if answer.skipped <= count / 2 => {
                self.answered(token, answer, ledger, now);
                return Some((next + answer.skipped + 1) % count);
            }
            Some(_) => ledger.tally.repeated += 1,
        }
        None
    }

    /// Counts an answer.
    pub(crate) fn answered(&mut self, token: Token, answer: Answer, ledger: &mut Ledger<'_>, now: Instant) {
        let Answer { skipped, length } = answer;
        match self.role {
            Role::Echo => {
                let skipped = skipped.min(self.unanswered.len());
                self.unanswered.drain(..skipped).for_each(|due| ledger.lost(due, 1));
                let Some(due) = self.unanswered.pop_front() else {
                    ledger.tally.repeated += 1;
                    return;
                };
                ledger.answered(due, length, now);
                for _ in 0..=skipped {
                    self.go_on(token, ledger, now);
                }
            }
            Role::Subscriber => {
                let skipped = as_u64(skipped);
                if self.is_late && self.missing(ledger) <= skipped {
                    // It was published before the subscriber was open. A short series has the same message again.
                    return;
                }
                let missed = self.position..self.position + skipped;
                match std::mem::take(&mut self.is_late) {
                    true => ledger.not_expected(self.channel, missed),
                    false => ledger.lost_publications(self.channel, missed),
                }
                let Some(channel) = ledger.channels.get_mut(self.channel) else { return };
                self.position += skipped;
                channel.skip(skipped);
                if self.position >= channel.count() {
                    ledger.tally.repeated += 1;
                    return;
                }
                let due = channel.due(self.position);
                self.position += 1;
                channel.settle(1);
                if let Some(due) = due {
                    ledger.answered(due, length, now);
                }
            }
            Role::Publisher | Role::Visitor | Role::Idle => {}
        }
    }

    /// Sends again, in a closed loop.
    fn go_on(&mut self, token: Token, ledger: &mut Ledger<'_>, now: Instant) {
        if ledger.is_draining() {
            return;
        }
        match ledger.closed_loop() {
            None => {}
            Some(think) if think.most.is_zero() => self.owe(now, ledger),
            Some(think) => ledger.think(think, token, now),
        }
    }

    /// Takes a message of the hub, which may have several parts.
    fn hub(
        &mut self,
        token: Token,
        message: &[u8],
        (mut next, expected): (usize, &Expected),
        ledger: &mut Ledger<'_>,
        now: Instant,
    ) -> Result<Option<usize>, Fault> {
        for line in hub::lines(message) {
            match line {
                Line::Ping => {
                    self.pongs.to_hub = true;
                    ledger.tally.pings += 1;
                }
                Line::Joined => {
                    self.has_joined = true;
                    let published = ledger.channels.get(self.channel).map_or(0, Publications::count);
                    self.begin_at(published);
                    next = expected.series().place(published);
                }
                Line::Publication(line) if self.role == Role::Subscriber => {
                    let is_in = |reply: &[u8]| memmem::find(line, reply).is_some();
                    let length = line.len();
                    if is_in(expected.message(next)) {
                        self.answered(token, Answer::in_turn(length), ledger, now);
                        next = expected.after(next);
                    } else {
                        let ahead = expected.series().ahead(next, is_in);
                        let found = ahead.map(|skipped| Answer { skipped, length });
                        let after = self.out_of_place(token, found, (next, expected), ledger, now);
                        next = after.unwrap_or(next);
                    }
                }
                Line::Refused(line) => {
                    let text = String::from_utf8_lossy(line.get(..line.len().min(200)).unwrap_or_default());
                    return Err(Fault::Hub(text.into_owned()));
                }
                Line::Publication(_) | Line::Other => {}
            }
        }
        Ok(Some(next))
    }
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::plan::{Dialect, Pace, Plan, Publishers, Think, Workload};
    use crate::series::{Coding, Kind};
    use crate::target::{RequestOptions, Target};

    #[test]
    fn what_a_late_subscriber_gets_from_before_it_was_open_is_not_repeated() {
        for messages in [1_u8, 2] {
            let series = (0..messages).map(|number| vec![number]).collect();
            let series = Arc::new(Series::new(series, Kind::Binary, Coding::Plain).unwrap());
            let expected = Expected::new(Arc::clone(&series));
            let workload = Workload::Fanout {
                series,
                pace: Pace::Closed { depth: 1, think: Think::default() },
                channels: 1,
                dialect: Dialect::Plain,
                publishers: Publishers::Apart,
            };
            let plan = Plan::new(workload, 1);
            let target = Target::resolve("ws://127.0.0.1:1/", &RequestOptions::default()).unwrap();
            let (mut ledger, now) = (Ledger::new(&plan, &target, Vec::new()), Instant::now());
            ledger.begin(now);
            ledger.channels[0].subscribers = 1;
            (0..4).for_each(|_| ledger.channels[0].publish(now));
            let mut exchange = Exchange::new(Role::Subscriber, 0, 0);
            exchange.begin_late(4);
            let mut get = |ledger: &mut Ledger<'_>| {
                exchange.take(Token::from_bits(0), &Incoming::Expected, (0, &expected), ledger, now).unwrap();
                (ledger.tally.received, ledger.tally.repeated)
            };
            // The last two were on their way when it was opened.
            assert_eq!((get(&mut ledger), get(&mut ledger)), ((0, 0), (0, 0)), "{messages}");
            ledger.channels[0].publish(now);
            assert_eq!((get(&mut ledger), get(&mut ledger)), ((1, 0), (1, 1)), "{messages}");
        }
    }

    #[test]
    fn what_is_not_answered_is_counted_with_its_bytes() {
        let series = [10, 100, 1000].map(|length| vec![0_u8; length]).to_vec();
        let series = Arc::new(Series::new(series, Kind::Binary, Coding::Plain).unwrap());
        let pace = Pace::Closed { depth: 5, think: Think::default() };
        let plan = Plan::new(Workload::Echo { series: Arc::clone(&series), pace }, 1);
        let target = Target::resolve("ws://127.0.0.1:1/", &RequestOptions::default()).unwrap();
        let (mut ledger, now) = (Ledger::new(&plan, &target, vec![series]), Instant::now());
        let mut exchange = Exchange::new(Role::Echo, 0, 2);
        (0..5).for_each(|_| exchange.owe(now, &mut ledger));
        ledger.begin(now + Duration::from_secs(1));
        exchange.give_up(&mut ledger);
        // From the third one on.
        assert_eq!((ledger.tally.sent, ledger.tally.sent_bytes), (5, 1000 + 10 + 100 + 1000 + 10));
    }

    #[test]
    fn only_the_latest_ping_is_answered_once_there_is_room() {
        let plan = Plan::new(Workload::Idle, 1);
        let target = Target::resolve("ws://127.0.0.1:1/", &RequestOptions::default()).unwrap();
        let mut ledger = Ledger::new(&plan, &target, Vec::new());
        let series = Series::new(vec![Vec::new()], Kind::Text, Coding::Plain).unwrap();
        let expected = Expected::new(Arc::new(series));
        let (mut exchange, now) = (Exchange::new(Role::Idle, 0, 0), Instant::now());
        for payload in [&b"one"[..], b"two", b"three"] {
            let ping = Incoming::Ping(payload);
            exchange.take(Token::from_bits(0), &ping, (0, &expected), &mut ledger, now).unwrap();
            exchange.hub(Token::from_bits(0), b"{}", (0, &expected), &mut ledger, now).unwrap();
        }
        let mut latest = Vec::new();
        control_frame(ControlOpcode::Pong, b"three", &mut latest);
        let mut output = Vec::new();
        exchange.output(&ledger, true, &mut output);
        assert_eq!(output.len(), latest.len() + text_frame(hub::PONG).len(), "{output:?}");
        exchange.output(&ledger, true, &mut output);
        assert_eq!(output.len(), latest.len() + text_frame(hub::PONG).len(), "{output:?}");
        assert_eq!(ledger.tally.pings, 6);
    }
}
