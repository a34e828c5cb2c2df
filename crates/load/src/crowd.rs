//! All connections of a thread, with the sockets below them.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use longwire_proto::ControlOpcode;

use crate::connection::{Connection, ConnectionPhase};
use crate::exchange::{Exchange, Role};
use crate::expected::Expected;
use crate::fault::Fault;
use crate::io::{Dropping, Happened, Io};
use crate::ledger::{Ledger, Publications};
use crate::plan::{Ending, Pace, Plan, Workload};
use crate::plan_error::PlanError;
use crate::reopening::Reopenings;
use crate::series::{Coding, control_frame};
use crate::table::Token;
use crate::target::Target;
use crate::traffic;

/// How many happenings are handled before the time is looked at.
const TURN: usize = 4096;

/// How long a server may take to answer a Close frame.
pub(crate) const CLOSING: Duration = Duration::from_secs(2);

/// How many buffers are kept to be used again.
const SPARE: usize = 1024;

#[derive(Debug)]
pub(crate) struct Crowd<'p> {
    io: Io,
    /// By the place of their token.
    connections: Vec<Option<(Token, Connection)>>,
    expected: Expected,
    pub(crate) ledger: Ledger<'p>,
    /// Echo connections and subscribers that are open.
    pub(crate) open: Vec<Token>,
    /// The publisher of each channel, if it is open.
    pub(crate) publishers: Vec<Option<Token>>,
    /// Connections that are being opened, and when that began. Some are open meanwhile, or have failed.
    opening: VecDeque<(Instant, Token)>,
    pub(crate) opening_count: usize,
    /// Connections whose closing handshake began, and when.
    closing: VecDeque<(Instant, Token)>,
    /// Connections that wait for the end of their closing handshake.
    pub(crate) closing_count: usize,
    pub(crate) reopenings: Reopenings,
    /// How many connections were begun.
    number: usize,
    spare: Vec<Vec<u8>>,
}

impl<'p> Crowd<'p> {
    pub(crate) fn new(plan: &'p Plan, target: &'p Target) -> Result<Crowd<'p>, PlanError> {
        let (expected, outgoing) = traffic::series(plan)?;
        Ok(Crowd {
            io: Io::new(plan.engine)?,
            connections: Vec::new(),
            expected: Expected::new(expected),
            ledger: Ledger::new(plan, target, outgoing),
            open: Vec::new(),
            publishers: vec![None; plan.channels()],
            opening: VecDeque::new(),
            opening_count: 0,
            closing: VecDeque::new(),
            closing_count: 0,
            reopenings: Reopenings::new(plan.reopening),
            number: 0,
            spare: Vec::new(),
        })
    }

    pub(crate) fn engine(&self) -> &'static str {
        self.io.name()
    }

    /// Begins to open a connection, which was due at this time. `None`: the system has no socket for it.
    pub(crate) fn begin(&mut self, role: Role, channel: usize, due: Instant) -> Option<Token> {
        let number = self.number;
        self.number += 1;
        self.ledger.tally.begun += 1;
        // Each connection begins with another message, so that an answer on the wrong one is noticed.
        let first = if role == Role::Echo { number % self.expected.series().count() } else { 0 };
        let connection = Connection::new(role, channel, first, due);
        match self.ledger.target.connect(number).and_then(|socket| self.io.connecting(socket)) {
            Ok(token) => {
                if self.connections.len() <= token.place() {
                    self.connections.resize_with(token.place() + 1, || None);
                }
                if let Some(place) = self.connections.get_mut(token.place()) {
                    *place = Some((token, connection));
                }
                self.opening.push_back((Instant::now(), token));
                self.opening_count += 1;
                Some(token)
            }
            Err(error) => {
                self.ledger.tally.failed += 1;
                self.ledger.tally.error(&Fault::Connect(error).to_string());
                self.reopenings.add(role, channel, Instant::now());
                None
            }
        }
    }

    /// Opens others for connections that have ended, where that is due. Returns when the next one is.
    pub(crate) fn reopen(&mut self, now: Instant) -> Option<Instant> {
        while self.opening_count < self.ledger.plan.together {
            let Some((role, channel)) = self.reopenings.next(now) else { return self.reopenings.due() };
            let token = self.begin(role, channel, now);
            if let Some(connection) = token.and_then(|token| self.get(token)) {
                connection.is_replacement = true;
            }
        }
        None
    }

    /// Waits until something has happened or the time is over, and handles it.
    pub(crate) fn turn(&mut self, time: Option<Duration>) -> io::Result<()> {
        self.io.wait(time)?;
        for _ in 0..TURN {
            let Some(happened) = self.io.next() else { break };
            self.handle(happened);
        }
        Ok(())
    }

    fn handle(&mut self, happened: Happened) {
        match happened {
            Happened::Received(token, data) => {
                self.step(token, |connection, ledger, expected| {
                    connection.received(token, &data, ledger, expected)
                });
                self.io.recycle(data);
            }
            Happened::Sent(token, buffer, result) => {
                if self.spare.len() < SPARE {
                    self.spare.push(buffer);
                }
                self.step(token, |connection, _, _| {
                    connection.sent();
                    result.map_err(Fault::Transport)
                });
            }
            Happened::Connected(token, Ok(())) => {
                self.step(token, |connection, ledger, _| connection.connected(ledger));
            }
            Happened::Connected(token, Err(error)) => self.fail(token, &Fault::Connect(error)),
            Happened::Ended(token, Ok(())) => self.fail(token, &Fault::Ended),
            Happened::Ended(token, Err(error)) => self.fail(token, &Fault::Transport(error)),
        }
    }

    /// Lets a connection do something, and sends what it has to send.
    fn step(
        &mut self,
        token: Token,
        work: impl FnOnce(&mut Connection, &mut Ledger<'_>, &mut Expected) -> Result<(), Fault>,
    ) {
        let Self { connections, ledger, expected, io, spare, .. } = self;
        let Some((_, connection)) =
            connections.get_mut(token.place()).and_then(Option::as_mut).filter(|(known, _)| *known == token)
        else {
            return;
        };
        let was_opening = connection.phase.is_opening();
        let result = work(connection, ledger, expected);
        let is_opening = connection.phase.is_opening();
        let mut buffer = spare.pop().unwrap_or_default();
        if connection.output(ledger, &mut buffer) {
            io.send(token, buffer);
        } else {
            spare.push(buffer);
        }
        if was_opening && !is_opening {
            self.opened(token, result.is_ok());
        }
        if let Err(fault) = result {
            self.fail(token, &fault);
        }
    }

    pub(crate) fn get(&mut self, token: Token) -> Option<&mut Connection> {
        let (known, connection) = self.connections.get_mut(token.place())?.as_mut()?;
        (*known == token).then_some(connection)
    }

    /// A connection is open, and goes on unless it has failed in the same step.
    fn opened(&mut self, token: Token, goes_on: bool) {
        self.opening_count = self.opening_count.saturating_sub(1);
        self.ledger.tally.opened += 1;
        let place = self.open.len();
        let Some(connection) = self.get(token) else { return };
        let (role, channel, due) = (connection.exchange.role, connection.exchange.channel, connection.due);
        let is_replacement = connection.is_replacement;
        if role == Role::Publisher || role == Role::Visitor {
            connection.listed = None;
        } else {
            connection.listed = Some(place);
            self.open.push(token);
        }
        if let Some(publications) = self.ledger.channels.get_mut(channel).filter(|_| role == Role::Subscriber)
        {
            publications.subscribers += 1;
        }
        match role {
            Role::Publisher => self.set_publisher(channel, token),
            Role::Visitor => {
                self.ledger.opened(due);
                self.end(token);
            }
            Role::Subscriber if self.ledger.plan.is_first_publisher() => {
                if self.publishers.get(channel).is_some_and(Option::is_none) {
                    self.set_publisher(channel, token);
                }
            }
            Role::Subscriber | Role::Echo | Role::Idle => {}
        }
        if is_replacement {
            self.ledger.tally.reopened += 1;
            if goes_on {
                self.begin_loop(token, Instant::now());
            }
        }
    }

    /// Lets a connection send its first messages of a closed loop.
    pub(crate) fn begin_loop(&mut self, token: Token, now: Instant) {
        if self.ledger.is_draining() {
            return;
        }
        if let Workload::Echo { pace: Pace::Closed { depth, .. }, .. } = self.ledger.plan.workload {
            for _ in 0..depth {
                self.send(token, now);
            }
        }
    }

    /// Lets a connection publish to a channel from now on.
    fn set_publisher(&mut self, channel: usize, token: Token) {
        let published = self.ledger.channels.get(channel).map_or(0, Publications::count);
        let Some(series) = self.ledger.series(channel).cloned() else { return };
        if let Some(connection) = self.get(token) {
            connection.exchange.inherit(published, &series);
        }
        if let Some(publisher) = self.publishers.get_mut(channel) {
            *publisher = Some(token);
        }
    }

    /// Lets the connection send one more message, which was due at this time. Returns whether there is the connection.
    pub(crate) fn send(&mut self, token: Token, due: Instant) -> bool {
        let mut is_there = false;
        self.step(token, |connection, ledger, _| {
            connection.exchange.owe(due, ledger);
            is_there = true;
            Ok(())
        });
        is_there
    }

    /// Publishes to a channel. Returns whether it has a publisher.
    pub(crate) fn publish(&mut self, channel: usize, due: Instant) -> bool {
        let Some(token) = self.publishers.get(channel).copied().flatten() else { return false };
        if let Some(publications) = self.ledger.channels.get_mut(channel) {
            publications.publish(due);
        }
        self.send(token, due)
    }

    /// How many deliveries the next publication to a channel waits for. `None`: nobody is subscribed.
    pub(crate) fn awaited(&self, channel: usize) -> Option<u64> {
        let publications = self.ledger.channels.get(channel)?;
        (publications.subscribers > 0).then(|| publications.awaited())
    }

    /// Lets connections send that have thought enough. Returns when the next one has.
    pub(crate) fn wake(&mut self, now: Instant) -> Option<Instant> {
        while let Some(Reverse((at, bits))) = self.ledger.thinking.peek().copied() {
            if at > now {
                return Some(at);
            }
            self.ledger.thinking.pop();
            self.send(Token::from_bits(bits), at);
        }
        None
    }

    /// Gives up connections whose opening or closing takes too long.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.expire_closing(now);
        while let Some((began, token)) = self.opening.front().copied() {
            let is_opening = self.get(token).is_some_and(|connection| connection.phase.is_opening());
            if is_opening && now.saturating_duration_since(began) < self.ledger.plan.patience {
                return;
            }
            self.opening.pop_front();
            if is_opening {
                let phase = self.get(token).map_or("open", |connection| connection.phase.name());
                self.fail(token, &Fault::TimedOut(phase));
            }
        }
    }

    fn expire_closing(&mut self, now: Instant) {
        while let Some((began, token)) = self.closing.front().copied() {
            if self.get(token).is_some() && now.saturating_duration_since(began) < CLOSING {
                return;
            }
            self.closing.pop_front();
            self.remove(token, Dropping::WithReset);
        }
    }

    /// A connection has failed, or was ended by the server.
    fn fail(&mut self, token: Token, fault: &Fault) {
        let Some(connection) = self.get(token) else { return };
        let (is_closing, is_opening) =
            (matches!(connection.phase, ConnectionPhase::Closing), connection.phase.is_opening());
        let is_open = matches!(connection.phase, ConnectionPhase::Open);
        let Exchange { role, channel, .. } = connection.exchange;
        if let Fault::Closed(code) = fault {
            *self.ledger.tally.closes.entry(*code).or_default() += 1;
            // The answer to the Close frame goes out if the connection is not in the middle of a send.
            self.answer_close(token, *code);
        }
        if is_open {
            self.give_up(token);
        }
        self.remove(token, if is_closing { Dropping::Gently } else { self.dropping() });
        if is_closing {
            return;
        }
        let tally = &mut self.ledger.tally;
        if is_opening {
            tally.failed += 1;
        } else {
            tally.ended_early += 1;
        }
        tally.error(&fault.to_string());
        self.reopenings.add(role, channel, Instant::now());
    }

    fn answer_close(&mut self, token: Token, code: u16) {
        let Some(connection) = self.get(token) else { return };
        let payload = if code == 1005 { Vec::new() } else { code.to_be_bytes().to_vec() };
        if connection.is_quiet() && !matches!(connection.phase, ConnectionPhase::Closing) {
            control_frame(ControlOpcode::Close, &payload, &mut connection.exchange.queue);
            self.step(token, |_, _, _| Ok(()));
        }
    }

    fn dropping(&self) -> Dropping {
        match self.ledger.plan.ending {
            Ending::Close => Dropping::Gently,
            Ending::Reset => Dropping::WithReset,
        }
    }

    /// Ends a connection, as the plan says.
    pub(crate) fn end(&mut self, token: Token) {
        if self.ledger.plan.ending == Ending::Reset || self.ledger.target.coding() == Coding::Tcp {
            self.remove(token, self.dropping());
            return;
        }
        let mut is_there = false;
        self.step(token, |connection, _, _| {
            is_there = true;
            // RFC 6455 §7.4.1: 1000, the purpose is fulfilled.
            control_frame(ControlOpcode::Close, &1000_u16.to_be_bytes(), &mut connection.exchange.queue);
            connection.phase = ConnectionPhase::Closing;
            Ok(())
        });
        if is_there {
            self.unlist(token);
            self.closing_count += 1;
            self.closing.push_back((Instant::now(), token));
        }
    }

    fn unlist(&mut self, token: Token) {
        let Some(connection) = self.get(token) else { return };
        let Exchange { role, channel, .. } = connection.exchange;
        let listed = connection.listed.take();
        let was_publisher = self.publishers.get(channel).copied().flatten() == Some(token);
        if let Some(publisher) = self.publishers.get_mut(channel).filter(|_| was_publisher) {
            *publisher = None;
        }
        let Some(place) = listed else { return };
        let missing = self.missing_at(token);
        if let Some(publications) = self.ledger.channels.get_mut(channel).filter(|_| role == Role::Subscriber)
        {
            publications.subscribers = publications.subscribers.saturating_sub(1);
            publications.settle(missing);
        }
        self.open.swap_remove(place);
        if let Some(moved) = self.open.get(place).copied()
            && let Some(connection) = self.get(moved)
        {
            connection.listed = Some(place);
        }
        if was_publisher && self.ledger.plan.is_first_publisher() {
            self.find_heir(channel);
        }
    }

    /// Lets another subscriber publish.
    fn find_heir(&mut self, channel: usize) {
        let heir = self.open.iter().copied().find(|token| self.channel(*token) == Some(channel));
        if let Some(heir) = heir {
            self.set_publisher(channel, heir);
        }
    }

    fn channel(&self, token: Token) -> Option<usize> {
        let (known, connection) = self.connections.get(token.place())?.as_ref()?;
        (*known == token).then_some(connection.exchange.channel)
    }

    fn remove(&mut self, token: Token, how: Dropping) {
        self.unlist(token);
        let Some(place) = self.connections.get_mut(token.place()) else { return };
        let Some((_, connection)) = place.take_if(|(known, _)| *known == token) else { return };
        if connection.phase.is_opening() {
            self.opening_count = self.opening_count.saturating_sub(1);
        }
        if matches!(connection.phase, ConnectionPhase::Closing) {
            self.closing_count = self.closing_count.saturating_sub(1);
        }
        self.io.release(token, how);
    }

    /// How many answers and deliveries are still to come.
    pub(crate) fn missing(&self) -> u64 {
        let connections = self.connections.iter().flatten();
        connections.map(|(_, connection)| connection.exchange.missing(&self.ledger)).sum()
    }

    /// Counts what is still to come at a connection as unanswered.
    fn give_up(&mut self, token: Token) {
        let connection = self.connections.get(token.place()).and_then(Option::as_ref);
        if let Some((_, connection)) = connection.filter(|(known, _)| *known == token) {
            connection.exchange.give_up(&mut self.ledger);
        }
    }

    /// Counts what is still to come at all connections as unanswered.
    pub(crate) fn give_up_all(&mut self) {
        for (_, connection) in self.connections.iter().flatten() {
            connection.exchange.give_up(&mut self.ledger);
        }
    }

    /// How many of them are still to come at a connection.
    fn missing_at(&self, token: Token) -> u64 {
        let connection = self.connections.get(token.place()).and_then(Option::as_ref);
        let connection = connection.filter(|(known, _)| *known == token);
        connection.map_or(0, |(_, connection)| connection.exchange.missing(&self.ledger))
    }

    /// All connections that are open.
    pub(crate) fn all_open(&self) -> Vec<Token> {
        self.all(|phase| matches!(phase, ConnectionPhase::Open))
    }

    /// Drops all connections that are still being opened.
    pub(crate) fn drop_opening(&mut self) {
        for token in self.all(ConnectionPhase::is_opening) {
            self.remove(token, Dropping::WithReset);
        }
    }

    fn all(&self, is_in: impl Fn(&ConnectionPhase) -> bool) -> Vec<Token> {
        let connections = self.connections.iter().flatten();
        connections.filter(|(_, connection)| is_in(&connection.phase)).map(|(token, _)| *token).collect()
    }
}
